/// Fields of objects, by name in JSON and by number in protobuf.
#ifndef STRONGROOM_FIELDS_H
#define STRONGROOM_FIELDS_H

#include "strongroom.h"
#include "strongroom_json.h"
#include "strongroom_kubernetes.h"

/// A message of either encoding. Empty: one that is not there, with no fields.
struct sr_message {
    bool is_json;
    sr_bytes bytes;
    /// In JSON, its members with their names decoded, so that the text is walked through once.
    const sr_json_item *members;
    size_t count;
};
typedef struct sr_message sr_message;

/// A message of protobuf, or one of JSON, which must be an object, null or empty; false if it is something else.
bool sr_message_open(bool is_json, sr_bytes bytes, sr_message *message);

/// The fields below are found by both. All functions are false for a field that is malformed, of another type, or there
/// twice, and true for one that is not there, which reads as empty.
typedef struct sr_name {
    const char *json;
    uint32_t number;
} sr_name;

bool sr_field_text(const sr_message *message, sr_name name, sr_bytes *text);
bool sr_field_bool(const sr_message *message, sr_name name, bool *truth);
bool sr_field_optional_bool(const sr_message *message, sr_name name, sr_optional_bool *truth);
/// A whole number of 64 bits.
bool sr_field_optional_s64(const sr_message *message, sr_name name, sr_optional_s64 *number);
bool sr_field_message(const sr_message *message, sr_name name, sr_message *inner);

/// The span of a repeated field or a map: in JSON its value, in protobuf the whole message.
bool sr_field_list(const sr_message *message, sr_name name, sr_bytes *list);

#endif
