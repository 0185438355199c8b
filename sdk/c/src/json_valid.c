/// Whether text is JSON: one pass, without recursion.

#include "strongroom_json.h"

typedef struct reader {
    const uint8_t *at;
    const uint8_t *end;
} reader;

static void space(reader *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\n' || *in->at == '\t' || *in->at == '\r')) in->at++;
}

static bool take(reader *in, uint8_t byte) {
    if (in->at == in->end || *in->at != byte) return false;
    in->at++;
    return true;
}

static bool word(reader *in, const char *text) {
    for (; *text; text++) {
        if (!take(in, (uint8_t)*text)) return false;
    }
    return true;
}

static bool is_hex(uint8_t byte) {
    uint8_t letter = byte | 0x20;
    return (byte >= '0' && byte <= '9') || (letter >= 'a' && letter <= 'f');
}

static bool escape(reader *in) {
    if (in->at == in->end) return false;
    switch (*in->at++) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't': return true;
        case 'u': break;
        default: return false;
    }
    for (int digit = 0; digit < 4; digit++) {
        if (in->at == in->end || !is_hex(*in->at++)) return false;
    }
    return true;
}

static bool string(reader *in) {
    if (!take(in, '"')) return false;
    while (in->at < in->end) {
        uint8_t byte = *in->at++;
        if (byte == '"') return true;
        if (byte < 0x20 || (byte == '\\' && !escape(in))) return false;
    }
    return false;
}

static bool digits(reader *in) {
    const uint8_t *first = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') in->at++;
    return in->at > first;
}

static bool number(reader *in) {
    take(in, '-');
    if (!take(in, '0') && !digits(in)) return false;
    if (take(in, '.') && !digits(in)) return false;
    if (take(in, 'e') || take(in, 'E')) {
        if (!take(in, '+')) take(in, '-');
        return digits(in);
    }
    return true;
}

static bool scalar(reader *in) {
    if (in->at == in->end) return false;
    switch (*in->at) {
        case '"': return string(in);
        case 't': return word(in, "true");
        case 'f': return word(in, "false");
        case 'n': return word(in, "null");
        default: return number(in);
    }
}

static bool name(reader *in) {
    space(in);
    if (!string(in)) return false;
    space(in);
    return take(in, ':');
}

/// After a value: closes what ends here, and stands before the next value, or at the end with a depth of 0.
static bool after_value(reader *in, const uint8_t *closers, size_t *depth) {
    while (*depth > 0) {
        space(in);
        uint8_t closer = closers[*depth - 1];
        if (take(in, ',')) return closer == ']' || name(in);
        if (!take(in, closer)) return false;
        --*depth;
    }
    return true;
}

bool sr_json_is_valid(sr_bytes text) {
    if (text.len == 0) return false;
    uint8_t closers[SR_JSON_DEPTH_MAX];
    size_t depth = 0;
    reader in = {text.at, text.at + text.len};
    do {
        space(&in);
        bool is_object = take(&in, '{');
        if (is_object || take(&in, '[')) {
            uint8_t closer = is_object ? '}' : ']';
            space(&in);
            if (!take(&in, closer)) {
                if (depth == SR_JSON_DEPTH_MAX || (is_object && !name(&in))) return false;
                closers[depth++] = closer;
                continue;
            }
        } else if (!scalar(&in)) {
            return false;
        }
        if (!after_value(&in, closers, &depth)) return false;
    } while (depth > 0);
    space(&in);
    return in.at == in.end;
}
