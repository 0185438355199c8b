/// Lists in objects.
#ifndef STRONGROOM_ITEMS_H
#define STRONGROOM_ITEMS_H

#include "fields.h"
#include "strongroom_protobuf.h"

/// A walk through a list.
typedef struct sr_items {
    sr_bytes rest;
    /// Number of the list's field in protobuf; 0 in JSON.
    uint32_t number;
} sr_items;

/// Begins a walk; false if the field is no list.
bool sr_items_open(const sr_message *message, sr_name name, sr_items *list);

/// Takes the next item: a value of JSON, or what is in a field of protobuf.
sr_pb_step sr_items_next(sr_items *list, sr_bytes *item);

/// The same for a list of messages.
sr_pb_step sr_items_next_message(sr_items *list, sr_message *item);

/// How many items there are; false if the list is malformed.
bool sr_items_count(sr_items list, size_t *count);

/// Reads a list of texts, or of messages with a text that counts, in field `of_each`.
bool sr_field_texts(const sr_message *message, sr_name name, sr_bytes_list *texts);
bool sr_field_texts_of(const sr_message *message, sr_name name, sr_name of_each, sr_bytes_list *texts);

#endif
