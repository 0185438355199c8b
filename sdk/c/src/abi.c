/// The contract's binary form (the component model's canonical ABI): what the module imports and exports, and its
/// memory.

#ifndef __wasm32__
#error "this file is for WebAssembly; src/native.c stands for the host elsewhere"
#endif

#include <string.h>

#include "internal.h"

#define IMPORT(name) __attribute__((import_module("strongroom:admission/host@0.1.0"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))
#define POLICY "strongroom:admission/policy@0.1.0#"

// Layouts: a structure of strongroom.h lies in memory as the contract's record does.
_Static_assert(offsetof(sr_request, key) == 4 && offsetof(sr_request, range_end) == 12, "request");
_Static_assert(offsetof(sr_request, value) == 24 && offsetof(sr_request, value_withheld) == 36, "request");
_Static_assert(offsetof(sr_request, lease) == 40 && offsetof(sr_request, in_txn) == 56, "request");
_Static_assert(offsetof(sr_request, caller) == 60 && offsetof(sr_request, mode) == 92, "request");
_Static_assert(sizeof(sr_caller) == 32 && sizeof(sr_request) == 96, "request");
_Static_assert(offsetof(sr_verdict, denial) == 4 && offsetof(sr_verdict, value) == 4, "verdict");
_Static_assert(offsetof(sr_verdict, warnings) == 20 && sizeof(sr_verdict) == 36, "verdict");
_Static_assert(offsetof(sr_entry, value) == 8 && offsetof(sr_entry, create_revision) == 24, "entry");
_Static_assert(offsetof(sr_entry, lease) == 48 && sizeof(sr_entry) == 56, "entry");
_Static_assert(offsetof(sr_listing, more) == 8, "listing");

/// `result<option<entry>, read-error>`
typedef struct got {
    bool failed;
    union {
        sr_optional_entry found;
        uint8_t error;
    };
} got;
_Static_assert(offsetof(got, found) == 8 && offsetof(got, found.entry) == 16, "result of get");

/// `result<listing, read-error>`
typedef struct listed {
    bool failed;
    union {
        sr_listing listing;
        uint8_t error;
    };
} listed;
_Static_assert(offsetof(listed, listing) == 4, "result of list");

/// `description`
typedef struct description {
    sr_bytes name;
    sr_bytes version;
    sr_bytes_list prefixes;
    uint8_t operations;
} description;

/// `result<_, string>`
typedef struct validity {
    bool failed;
    sr_bytes reason;
} validity;

IMPORT("log") void host_log(uint32_t level, const uint8_t *message, size_t len);
IMPORT("settings") void host_settings(sr_bytes *settings);
IMPORT("get") void host_get(const uint8_t *key, size_t len, got *result);
IMPORT("list")
void host_list(const uint8_t *prefix, size_t prefix_len, const uint8_t *start, size_t start_len, uint32_t limit,
               listed *result);

void sr_log(sr_level level, sr_bytes message) {
    message = sr_utf8(message);
    host_log(level, message.at, message.len);
}

sr_bytes sr_settings(void) {
    sr_bytes settings;
    host_settings(&settings);
    return settings;
}

/// The host leaves the bytes of an absent option as they were.
static void clear_absent(sr_optional_bytes *optional) {
    if (!optional->present) optional->bytes = (sr_bytes){0};
}

static sr_read read_error(uint8_t error) {
    return error == 0 ? SR_READ_NOT_GRANTED : SR_READ_TOO_MUCH;
}

sr_read sr_get(sr_bytes key, sr_optional_entry *found) {
    got result;
    host_get(key.at, key.len, &result);
    if (result.failed) return read_error(result.error);
    *found = result.found;
    if (!found->present) found->entry = (sr_entry){0};
    clear_absent(&found->entry.value);
    return SR_READ;
}

sr_read sr_list(sr_bytes prefix, sr_bytes start, uint32_t limit, sr_listing *listing) {
    listed result;
    host_list(prefix.at, prefix.len, start.at, start.len, limit, &result);
    if (result.failed) return read_error(result.error);
    *listing = result.listing;
    sr_entry *entries = (sr_entry *)(uintptr_t)listing->entries;
    for (size_t index = 0; index < listing->count; index++) clear_absent(&entries[index].value);
    return SR_READ;
}

EXPORT(POLICY "describe") description *export_describe(void) {
    static description told;
    told = (description){
        .name = sr_text(sr_the_plugin.name),
        .version = sr_text(sr_the_plugin.version),
        .prefixes = sr_the_plugin.prefixes,
        .operations = sr_the_plugin.operations,
    };
    return &told;
}

EXPORT(POLICY "validate-settings") validity *export_validate_settings(const uint8_t *settings, size_t len) {
    static validity answer;
    sr_bytes reason;
    answer.failed = !sr_validate(&sr_the_plugin, (sr_bytes){settings, len}, &reason);
    answer.reason = sr_utf8(reason);
    return &answer;
}

EXPORT(POLICY "review") sr_verdict *export_review(sr_request *request) {
    static sr_verdict verdict;
    clear_absent(&request->range_end);
    clear_absent(&request->value);
    clear_absent(&request->caller.common_name);
    clear_absent(&request->caller.user);
    if (!request->lease.present) request->lease.number = 0;
    verdict = sr_verdict_utf8(sr_the_plugin.review(request));
    return &verdict;
}

// Memory: a call takes and never gives back.

#define PAGE ((size_t)65536)
/// Alignment that suits every type.
#define ALIGN ((size_t)16)

extern uint8_t __heap_base;

static uintptr_t taken_to;

void *sr_alloc(size_t size) {
    if (taken_to == 0) taken_to = ((uintptr_t)&__heap_base + ALIGN - 1) & ~(ALIGN - 1);
    uintptr_t at = taken_to;
    uint64_t end = (uint64_t)at + size;
    uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
    if (end > have) {
        if (end > UINT32_MAX - ALIGN) __builtin_trap();
        size_t pages = (size_t)((end - have + PAGE - 1) / PAGE);
        if (__builtin_wasm_memory_grow(0, pages) == SIZE_MAX) __builtin_trap();
    }
    taken_to = ((uintptr_t)end + ALIGN - 1) & ~(ALIGN - 1);
    return (void *)at;
}

/// Called by the host to place what it hands over.
EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)align;
    void *fresh = sr_alloc(size);
    if (old_size > 0) memcpy(fresh, old, old_size < size ? old_size : size);
    return fresh;
}

void *malloc(size_t size) {
    return sr_alloc(size);
}

void *calloc(size_t count, size_t size) {
    size_t all;
    if (__builtin_mul_overflow(count, size, &all)) __builtin_trap();
    return memset(sr_alloc(all), 0, all);
}

/// How long the old one was is not known, but what lies behind it is memory too.
void *realloc(void *old, size_t size) {
    size_t readable = old ? taken_to - (uintptr_t)old : 0;
    void *fresh = sr_alloc(size);
    if (old) memcpy(fresh, old, readable < size ? readable : size);
    return fresh;
}

void free(void *memory) {
    (void)memory;
}

// In the place of those that write to standard error.

_Noreturn void abort(void) {
    __builtin_trap();
}

_Noreturn void __assert_fail(const char *statement, const char *file, int line, const char *function) {
    (void)file, (void)line, (void)function;
    sr_log(SR_ERROR, sr_concat(sr_text("this does not hold: "), sr_text(statement)));
    __builtin_trap();
}
