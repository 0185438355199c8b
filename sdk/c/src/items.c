/// Walking through lists in both encodings.

#include "items.h"

bool sr_items_open(const sr_message *message, sr_name name, sr_items *list) {
    sr_bytes span;
    *list = (sr_items){0};
    if (!sr_field_list(message, name, &span)) return false;
    if (!message->is_json) {
        *list = (sr_items){span, name.number};
        return true;
    }
    // The walk needs no more than what comes after the bracket.
    list->rest = sr_skip(span, 1);
    return span.len == 0 || sr_json_is_array(span);
}

static sr_pb_step next_in_json(sr_items *list, sr_bytes *item) {
    sr_json_walk_state walk = {list->rest, false};
    sr_json_item found;
    bool is_found = sr_json_next(&walk, &found);
    *list = (sr_items){walk.rest, 0};
    *item = found.value;
    return is_found ? SR_PB_FIELD : SR_PB_END;
}

sr_pb_step sr_items_next(sr_items *list, sr_bytes *item) {
    *item = (sr_bytes){0};
    if (list->number == 0) return next_in_json(list, item);
    sr_pb_field field;
    do {
        sr_pb_step step = sr_pb_next(&list->rest, &field);
        if (step != SR_PB_FIELD) return step;
    } while (field.number != list->number);
    *item = field.bytes;
    return field.wire == SR_PB_BYTES ? SR_PB_FIELD : SR_PB_MALFORMED;
}

sr_pb_step sr_items_next_message(sr_items *list, sr_message *item) {
    sr_bytes bytes;
    sr_pb_step step = sr_items_next(list, &bytes);
    if (step != SR_PB_FIELD) return step;
    return sr_message_open(list->number == 0, bytes, item) ? SR_PB_FIELD : SR_PB_MALFORMED;
}

bool sr_items_count(sr_items list, size_t *count) {
    sr_bytes item;
    sr_pb_step step;
    *count = 0;
    while ((step = sr_items_next(&list, &item)) == SR_PB_FIELD) ++*count;
    return step == SR_PB_END;
}

static bool read_text(bool is_json, sr_bytes item, sr_bytes *text) {
    *text = (sr_bytes){0};
    if (is_json) return sr_json_is_null(item) || sr_json_string(item, text);
    *text = item;
    return true;
}

static bool read_text_of(bool is_json, sr_bytes item, sr_name name, sr_bytes *text) {
    sr_message message;
    return sr_message_open(is_json, item, &message) && sr_field_text(&message, name, text);
}

static bool read_texts(const sr_message *message, sr_name name, const sr_name *of_each, sr_bytes_list *texts) {
    sr_items list;
    size_t count, at = 0;
    *texts = (sr_bytes_list){0};
    if (!sr_items_open(message, name, &list) || !sr_items_count(list, &count)) return false;
    if (count == 0) return true;
    sr_bytes *items = sr_alloc(count * sizeof *items);
    for (sr_bytes item; sr_items_next(&list, &item) == SR_PB_FIELD; at++) {
        bool is_read = of_each ? read_text_of(message->is_json, item, *of_each, &items[at])
                               : read_text(message->is_json, item, &items[at]);
        if (!is_read) return false;
    }
    *texts = (sr_bytes_list){items, at};
    return true;
}

bool sr_field_texts(const sr_message *message, sr_name name, sr_bytes_list *texts) {
    return read_texts(message, name, NULL, texts);
}

bool sr_field_texts_of(const sr_message *message, sr_name name, sr_name of_each, sr_bytes_list *texts) {
    return read_texts(message, name, &of_each, texts);
}
