/*
 * The keys of a measurement: [n] texts of one size, made once. A key ends in its number, so that
 * the number of a key in a reply is found without a lookup.
 */
#ifndef RINGWAY_BENCH_KEYS_H
#define RINGWAY_BENCH_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum {
    KEYS_DIGITS = 8,
    KEYS_MAX = 100000000,
};

struct keys {
    uint32_t n;
    size_t size; /* bytes of a key, at least KEYS_DIGITS */
    char *text;  /* owned, n * size bytes */
};

/** Make [n] keys of [size] bytes, 8..250. Dies when out of memory. */
void keys_init(struct keys *keys, uint32_t n, size_t size);

/** Free what keys_init() made. */
void keys_deinit(struct keys *keys);

/** The text of key [index], keys->size bytes, no terminator. */
const char *keys_text(const struct keys *keys, uint32_t index);

/** The number of the key [text] of [len] bytes, or UINT32_MAX if it is none of ours. */
uint32_t keys_index(const struct keys *keys, const char *text, size_t len);

#endif
