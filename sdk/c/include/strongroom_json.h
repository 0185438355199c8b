/// Reads JSON where it lies.
///
/// A JSON value is an `sr_bytes` that spans its text. Nothing is parsed into a tree and nothing is copied, strings with
/// escapes apart: those are decoded into memory of the call.
///
/// Hostile text: every function stays within its bytes and ends, whatever they are. What the others say of text that
/// `sr_json_is_valid` does not accept means nothing, so ask it first.
#ifndef STRONGROOM_JSON_H
#define STRONGROOM_JSON_H

#include "strongroom.h"

/// Arrays and objects within each other that are accepted. Kubernetes' own schemas go about 30 deep.
#define SR_JSON_DEPTH_MAX 512

/// Whether the text is one JSON value (RFC 8259), white space around it allowed. Whether it is UTF-8 is not looked at.
bool sr_json_is_valid(sr_bytes text);

/// The value without the white space around it.
sr_bytes sr_json_trim(sr_bytes text);

bool sr_json_is_object(sr_bytes value);
bool sr_json_is_array(sr_bytes value);
bool sr_json_is_string(sr_bytes value);
bool sr_json_is_null(sr_bytes value);

/// What a string says, escapes decoded; false if the value is no string. Half a surrogate pair becomes U+FFFD.
bool sr_json_string(sr_bytes value, sr_bytes *text);

/// How many members of an object have this name; `value` becomes that of the last one. A JSON object can have two of a
/// name, and readers disagree on which counts: deny what has more than one.
size_t sr_json_member(sr_bytes object, const char *name, sr_bytes *value);

/// A walk through an object's members or an array's items, begun with `sr_json_walk`.
typedef struct sr_json_walk_state {
    sr_bytes rest;
    bool in_object;
} sr_json_walk_state;

/// One member or item.
typedef struct sr_json_item {
    /// The name as a JSON string, for `sr_json_string`; empty in an array.
    sr_bytes name;
    sr_bytes value;
} sr_json_item;

/// Begins a walk. What is neither object nor array has no items.
sr_json_walk_state sr_json_walk(sr_bytes value);

/// The next item; false at the end.
bool sr_json_next(sr_json_walk_state *walk, sr_json_item *item);

#endif
