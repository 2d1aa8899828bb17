#include "http_body.h"

#include <string.h>

enum {
    CHECK_START_BYTES = 4096,
    CHECK_END_BYTES = 64,
};

void http_body_fill(char *body, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        /* Multiplicative hashing, Knuth, TAOCP volume 3, 6.4. */
        uint32_t hash = (uint32_t)i * UINT32_C(2654435761);
        body[i] = (char)('a' + (hash >> 16) % 26);
    }
}

bool http_body_matches(const char *body, uint64_t offset, const char *text, size_t len)
{
    const char *expected = body + offset;

    if (len <= CHECK_START_BYTES + CHECK_END_BYTES) {
        return memcmp(expected, text, len) == 0;
    }
    return memcmp(expected, text, CHECK_START_BYTES) == 0 &&
           memcmp(expected + len - CHECK_END_BYTES, text + len - CHECK_END_BYTES,
                  CHECK_END_BYTES) == 0;
}
