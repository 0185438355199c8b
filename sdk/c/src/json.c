/// Walking through JSON that is known to be valid, and through what is not without harm.

#include "strongroom_json.h"

#include <string.h>

static bool is_space(uint8_t byte) {
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

static sr_bytes skip_space(sr_bytes text) {
    size_t count = 0;
    while (count < text.len && is_space(text.at[count])) count++;
    return sr_skip(text, count);
}

sr_bytes sr_json_trim(sr_bytes text) {
    text = skip_space(text);
    while (text.len > 0 && is_space(text.at[text.len - 1])) text.len--;
    return text;
}

static bool begins(sr_bytes value, uint8_t byte) {
    return value.len > 0 && value.at[0] == byte;
}

bool sr_json_is_object(sr_bytes value) {
    return begins(value, '{');
}

bool sr_json_is_array(sr_bytes value) {
    return begins(value, '[');
}

bool sr_json_is_string(sr_bytes value) {
    return value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"';
}

bool sr_json_is_null(sr_bytes value) {
    return sr_is(value, "null");
}

/// Bytes of the string that begins there, quotes included; 0 if it does not end.
static size_t string_len(sr_bytes text) {
    for (size_t at = 1; at < text.len; at++) {
        const uint8_t *quote = memchr(text.at + at, '"', text.len - at);
        if (!quote) return 0;
        at = (size_t)(quote - text.at);
        // An odd number of backslashes before it: one of them is its own.
        size_t first = at;
        while (text.at[first - 1] == '\\') first--;
        if ((at - first) % 2 == 0) return at + 1;
    }
    return 0;
}

/// Bytes of the array or object that begins there; 0 if it does not end.
static size_t container_len(sr_bytes text) {
    size_t depth = 0;
    for (size_t at = 0; at < text.len;) {
        uint8_t byte = text.at[at];
        if (byte == '"') {
            size_t len = string_len(sr_skip(text, at));
            if (len == 0) return 0;
            at += len;
            continue;
        }
        at++;
        if (byte == '{' || byte == '[') depth++;
        if ((byte == '}' || byte == ']') && --depth == 0) return at;
    }
    return 0;
}

static size_t word_len(sr_bytes text) {
    size_t len = 0;
    while (len < text.len && !is_space(text.at[len]) && !memchr(",]}:", text.at[len], 4)) len++;
    return len;
}

static size_t value_len(sr_bytes text) {
    if (begins(text, '"')) return string_len(text);
    if (begins(text, '{') || begins(text, '[')) return container_len(text);
    return word_len(text);
}

/// Takes the value that begins there off `rest`.
static bool take_value(sr_bytes *rest, sr_bytes *value) {
    *rest = skip_space(*rest);
    size_t len = value_len(*rest);
    if (len == 0) return false;
    *value = (sr_bytes){rest->at, len};
    *rest = skip_space(sr_skip(*rest, len));
    return true;
}

sr_json_walk_state sr_json_walk(sr_bytes value) {
    if (!sr_json_is_object(value) && !sr_json_is_array(value)) return (sr_json_walk_state){0};
    return (sr_json_walk_state){sr_skip(value, 1), sr_json_is_object(value)};
}

bool sr_json_next(sr_json_walk_state *walk, sr_json_item *item) {
    *item = (sr_json_item){0};
    sr_bytes rest = walk->rest;
    walk->rest = (sr_bytes){0};
    if (walk->in_object) {
        if (!take_value(&rest, &item->name) || !begins(item->name, '"') || !begins(rest, ':')) return false;
        rest = sr_skip(rest, 1);
    }
    if (!take_value(&rest, &item->value)) return false;
    if (begins(rest, ',')) walk->rest = sr_skip(rest, 1);
    return true;
}

static uint32_t hex4(const uint8_t *at) {
    uint32_t code = 0;
    for (int digit = 0; digit < 4; digit++) {
        uint8_t byte = at[digit];
        code = code << 4 | (uint32_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
    }
    return code;
}

static size_t put_utf8(uint8_t *to, uint32_t code) {
    if (code < 0x80) return to[0] = (uint8_t)code, 1;
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t index = len - 1; index > 0; index--, code >>= 6) to[index] = (uint8_t)(0x80 | (code & 0x3f));
    to[0] = (uint8_t)((len == 2 ? 0xc0 : len == 3 ? 0xe0 : 0xf0) | code);
    return len;
}

/// Decodes the digits after `\u`, and a second escape that belongs to them. `at` comes to stand after them.
static uint32_t unicode_escape(sr_bytes inner, size_t *at) {
    enum { REPLACEMENT = 0xfffd };
    if (inner.len - *at < 4) return *at = inner.len, REPLACEMENT;
    uint32_t code = hex4(inner.at + *at);
    *at += 4;
    if (code < 0xd800 || code > 0xdfff) return code <= 0xffff ? code : REPLACEMENT;
    bool more = code < 0xdc00 && inner.len - *at >= 6 && inner.at[*at] == '\\' && inner.at[*at + 1] == 'u';
    uint32_t low = more ? hex4(inner.at + *at + 2) : 0;
    if (low < 0xdc00 || low > 0xdfff) return REPLACEMENT;
    *at += 6;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

static uint8_t control(uint8_t letter) {
    switch (letter) {
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        case 'b': return '\b';
        case 'f': return '\f';
        default: return letter;
    }
}

static sr_bytes unescape(sr_bytes inner) {
    // No escape is shorter than what it stands for.
    uint8_t *plain = sr_alloc(inner.len + 4);
    size_t len = 0;
    for (size_t at = 0; at < inner.len;) {
        uint8_t byte = inner.at[at++];
        if (byte != '\\' || at == inner.len) {
            plain[len++] = byte;
        } else if (inner.at[at++] == 'u') {
            len += put_utf8(plain + len, unicode_escape(inner, &at));
        } else {
            plain[len++] = control(inner.at[at - 1]);
        }
    }
    return (sr_bytes){plain, len};
}

bool sr_json_string(sr_bytes value, sr_bytes *text) {
    if (!sr_json_is_string(value)) return false;
    sr_bytes inner = {value.at + 1, value.len - 2};
    *text = memchr(inner.at, '\\', inner.len) ? unescape(inner) : inner;
    return true;
}

size_t sr_json_member(sr_bytes object, const char *name, sr_bytes *value) {
    size_t count = 0;
    sr_json_walk_state walk = sr_json_walk(object);
    sr_bytes text;
    for (sr_json_item item; walk.in_object && sr_json_next(&walk, &item);) {
        if (!sr_json_string(item.name, &text) || !sr_is(text, name)) continue;
        *value = item.value;
        count++;
    }
    return count;
}
