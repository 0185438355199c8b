/// Walking through maps in both encodings.

#include "maps.h"

#include "internal.h"
#include "strongroom_json.h"
#include "strongroom_protobuf.h"

static bool is_value(sr_bytes value, bool is_base64) {
    sr_bytes text;
    size_t size;
    if (!is_base64 || !sr_json_is_string(value)) return sr_json_is_string(value) || sr_json_is_null(value);
    return sr_json_string(value, &text) && sr_base64_size(text, &size);
}

static bool is_json_map(sr_bytes map, bool is_base64) {
    if (map.len > 0 && !sr_json_is_object(map)) return false;
    sr_json_walk_state walk = sr_json_walk(map);
    for (sr_json_item item; sr_json_next(&walk, &item);) {
        if (!is_value(item.value, is_base64)) return false;
    }
    return true;
}

/// Reads `{1: key, 2: value}`. Of fields that are there twice the last one counts, as in every reader of protobuf.
static bool read_entry(sr_bytes entry, sr_pair *pair) {
    *pair = (sr_pair){0};
    for (sr_pb_field field;;) {
        switch (sr_pb_next(&entry, &field)) {
            case SR_PB_END: return true;
            case SR_PB_MALFORMED: return false;
            case SR_PB_FIELD: break;
        }
        if (field.number > 2) continue;
        if (field.wire != SR_PB_BYTES) return false;
        *(field.number == 1 ? &pair->key : &pair->value) = field.bytes;
    }
}

static bool is_protobuf_map(sr_bytes message, uint32_t number) {
    sr_pair pair;
    for (sr_pb_field field;;) {
        switch (sr_pb_next(&message, &field)) {
            case SR_PB_END: return true;
            case SR_PB_MALFORMED: return false;
            case SR_PB_FIELD: break;
        }
        if (field.number != number) continue;
        if (field.wire != SR_PB_BYTES || !read_entry(field.bytes, &pair)) return false;
    }
}

bool sr_map_read(const sr_message *message, sr_name name, bool of_bytes, sr_pairs *pairs) {
    sr_bytes map;
    *pairs = (sr_pairs){0};
    if (!sr_field_list(message, name, &map)) return false;
    if (!message->is_json) {
        *pairs = (sr_pairs){map, name.number, false};
        return is_protobuf_map(map, name.number);
    }
    // The walk needs no more than what comes after the brace.
    *pairs = (sr_pairs){sr_skip(map, 1), 0, of_bytes};
    return is_json_map(map, of_bytes);
}

static bool next_in_json(sr_pairs *pairs, sr_pair *pair) {
    sr_json_walk_state walk = {pairs->rest, true};
    sr_json_item item;
    bool found = sr_json_next(&walk, &item) && sr_json_string(item.name, &pair->key);
    pairs->rest = walk.rest;
    if (!found) return false;
    if (sr_json_string(item.value, &pair->value) && pairs->is_base64) pair->value = sr_base64_decode(pair->value);
    return true;
}

static bool next_in_protobuf(sr_pairs *pairs, sr_pair *pair) {
    for (sr_pb_field field; sr_pb_next(&pairs->rest, &field) == SR_PB_FIELD;) {
        if (field.number == pairs->number) return read_entry(field.bytes, pair);
    }
    return false;
}

bool sr_pairs_next(sr_pairs *pairs, sr_pair *pair) {
    *pair = (sr_pair){0};
    return pairs->number == 0 ? next_in_json(pairs, pair) : next_in_protobuf(pairs, pair);
}

bool sr_pairs_find(sr_pairs pairs, const char *key, sr_bytes *value) {
    bool found = false;
    for (sr_pair pair; sr_pairs_next(&pairs, &pair);) {
        if (!sr_is(pair.key, key)) continue;
        *value = pair.value;
        found = true;
    }
    return found;
}
