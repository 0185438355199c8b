/// Finding fields of objects in both encodings.

#include "fields.h"

#include <string.h>

#include "strongroom_protobuf.h"

/// Members that an index has room for at first.
#define MEMBERS_FIRST 16

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
    *truth = false;
    if (message->is_json) {
        sr_bytes value;
        if (!member(message, name, &value)) return false;
        *truth = sr_is(value, "true");
        return *truth || value.len == 0 || sr_is(value, "false");
    }
    sr_pb_field value;
    if (!field(message, name, SR_PB_VARINT, &value)) return false;
    *truth = value.integer != 0;
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
