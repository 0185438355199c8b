/// Write an admission plugin for Strongroom in C: one function, one declaration.
///
/// A plugin looks at a write before it enters the store and allows it, denies it, or changes it. It is compiled to a
/// WebAssembly component that can reach nothing: no files, no network, no clock. It has settings, a log that
/// administrators read, and the keys that it was granted to read.
///
///     #include <strongroom.h>
///
///     static sr_verdict review(const sr_request *request) {
///         if (sr_contains(request->value.bytes, sr_text(":latest")))
///             return sr_deny("latest-tag", sr_text("name the version of the image instead of :latest"));
///         return sr_allow();
///     }
///
///     SR_PLUGIN(.name = "no-latest-tag", .version = "0.1.0", .prefixes = SR_PREFIXES("/registry/pods/"),
///               .operations = SR_REVIEW_PUTS, .review = review)
///
/// Ownership: nothing is ever freed. Every call runs in a fresh instance, whose memory goes with it; what these
/// functions return stays valid until the call ends, and so does the request. Static variables do not outlive a call
/// either, unless the administrator has instances reused.
///
/// This is *not* the contract (that is `sdk/wit/admission.wit`); it only spells it in C. On WebAssembly the structures
/// have the layout of the contract's binary form, so a request is read where it lies; do not change them.
#ifndef STRONGROOM_H
#define STRONGROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes and text

/// Bytes that somebody else holds. Text is UTF-8, without a zero byte at its end.
typedef struct sr_bytes {
    const uint8_t *at;
    size_t len;
} sr_bytes;

typedef struct sr_optional_bytes {
    bool present;
    /// Empty when absent.
    sr_bytes bytes;
} sr_optional_bytes;

typedef struct sr_bytes_list {
    const sr_bytes *items;
    size_t count;
} sr_bytes_list;

typedef struct sr_optional_s64 {
    bool present;
    int64_t number;
} sr_optional_s64;

/// A string literal, for the initial value of a static variable.
#define SR_TEXT(literal) {(const uint8_t *)("" literal), sizeof(literal) - 1}

/// A C string, without its zero byte.
sr_bytes sr_text(const char *text);

/// Whether both are the same.
bool sr_equal(sr_bytes one, sr_bytes other);

/// Whether the bytes are those of a C string.
bool sr_is(sr_bytes bytes, const char *text);

bool sr_starts_with(sr_bytes bytes, sr_bytes start);
bool sr_contains(sr_bytes bytes, sr_bytes part);

/// The bytes after the first `count`; none if there are fewer.
sr_bytes sr_skip(sr_bytes bytes, size_t count);

/// A number in decimal digits.
sr_bytes sr_decimal(uint64_t number);

/// All parts one after the other: `sr_concat(sr_text("more than "), sr_decimal(max), sr_text(" bytes"))`.
#define sr_concat(...)                                                                                                 \
    sr_concat_parts((const sr_bytes[]){__VA_ARGS__}, sizeof((const sr_bytes[]){__VA_ARGS__}) / sizeof(sr_bytes))
sr_bytes sr_concat_parts(const sr_bytes *parts, size_t count);

/// Memory of this call, aligned for everything, not zeroed. Never null: where there is none left, the call fails.
/// On WebAssembly `malloc`, `calloc` and `realloc` take from the same memory, and `free` does nothing.
void *sr_alloc(size_t size);

// Requests

/// `SR_PUT` writes one key, `SR_DELETE` deletes one or a range.
typedef uint8_t sr_operation;
enum { SR_PUT, SR_DELETE };

/// What becomes of the verdict: it holds, a denial becomes a warning, or it is only counted and logged.
typedef uint8_t sr_mode;
enum { SR_ENFORCE, SR_WARN, SR_OBSERVE };

/// Who wrote.
typedef struct sr_caller {
    /// The common name of the subject of a verified client certificate.
    sr_optional_bytes common_name;
    /// The user as which the request was permitted, where users and roles are on.
    sr_optional_bytes user;
    /// The URIs among the subject alternative names of a verified client certificate.
    sr_bytes_list uris;
} sr_caller;

/// One write to review. A transaction is reviewed write by write, those of both its branches.
typedef struct sr_request {
    sr_operation operation;
    /// The key; for a delete of a range, its first key.
    sr_bytes key;
    /// For a delete of a range: the first key after it, or one zero byte for a range without end.
    sr_optional_bytes range_end;
    /// What is put. Absent for a delete, for a put that keeps the value there is, and when withheld.
    sr_optional_bytes value;
    /// Whether a value is put that this plugin may not see. A policy that has to look at it denies.
    bool value_withheld;
    /// The lease put on the key, 0 for none. Absent for a delete and for a put that keeps the lease there is.
    sr_optional_s64 lease;
    /// Whether the write is part of a transaction.
    bool in_txn;
    sr_caller caller;
    sr_mode mode;
} sr_request;

// Verdicts

typedef uint8_t sr_decision;
enum { SR_ALLOW, SR_DENY, SR_MUTATE };

/// Made by the functions below. What is no UTF-8 in its texts is replaced by `?` on the way to the host.
typedef struct sr_verdict {
    sr_decision decision;
    union {
        struct {
            sr_bytes code;
            sr_bytes message;
        } denial;
        sr_bytes value;
    };
    sr_bytes_list warnings;
    sr_bytes_list notes;
} sr_verdict;

/// Lets the write pass.
sr_verdict sr_allow(void);

/// Refuses the write. `code` is for programs: lowercase letters, digits and hyphens, at most 64 bytes. `message` is for
/// people: one line, cut off after 1 KiB. Neither may quote the value.
sr_verdict sr_deny(const char *code, sr_bytes message);

/// Lets the write pass with this value in the place of its own. The administrator must have granted that.
sr_verdict sr_mutate(sr_bytes value);

/// The same with a line for whoever wrote, at most sixteen of 256 bytes. It may not quote the value.
sr_verdict sr_with_warning(sr_verdict verdict, sr_bytes line);

/// The same with a line for the record, at most sixteen of 256 bytes. It may not quote the value.
sr_verdict sr_with_note(sr_verdict verdict, sr_bytes line);

// The host

typedef uint8_t sr_level;
enum { SR_DEBUG, SR_INFO, SR_WARNING, SR_ERROR };

/// Adds a line to the plugin's log: at most 1 KiB, at most sixteen in one call.
void sr_log(sr_level level, sr_bytes message);

/// The settings that the administrator gave, as text; empty for none.
sr_bytes sr_settings(void);

/// A key as the store has it.
typedef struct sr_entry {
    sr_bytes key;
    /// Absent when withheld: the key lies under a sealed prefix, and the plugin may not see such values.
    sr_optional_bytes value;
    int64_t create_revision;
    int64_t mod_revision;
    /// How often it was put since it was created.
    int64_t version;
    /// The lease that it is attached to, 0 for none.
    int64_t lease;
} sr_entry;

typedef struct sr_optional_entry {
    bool present;
    sr_entry entry;
} sr_optional_entry;

/// Keys in their order.
typedef struct sr_listing {
    const sr_entry *entries;
    size_t count;
    /// Whether there are more than were asked for.
    bool more;
} sr_listing;

/// What came of a read.
typedef enum sr_read {
    SR_READ,
    /// The administrator did not let this plugin read there.
    SR_READ_NOT_GRANTED,
    /// This call has read as much as one call may: 4 MiB, or 100 times.
    SR_READ_TOO_MUCH,
} sr_read;

/// Reads a key; `found` says whether there is one. All reads of one review are of one revision.
sr_read sr_get(sr_bytes key, sr_optional_entry *found);

/// Reads what the write is about to replace: the key of the request.
sr_read sr_previous(const sr_request *request, sr_optional_entry *found);

/// Reads keys that begin with `prefix`, from `start` on (empty: from the first), at most `limit` and at most 1,000.
/// To go on, start at `sr_key_after` the last one.
sr_read sr_list(sr_bytes prefix, sr_bytes start, uint32_t limit, sr_listing *listing);

/// The first key after this one.
sr_bytes sr_key_after(sr_bytes key);

// The plugin

/// The operations that are reviewed, joined by `|`. A plugin that reviews deletes also sees puts that attach a lease.
enum { SR_REVIEW_PUTS = 1, SR_REVIEW_DELETES = 2 };

typedef struct sr_plugin {
    /// Lowercase letters, digits and hyphens, beginning with a letter; at most 64 bytes.
    const char *name;
    /// Printable ASCII, at most 64 bytes.
    const char *version;
    /// Keys that begin with one of these are reviewed. The administrator may choose others at installation.
    sr_bytes_list prefixes;
    uint8_t operations;
    /// Reviews one write.
    sr_verdict (*review)(const sr_request *request);
    /// Whether the plugin can work with these settings: if not, it sets `reason`. Null for a plugin without settings.
    bool (*validate_settings)(sr_bytes settings, sr_bytes *reason);
} sr_plugin;

/// Declares the plugin, once, at the end of one source file.
#define SR_PLUGIN(...) const sr_plugin sr_the_plugin = {__VA_ARGS__};
extern const sr_plugin sr_the_plugin;

/// Up to four string literals.
#define SR_PREFIXES(...)                                                                                               \
    SR_PREFIXES_OF(__VA_ARGS__, SR_PREFIXES4, SR_PREFIXES3, SR_PREFIXES2, SR_PREFIXES1, 0)(__VA_ARGS__)
#define SR_PREFIXES_OF(a, b, c, d, chosen, ...) chosen
#define SR_PREFIXES1(a) {(const sr_bytes[]){SR_TEXT(a)}, 1}
#define SR_PREFIXES2(a, b) {(const sr_bytes[]){SR_TEXT(a), SR_TEXT(b)}, 2}
#define SR_PREFIXES3(a, b, c) {(const sr_bytes[]){SR_TEXT(a), SR_TEXT(b), SR_TEXT(c)}, 3}
#define SR_PREFIXES4(a, b, c, d) {(const sr_bytes[]){SR_TEXT(a), SR_TEXT(b), SR_TEXT(c), SR_TEXT(d)}, 4}

#endif
