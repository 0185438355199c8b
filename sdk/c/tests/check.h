/// What the tests are written with.
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "strongroom_test.h"

/// Ends the program with the line of the first statement that does not hold.
#define CHECK(statement)                                                                                               \
    do {                                                                                                               \
        if (!(statement)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #statement);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/// A number that only depends on the seed, and the next seed.
static inline uint32_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/// A copy that is exactly as long, so that the sanitizer sees a read behind its end.
static inline sr_bytes tight(sr_bytes bytes) {
    uint8_t *copy = sr_alloc(bytes.len);
    for (size_t at = 0; at < bytes.len; at++) copy[at] = bytes.at[at];
    return (sr_bytes){copy, bytes.len};
}

#endif
