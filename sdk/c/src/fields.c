/// Finding fields of objects in both encodings.

#include "fields.h"

#include <string.h>

#include "strongroom_protobuf.h"

/// Members that an index has room for at first.
#define MEMBERS_FIRST 4

static void index_members(sr_message *message) {
    size_t room = 0;
    sr_json_item *members = NULL, item;
    for (sr_json_walk_state walk = sr_json_walk(message->bytes); sr_json_next(&walk, &item);) {
        if (message->count == room) {
            room = room == 0 ? MEMBERS_FIRST : 2 * room;
            sr_json_item *more = sr_alloc(room * sizeof *more);
            if (members) memcpy(more, members, message->count * sizeof *more);
            message->members = members = more;
        }
        sr_json_string(item.name, &item.name);
        members[message->count++] = item;
    }
}

bool sr_message_open(bool is_json, sr_bytes bytes, sr_message *message) {
    *message = (sr_message){.is_json = is_json, .bytes = bytes};
    if (!is_json || bytes.len == 0 || sr_json_is_null(bytes)) return true;
    if (!sr_json_is_object(bytes)) return false;
    index_members(message);
    return true;
}

/// The one member of that name; empty if there is none or it is null.
static bool member(const sr_message *message, sr_name name, sr_bytes *value) {
    size_t found = 0;
    *value = (sr_bytes){0};
    sr_bytes text = sr_text(name.json);
    for (size_t at = 0; at < message->count; at++) {
        if (!sr_equal(message->members[at].name, text)) continue;
        *value = message->members[at].value;
        found++;
    }
    if (sr_json_is_null(*value)) *value = (sr_bytes){0};
    return found <= 1;
}

/// The one field of that number, `found` if there is one. The whole message must be well-formed.
static bool field(const sr_message *message, sr_name name, sr_pb_wire wire, sr_pb_field *value) {
    *value = (sr_pb_field){0};
    sr_bytes rest = message->bytes;
    sr_pb_field each;
    for (;;) {
        switch (sr_pb_next(&rest, &each)) {
            case SR_PB_END: return true;
            case SR_PB_MALFORMED: return false;
            case SR_PB_FIELD: break;
        }
        if (each.number != name.number) continue;
        if (each.wire != wire || value->number != 0) return false;
        *value = each;
    }
}

bool sr_field_text(const sr_message *message, sr_name name, sr_bytes *text) {
    *text = (sr_bytes){0};
    if (message->is_json) {
        sr_bytes value;
        return member(message, name, &value) && (value.len == 0 || sr_json_string(value, text));
    }
    sr_pb_field value;
    if (!field(message, name, SR_PB_BYTES, &value)) return false;
    *text = value.bytes;
    return true;
}

bool sr_field_bool(const sr_message *message, sr_name name, bool *truth) {
    sr_optional_bool optional;
    bool is_read = sr_field_optional_bool(message, name, &optional);
    *truth = optional.truth;
    return is_read;
}

bool sr_field_optional_bool(const sr_message *message, sr_name name, sr_optional_bool *truth) {
    *truth = (sr_optional_bool){0};
    if (message->is_json) {
        sr_bytes value;
        if (!member(message, name, &value)) return false;
        *truth = (sr_optional_bool){value.len > 0, sr_is(value, "true")};
        return truth->truth || value.len == 0 || sr_is(value, "false");
    }
    sr_pb_field value;
    if (!field(message, name, SR_PB_VARINT, &value)) return false;
    *truth = (sr_optional_bool){value.number != 0, value.integer != 0};
    return true;
}

/// A number of JSON without fraction and exponent.
static bool whole_number(sr_bytes text, int64_t *number) {
    bool is_negative = text.at[0] == '-';
    uint64_t magnitude = 0, magnitude_max = (uint64_t)INT64_MAX + is_negative;
    for (size_t at = is_negative; at < text.len; at++) {
        uint8_t digit = (uint8_t)(text.at[at] - '0');
        if (digit > 9 || magnitude > (magnitude_max - digit) / 10) return false;
        magnitude = 10 * magnitude + digit;
    }
    *number = (int64_t)(is_negative ? 0 - magnitude : magnitude);
    return true;
}

bool sr_field_optional_s64(const sr_message *message, sr_name name, sr_optional_s64 *number) {
    *number = (sr_optional_s64){0};
    if (message->is_json) {
        sr_bytes value;
        if (!member(message, name, &value)) return false;
        number->present = value.len > 0;
        return !number->present || whole_number(value, &number->number);
    }
    sr_pb_field value;
    if (!field(message, name, SR_PB_VARINT, &value)) return false;
    *number = (sr_optional_s64){value.number != 0, (int64_t)value.integer};
    return true;
}

bool sr_field_message(const sr_message *message, sr_name name, sr_message *inner) {
    if (message->is_json) {
        sr_bytes value;
        return member(message, name, &value) && sr_message_open(true, value, inner);
    }
    sr_pb_field value;
    return field(message, name, SR_PB_BYTES, &value) && sr_message_open(false, value.bytes, inner);
}

bool sr_field_list(const sr_message *message, sr_name name, sr_bytes *list) {
    if (message->is_json) return member(message, name, list);
    *list = message->bytes;
    return true;
}
