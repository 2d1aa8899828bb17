/*
 * A borrowed run of bytes: not owned, not terminated, valid for as long as its owner says.
 */
#ifndef RINGWAY_BASE_SLICE_H
#define RINGWAY_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
};

/** A slice of a string literal or any other terminated string; borrows [text]. */
static inline struct slice slice_of(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static inline struct slice slice_make(const void *data, size_t len)
{
    return (struct slice){(const uint8_t *)data, len};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_of(text));
}

static inline bool slice_starts_with(struct slice a, struct slice prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.data, prefix.data, prefix.len) == 0);
}

/** [a] without its first [n] bytes; [n] at most a.len. */
static inline struct slice slice_skip(struct slice a, size_t n)
{
    return (struct slice){a.data + n, a.len - n};
}

#endif
