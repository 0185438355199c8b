/// Bytes and text.

#include <string.h>

#include "strongroom.h"
#include "internal.h"

/// Decimal digits of the largest 64-bit number.
#define DIGITS_MAX 20

sr_bytes sr_text(const char *text) {
    return (sr_bytes){(const uint8_t *)text, strlen(text)};
}

bool sr_equal(sr_bytes one, sr_bytes other) {
    return one.len == other.len && (one.len == 0 || memcmp(one.at, other.at, one.len) == 0);
}

bool sr_is(sr_bytes bytes, const char *text) {
    return sr_equal(bytes, sr_text(text));
}

bool sr_starts_with(sr_bytes bytes, sr_bytes start) {
    return bytes.len >= start.len && sr_equal((sr_bytes){bytes.at, start.len}, start);
}

bool sr_contains(sr_bytes bytes, sr_bytes part) {
    if (part.len == 0) return true;
    while (bytes.len >= part.len) {
        const uint8_t *found = memchr(bytes.at, part.at[0], bytes.len - part.len + 1);
        if (!found) return false;
        bytes = sr_skip(bytes, (size_t)(found - bytes.at));
        if (sr_starts_with(bytes, part)) return true;
        bytes = sr_skip(bytes, 1);
    }
    return false;
}

sr_bytes sr_skip(sr_bytes bytes, size_t count) {
    if (count >= bytes.len) return (sr_bytes){0};
    return (sr_bytes){bytes.at + count, bytes.len - count};
}

sr_bytes sr_decimal(uint64_t number) {
    uint8_t *digits = sr_alloc(DIGITS_MAX);
    size_t first = DIGITS_MAX;
    do {
        digits[--first] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    return (sr_bytes){digits + first, DIGITS_MAX - first};
}

sr_bytes sr_concat_parts(const sr_bytes *parts, size_t count) {
    size_t len = 0;
    for (size_t index = 0; index < count; index++) len += parts[index].len;
    uint8_t *joined = sr_alloc(len);
    size_t done = 0;
    for (size_t index = 0; index < count; index++) {
        if (parts[index].len == 0) continue;
        memcpy(joined + done, parts[index].at, parts[index].len);
        done += parts[index].len;
    }
    return (sr_bytes){joined, len};
}

/// Bytes of the character of UTF-8 that begins there, or 0 if none does.
static size_t character_len(const uint8_t *at, size_t left) {
    uint8_t first = at[0];
    if (first < 0x80) return 1;
    size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || left < len) return 0;
    // No overlong forms, no surrogates, nothing above U+10FFFF.
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t index = 2; index < len; index++) {
        if ((at[index] & 0xc0) != 0x80) return 0;
    }
    return len;
}

sr_bytes sr_utf8(sr_bytes text) {
    uint8_t *copy = NULL;
    for (size_t at = 0; at < text.len;) {
        size_t len = character_len(text.at + at, text.len - at);
        if (len == 0) {
            if (!copy) {
                copy = sr_alloc(text.len);
                memcpy(copy, text.at, text.len);
            }
            copy[at] = '?';
        }
        at += len == 0 ? 1 : len;
    }
    return copy ? (sr_bytes){copy, text.len} : text;
}
