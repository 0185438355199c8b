/// Keys.

#include <string.h>

#include "quota.h"

/// Takes the segment up to the next slash off the key; `more` is whether there was one.
static sr_bytes take_segment(sr_bytes *rest, bool *more) {
    const uint8_t *slash = rest->len > 0 ? memchr(rest->at, '/', rest->len) : NULL;
    sr_bytes segment = {rest->at, slash ? (size_t)(slash - rest->at) : rest->len};
    *more = slash != NULL;
    *rest = sr_skip(*rest, segment.len + 1);
    return segment;
}

sr_bytes namespace_of(sr_bytes key) {
    const sr_bytes none = {0};
    bool more;
    if (take_segment(&key, &more).len > 0 || !more) return none;
    if (take_segment(&key, &more).len == 0 || !more) return none;
    sr_bytes resource = take_segment(&key, &more);
    if (sr_contains(resource, sr_text(".")) && more) resource = take_segment(&key, &more);
    if (resource.len == 0) return none;

    sr_bytes namespace = none, name = none;
    while (more) {
        namespace = name;
        name = take_segment(&key, &more);
        if (name.len == 0) return none;
    }
    return namespace;
}
