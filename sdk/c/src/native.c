/// The host of native tests: a small store in memory, with the contract's limits on reading.

#ifdef __wasm32__
#error "this file is for native tests; src/abi.c is for WebAssembly"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "strongroom_test.h"

#define KEYS_MAX 4096
#define GRANTS_MAX 16
#define LIST_MAX 1000
#define READS_MAX 100
#define READ_BYTES_MAX ((size_t)4 << 20)

typedef struct block {
    struct block *next;
} block;

static block *blocks;
static const char *settings = "";
static sr_bytes grants[GRANTS_MAX];
static size_t grant_count;
/// In the order of their keys.
static sr_entry entries[KEYS_MAX];
static size_t entry_count;
static size_t reads, read_bytes;

void sr_test_reset(void) {
    while (blocks) {
        block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
    settings = "";
    grant_count = entry_count = reads = read_bytes = 0;
}

void *sr_alloc(size_t size) {
    // The header keeps what follows it aligned for everything.
    size_t header = _Alignof(max_align_t) > sizeof(block) ? _Alignof(max_align_t) : sizeof(block);
    block *fresh = malloc(header + size);
    if (!fresh) abort();
    fresh->next = blocks;
    blocks = fresh;
    return (uint8_t *)fresh + header;
}

void sr_test_settings(const char *text) {
    settings = text;
}

void sr_test_grant(const char *prefix) {
    if (grant_count == GRANTS_MAX) abort();
    grants[grant_count++] = sr_text(prefix);
}

static int compare(sr_bytes one, sr_bytes other) {
    size_t shared = one.len < other.len ? one.len : other.len;
    int order = shared > 0 ? memcmp(one.at, other.at, shared) : 0;
    return order != 0 ? order : (one.len > other.len) - (one.len < other.len);
}

static void put(const char *key, sr_optional_bytes value) {
    sr_entry fresh = {.key = sr_text(key), .value = value, .create_revision = 1, .mod_revision = 1, .version = 1};
    size_t at = 0;
    while (at < entry_count && compare(entries[at].key, fresh.key) < 0) at++;
    if (at == entry_count || !sr_equal(entries[at].key, fresh.key)) {
        if (entry_count == KEYS_MAX) abort();
        memmove(&entries[at + 1], &entries[at], (entry_count - at) * sizeof *entries);
        entry_count++;
    }
    entries[at] = fresh;
}

void sr_test_put(const char *key, sr_bytes value) {
    put(key, (sr_optional_bytes){true, value});
}

void sr_test_put_withheld(const char *key) {
    put(key, (sr_optional_bytes){0});
}

size_t sr_test_reads(void) {
    return reads;
}

void sr_log(sr_level level, sr_bytes message) {
    static const char *const NAMES[] = {"debug", "info", "warning", "error"};
    fprintf(stderr, "%s: %.*s\n", NAMES[level & 3], (int)message.len, (const char *)message.at);
}

sr_bytes sr_settings(void) {
    return sr_text(settings);
}

static sr_read begin(sr_bytes prefix) {
    bool granted = false;
    for (size_t index = 0; index < grant_count; index++) granted |= sr_starts_with(prefix, grants[index]);
    if (!granted) return SR_READ_NOT_GRANTED;
    return ++reads > READS_MAX ? SR_READ_TOO_MUCH : SR_READ;
}

static bool fits(const sr_entry *entry) {
    read_bytes += entry->key.len + entry->value.bytes.len;
    return read_bytes <= READ_BYTES_MAX;
}

sr_read sr_get(sr_bytes key, sr_optional_entry *found) {
    sr_read may = begin(key);
    if (may != SR_READ) return may;
    *found = (sr_optional_entry){0};
    for (size_t index = 0; index < entry_count; index++) {
        if (sr_equal(entries[index].key, key)) *found = (sr_optional_entry){true, entries[index]};
    }
    return fits(&found->entry) ? SR_READ : SR_READ_TOO_MUCH;
}

sr_read sr_list(sr_bytes prefix, sr_bytes start, uint32_t limit, sr_listing *listing) {
    sr_read may = begin(prefix);
    if (may != SR_READ) return may;
    if (limit > LIST_MAX) limit = LIST_MAX;
    sr_entry *page = sr_alloc(limit * sizeof *page);
    *listing = (sr_listing){page, 0, false};
    for (size_t index = 0; index < entry_count; index++) {
        const sr_entry *entry = &entries[index];
        if (!sr_starts_with(entry->key, prefix) || compare(entry->key, start) < 0) continue;
        listing->more = listing->count == limit;
        if (listing->more) break;
        if (!fits(entry)) return SR_READ_TOO_MUCH;
        page[listing->count++] = *entry;
    }
    return SR_READ;
}

sr_request sr_test_delete_request(const char *key) {
    return (sr_request){.operation = SR_DELETE, .key = sr_text(key), .mode = SR_ENFORCE};
}

sr_request sr_test_put_request(const char *key, sr_bytes value) {
    sr_request request = sr_test_delete_request(key);
    request.operation = SR_PUT;
    request.value = (sr_optional_bytes){true, value};
    request.lease.present = true;
    return request;
}

sr_verdict sr_test_review(const sr_request *request) {
    return sr_verdict_utf8(sr_the_plugin.review(request));
}

bool sr_test_validate(const char *text, sr_bytes *reason) {
    return sr_validate(&sr_the_plugin, sr_text(text), reason);
}
