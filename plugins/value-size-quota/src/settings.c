/// Settings: a line for each namespace, a line for each prefix.

#include <string.h>

#include "quota.h"

#define NAMESPACE_LEN_MAX 63
#define WORDS_MAX 4
/// Largest number that is read, far above what a value can have: sums of such numbers do not overflow.
#define NUMBER_MAX ((uint64_t)1 << 40)

static const sr_bytes DEFAULT_SETTINGS = SR_TEXT("* 1048576");
static const sr_bytes DEFAULT_PREFIX = SR_TEXT("/registry/configmaps/");

/// A line in its words, without its comment. `count` is one too many when there are more words than a line has.
typedef struct words {
    sr_bytes items[WORDS_MAX + 1];
    size_t count;
    size_t line;
} words;

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static words split(sr_bytes line, size_t number) {
    words words = {.line = number};
    for (size_t at = 0; at < line.len && line.at[at] != '#' && words.count <= WORDS_MAX;) {
        size_t first = at;
        while (at < line.len && !is_blank(line.at[at]) && line.at[at] != '#') at++;
        if (at > first) words.items[words.count++] = (sr_bytes){line.at + first, at - first};
        while (at < line.len && is_blank(line.at[at])) at++;
    }
    return words;
}

/// Whether the line has to be read to know about a namespace. All have, to know about none.
static bool concerns(sr_bytes line, sr_bytes namespace) {
    while (line.len > 0 && is_blank(line.at[0])) line = sr_skip(line, 1);
    return line.len > 0 && (line.at[0] == '*' || line.at[0] == '/' || sr_starts_with(line, namespace));
}

/// The next line that says something and may be about the namespace. `words` is that before, all zero to begin with.
static bool next_line(sr_bytes *rest, sr_bytes namespace, words *words) {
    size_t number = words->line;
    while (rest->len > 0) {
        const uint8_t *end = memchr(rest->at, '\n', rest->len);
        size_t len = end ? (size_t)(end - rest->at) : rest->len;
        sr_bytes line = {rest->at, len};
        *rest = sr_skip(*rest, len + 1);
        number++;
        if (!concerns(line, namespace)) continue;
        *words = split(line, number);
        if (words->count > 0) return true;
    }
    return false;
}

static bool refuse(const words *words, const char *what, sr_bytes *reason) {
    *reason = sr_concat(sr_text("line "), sr_decimal(words->line), sr_text(": "), sr_text(what));
    return false;
}

static bool is_namespace(sr_bytes word) {
    if (sr_is(word, "*")) return true;
    if (word.len == 0 || word.len > NAMESPACE_LEN_MAX) return false;
    for (size_t at = 0; at < word.len; at++) {
        uint8_t byte = word.at[at];
        bool is_alphanumeric = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
        if (!is_alphanumeric && (byte != '-' || at == 0 || at == word.len - 1)) return false;
    }
    return true;
}

/// Whether objects of a namespace can be listed under it: it has to be the folder of a resource.
static bool is_prefix(sr_bytes word) {
    bool is_folder = word.len > 0 && word.at[word.len - 1] == '/';
    return is_folder && sr_is(namespace_of(sr_concat(word, sr_text("namespace/name"))), "namespace");
}

static bool read_number(sr_bytes word, uint64_t *number) {
    *number = 0;
    size_t digits = 0;
    for (; digits < word.len && word.at[digits] >= '0' && word.at[digits] <= '9'; digits++) {
        *number = *number * 10 + (word.at[digits] - '0');
        if (*number > NUMBER_MAX) return false;
    }
    sr_bytes unit = sr_skip(word, digits);
    unsigned shift = sr_is(unit, "Ki") ? 10 : sr_is(unit, "Mi") ? 20 : 0;
    if (digits == 0 || (unit.len > 0 && shift == 0) || *number > NUMBER_MAX >> shift) return false;
    *number <<= shift;
    return true;
}

static bool read_limits(const words *words, limits *limits, sr_bytes *reason) {
    uint64_t numbers[] = {UNLIMITED, UNLIMITED, UNLIMITED};
    for (size_t at = 1; at < words->count; at++) {
        if (sr_is(words->items[at], "-")) continue;
        if (!read_number(words->items[at], &numbers[at - 1])) {
            return refuse(words, "a limit is a number, Ki or Mi after it if you like, or - for none", reason);
        }
    }
    limits->value_bytes = numbers[0];
    limits->total_bytes = numbers[1];
    limits->objects = numbers[2];
    if (numbers[1] != UNLIMITED && numbers[1] > TOTAL_BYTES_MAX) {
        return refuse(words, "a total is at most 4Mi, since a review cannot read more", reason);
    }
    if (numbers[2] != UNLIMITED && numbers[2] > OBJECTS_MAX) {
        return refuse(words, "at most 100000 objects can be counted", reason);
    }
    return true;
}

static bool read_prefix(const words *words, quota *quota, sr_bytes *reason) {
    if (words->count > 1) return refuse(words, "a prefix stands on a line of its own", reason);
    if (quota->prefix_count == PREFIXES_MAX) return refuse(words, "there are more than 16 prefixes", reason);
    if (!is_prefix(words->items[0])) {
        return refuse(words, "a prefix is the folder of a resource, such as /registry/configmaps/", reason);
    }
    quota->prefixes[quota->prefix_count++] = words->items[0];
    return true;
}

bool quota_read(sr_bytes settings, sr_bytes namespace, quota *quota, sr_bytes *reason) {
    quota->limits = (limits){UNLIMITED, UNLIMITED, UNLIMITED};
    quota->prefix_count = 0;
    words words = {0};
    bool is_named = false;
    size_t lines = 0;
    sr_bytes rest = settings.len == 0 ? DEFAULT_SETTINGS : settings;
    while (next_line(&rest, namespace, &words)) {
        sr_bytes first = words.items[0];
        if (first.at[0] == '/') {
            if (!read_prefix(&words, quota, reason)) return false;
            continue;
        }
        limits limits;
        if (!is_namespace(first)) return refuse(&words, "a line begins with a namespace, * or a prefix", reason);
        if (words.count < 2 || words.count > WORDS_MAX) {
            return refuse(&words, "expected: namespace max-value-bytes [max-total-bytes [max-objects]]", reason);
        }
        if (++lines > LINES_MAX) return refuse(&words, "there are more than 1024 namespaces", reason);
        if (!read_limits(&words, &limits, reason)) return false;
        bool is_this = sr_equal(first, namespace);
        if (is_this || (!is_named && sr_is(first, "*"))) quota->limits = limits;
        is_named |= is_this;
    }
    if (quota->prefix_count == 0) quota->prefixes[quota->prefix_count++] = DEFAULT_PREFIX;
    if (lines > 0 || namespace.len > 0) return true;
    *reason = sr_text("there is no line with a namespace or *");
    return false;
}

static bool overlap(sr_bytes one, sr_bytes other) {
    bool are_prefixes = one.at[0] == '/' && other.at[0] == '/';
    return sr_equal(one, other) || (are_prefixes && (sr_starts_with(one, other) || sr_starts_with(other, one)));
}

bool quota_is_unambiguous(sr_bytes settings, sr_bytes *reason) {
    sr_bytes *seen = sr_alloc((LINES_MAX + PREFIXES_MAX) * sizeof *seen);
    size_t count = 0;
    for (words words = {0}; next_line(&settings, (sr_bytes){0}, &words) && count < LINES_MAX + PREFIXES_MAX; count++) {
        for (size_t at = 0; at < count; at++) {
            if (overlap(seen[at], words.items[0])) {
                return refuse(&words, "this was given before, or lies within what was", reason);
            }
        }
        seen[count] = words.items[0];
    }
    return true;
}
