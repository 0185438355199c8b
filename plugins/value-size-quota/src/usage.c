/// Counting.

#include "usage.h"

/// Keys of one read, as many as the host gives.
#define PAGE 1000

/// The objects of a namespace other than the one that is put.
typedef struct usage {
    uint64_t bytes;
    uint64_t objects;
} usage;

/// What came of counting.
typedef enum counted { COUNTED, NOT_GRANTED, TOO_MUCH, WITHHELD } counted;

static sr_bytes folder_of(sr_bytes prefix, sr_bytes namespace) {
    return sr_concat(prefix, namespace, sr_text("/"));
}

bool is_counted(sr_bytes key, sr_bytes namespace, const quota *quota) {
    for (size_t at = 0; at < quota->prefix_count; at++) {
        if (sr_starts_with(key, folder_of(quota->prefixes[at], namespace))) return true;
    }
    return false;
}

static counted of_read(sr_read read) {
    return read == SR_READ ? COUNTED : read == SR_READ_NOT_GRANTED ? NOT_GRANTED : TOO_MUCH;
}

static bool is_over(const usage *usage, const limits *limits) {
    return usage->bytes > limits->total_bytes || usage->objects > limits->objects;
}

/// Counts until everything is counted or one limit is passed.
static counted count_folder(sr_bytes folder, sr_bytes namespace, sr_bytes except, const limits *limits, usage *usage) {
    sr_listing page = {.more = true};
    for (sr_bytes start = {0}; page.more && !is_over(usage, limits);) {
        counted result = of_read(sr_list(folder, start, PAGE, &page));
        if (result != COUNTED) return result;
        for (size_t at = 0; at < page.count; at++) {
            const sr_entry *entry = &page.entries[at];
            if (sr_equal(entry->key, except) || !sr_equal(namespace_of(entry->key), namespace)) continue;
            if (!entry->value.present && limits->total_bytes != UNLIMITED) return WITHHELD;
            usage->bytes += entry->value.bytes.len;
            usage->objects++;
        }
        if (page.count == 0) return page.more ? TOO_MUCH : COUNTED;
        start = sr_key_after(page.entries[page.count - 1].key);
    }
    return COUNTED;
}

static sr_verdict uncounted(counted why, sr_bytes namespace) {
    static const struct {
        const char *code, *message;
    } DENIALS[] = {
        [NOT_GRANTED] = {"read-not-granted",
                         " cannot be counted: grant this plugin reads under the prefixes of its settings"},
        [TOO_MUCH] = {"read-too-much", " cannot be counted: they are more than one review may read"},
        [WITHHELD] = {"stored-value-withheld",
                      " cannot be counted: some are sealed and this plugin may not see sealed values"},
    };
    sr_bytes message = sr_concat(sr_text("the objects of namespace "), namespace, sr_text(DENIALS[why].message));
    return sr_deny(DENIALS[why].code, message);
}

static sr_verdict judge(const usage *after, bool is_new, sr_bytes namespace, const limits *limits) {
    sr_bytes subject = sr_concat(sr_text("namespace "), namespace, sr_text(" may have "));
    if (is_new && after->objects > limits->objects) {
        return sr_deny("too-many-objects",
                       sr_concat(subject, sr_decimal(limits->objects), sr_text(" objects, and has no fewer")));
    }
    if (after->bytes > limits->total_bytes) {
        return sr_deny("total-too-large",
                       sr_concat(subject, sr_decimal(limits->total_bytes),
                                 sr_text(" bytes in all its objects together, and with this it would have more")));
    }
    return sr_allow();
}

sr_verdict review_usage(const sr_request *request, sr_bytes namespace, const quota *quota) {
    const limits *limits = &quota->limits;
    sr_optional_entry previous;
    counted result = of_read(sr_previous(request, &previous));
    if (result != COUNTED) return uncounted(result, namespace);
    bool is_new = !previous.present;
    if (!is_new) {
        bool counts_bytes = limits->total_bytes != UNLIMITED;
        if (counts_bytes && !previous.entry.value.present) return uncounted(WITHHELD, namespace);
        // What does not grow may pass, so that a namespace that is over its limit can be brought below it.
        if (!counts_bytes || request->value.bytes.len <= previous.entry.value.bytes.len) return sr_allow();
    }

    usage after = {request->value.bytes.len, 1};
    // An object that there is already does not add to their number.
    const struct limits passed = {limits->value_bytes, limits->total_bytes, is_new ? limits->objects : UNLIMITED};
    for (size_t at = 0; at < quota->prefix_count && !is_over(&after, &passed); at++) {
        sr_bytes folder = folder_of(quota->prefixes[at], namespace);
        result = count_folder(folder, namespace, request->key, &passed, &after);
        if (result != COUNTED) return uncounted(result, namespace);
    }
    return judge(&after, is_new, namespace, limits);
}
