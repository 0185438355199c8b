/// Reads protobuf messages where they lie, without a schema and without copying anything.
///
/// Hostile bytes: every function stays within its bytes and ends, whatever they are.
#ifndef STRONGROOM_PROTOBUF_H
#define STRONGROOM_PROTOBUF_H

#include "strongroom.h"

/// How a field is written. Groups, which nothing in Kubernetes uses, count as malformed.
typedef enum sr_pb_wire { SR_PB_VARINT = 0, SR_PB_FIXED64 = 1, SR_PB_BYTES = 2, SR_PB_FIXED32 = 5 } sr_pb_wire;

/// One field of a message.
typedef struct sr_pb_field {
    uint32_t number;
    sr_pb_wire wire;
    /// Of a varint and a fixed number; 0 otherwise.
    uint64_t integer;
    /// Of bytes, strings and messages; empty otherwise.
    sr_bytes bytes;
} sr_pb_field;

/// What a step came to.
typedef enum sr_pb_step { SR_PB_FIELD, SR_PB_END, SR_PB_MALFORMED } sr_pb_step;

/// Takes the next field off `rest`, which is a message to begin with.
sr_pb_step sr_pb_next(sr_bytes *rest, sr_pb_field *field);

#endif
