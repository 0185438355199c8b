/// Which namespace a key belongs to, and what the settings allow it.
#ifndef QUOTA_H
#define QUOTA_H

#include <strongroom.h>

/// Largest total that can be set: a review reads no more.
#define TOTAL_BYTES_MAX ((uint64_t)4 << 20)
/// Largest number of objects that can be set: a review reads a hundred times a thousand.
#define OBJECTS_MAX ((uint64_t)100000)
/// Lines with a namespace. A check for one that is there twice compares each with each.
#define LINES_MAX 1024
/// Prefixes that are counted: each costs at least one read in a review.
#define PREFIXES_MAX 16
/// What stands for no limit.
#define UNLIMITED UINT64_MAX

/// What a namespace may have.
typedef struct limits {
    uint64_t value_bytes;
    uint64_t total_bytes;
    uint64_t objects;
} limits;

/// The settings as far as one namespace is concerned.
typedef struct quota {
    limits limits;
    /// Objects under these count, in all namespaces.
    sr_bytes prefixes[PREFIXES_MAX];
    size_t prefix_count;
} quota;

/// The namespace in a key of Kubernetes; empty if it has none.
///
/// The first segment is the API server's own (`registry`). A group follows if the next one has a dot, as the groups
/// that have a place in keys do and resources do not. After that come the resource, of one segment or more, the
/// namespace and the name; an object without a namespace has a resource and a name only.
sr_bytes namespace_of(sr_bytes key);

/// Reads what the settings say of a namespace; no settings are `* 1048576`. Of an empty one, which is none, only `*`
/// speaks, and then all lines are checked. False, with a reason that names the line, for what is malformed.
bool quota_read(sr_bytes settings, sr_bytes namespace, quota *quota, sr_bytes *reason);

/// Whether no namespace and no prefix is there twice; a reason otherwise. For settings that `quota_read` takes.
bool quota_is_unambiguous(sr_bytes settings, sr_bytes *reason);

#endif
