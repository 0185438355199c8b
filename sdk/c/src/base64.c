/// Base64 with padding (RFC 4648, section 4), as Kubernetes writes bytes into JSON. Line ends within it are skipped, as
/// Go does.

#include "internal.h"

static int sextet(uint8_t byte) {
    if (byte >= 'A' && byte <= 'Z') return byte - 'A';
    if (byte >= 'a' && byte <= 'z') return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9') return byte - '0' + 52;
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

static bool is_line_end(uint8_t byte) {
    return byte == '\r' || byte == '\n';
}

bool sr_base64_size(sr_bytes text, size_t *size) {
    size_t letters = 0, padding = 0;
    for (size_t at = 0; at < text.len; at++) {
        uint8_t byte = text.at[at];
        if (is_line_end(byte)) continue;
        if (byte == '=') {
            padding++;
        } else if (padding > 0 || sextet(byte) < 0) {
            return false;
        } else {
            letters++;
        }
    }
    *size = letters / 4 * 3 + (letters % 4 > 0 ? letters % 4 - 1 : 0);
    return (letters + padding) % 4 == 0 && padding <= 2;
}

sr_bytes sr_base64_decode(sr_bytes text) {
    size_t size;
    if (!sr_base64_size(text, &size)) return (sr_bytes){0};
    uint8_t *plain = sr_alloc(size);
    size_t len = 0, bits = 0;
    uint32_t held = 0;
    for (size_t at = 0; at < text.len && len < size; at++) {
        int six = sextet(text.at[at]);
        if (six < 0) continue;
        held = held << 6 | (uint32_t)six;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        plain[len++] = (uint8_t)(held >> bits);
    }
    return (sr_bytes){plain, len};
}
