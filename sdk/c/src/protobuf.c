/// Reading protobuf.

#include "strongroom_protobuf.h"

/// Bytes of the longest varint.
#define VARINT_BYTES_MAX 10
/// Largest number of a field.
#define NUMBER_MAX ((1u << 29) - 1)

static bool take_varint(sr_bytes *rest, uint64_t *number) {
    *number = 0;
    for (size_t index = 0; index < rest->len && index < VARINT_BYTES_MAX; index++) {
        uint8_t byte = rest->at[index];
        if (index == VARINT_BYTES_MAX - 1 && byte > 1) return false;
        *number |= (uint64_t)(byte & 0x7f) << (7 * index);
        if (byte < 0x80) {
            *rest = sr_skip(*rest, index + 1);
            return true;
        }
    }
    return false;
}

static bool take_fixed(sr_bytes *rest, size_t size, uint64_t *number) {
    if (rest->len < size) return false;
    *number = 0;
    for (size_t index = 0; index < size; index++) *number |= (uint64_t)rest->at[index] << (8 * index);
    *rest = sr_skip(*rest, size);
    return true;
}

static bool take_bytes(sr_bytes *rest, sr_bytes *bytes) {
    uint64_t len;
    if (!take_varint(rest, &len) || len > rest->len) return false;
    if (len > 0) *bytes = (sr_bytes){rest->at, (size_t)len};
    *rest = sr_skip(*rest, (size_t)len);
    return true;
}

static bool take_content(sr_bytes *rest, sr_pb_field *field) {
    switch (field->wire) {
        case SR_PB_VARINT: return take_varint(rest, &field->integer);
        case SR_PB_FIXED64: return take_fixed(rest, 8, &field->integer);
        case SR_PB_BYTES: return take_bytes(rest, &field->bytes);
        case SR_PB_FIXED32: return take_fixed(rest, 4, &field->integer);
        default: return false;
    }
}

sr_pb_step sr_pb_next(sr_bytes *rest, sr_pb_field *field) {
    *field = (sr_pb_field){0};
    if (rest->len == 0) return SR_PB_END;
    uint64_t tag;
    if (!take_varint(rest, &tag) || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX) return SR_PB_MALFORMED;
    field->number = (uint32_t)(tag >> 3);
    field->wire = (sr_pb_wire)(tag & 7);
    return take_content(rest, field) ? SR_PB_FIELD : SR_PB_MALFORMED;
}
