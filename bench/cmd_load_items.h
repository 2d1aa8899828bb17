/*
 * The items of a load: keys by number, and the one value that belongs to each.
 *
 * Everything follows from the number of the key and the options, nothing from a seed: a later run
 * with the same options knows the values that an earlier one stored. A key is the prefix, dots, and
 * LOAD_ITEMS_DIGITS digits. A value is a piece of a fixed block of random bytes that begins at a
 * place given by the key, so that the value of another key is told from it, but for those of a few
 * bytes.
 */
#ifndef RINGWAY_BENCH_CMD_LOAD_ITEMS_H
#define RINGWAY_BENCH_CMD_LOAD_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOAD_ITEMS_DIGITS = 9,
    LOAD_ITEMS_MAX = 100000000,
    LOAD_ITEMS_MAX_KEY_BYTES = 250,
    LOAD_ITEMS_MAX_VALUE_BYTES = 64 * 1024 * 1024,
    /* Bounds of the key sizes of the ETC mix. */
    LOAD_ITEMS_ETC_MIN_KEY_BYTES = 16,
    LOAD_ITEMS_ETC_MAX_KEY_BYTES = 90,
    /* memcached takes no item above 1 MiB by default, its header included. */
    LOAD_ITEMS_ETC_MAX_VALUE_BYTES = 1024 * 1024 - 1024,
};

struct load_items_options {
    uint64_t n;         /* 1..LOAD_ITEMS_MAX */
    const char *prefix; /* borrowed */
    bool etc_keys;      /* sizes as in the ETC mix, else key_bytes */
    bool etc_values;    /* sizes as in the ETC mix, else value_bytes */
    size_t key_bytes;   /* at least the prefix and the digits */
    size_t value_bytes;
};

struct load_items {
    struct load_items_options options;
    size_t n_prefix;
    uint8_t *key_bytes;    /* owned, of each key; NULL: all alike */
    uint32_t *value_bytes; /* owned, of each value; NULL: all alike */
    size_t max_value_bytes;
    char *block; /* owned: what values are pieces of */
};

/** Make [items]. Dies when out of memory. Cost: O(n) with an ETC mix. */
void load_items_init(struct load_items *items, const struct load_items_options *options);

void load_items_deinit(struct load_items *items);

/** Write key [i] to [out] of LOAD_ITEMS_MAX_KEY_BYTES; returns its length. About 10 ns. */
size_t load_items_key(const struct load_items *items, uint64_t i, char *out);

/** The number of a key of ours, or UINT64_MAX. */
uint64_t load_items_find(const struct load_items *items, const char *key, size_t len);

/** The value of key [i], borrowed; [*len] receives its length. */
const char *load_items_value(const struct load_items *items, uint64_t i, size_t *len);

/**
 * Size of a key in the ETC mix, for [u] in (0, 1): the quantile of a generalised extreme value
 * distribution with location 30.7984, scale 8.20449 and shape 0.078688, kept within the bounds.
 * Source: Atikoglu et al., "Workload Analysis of a Large-Scale Key-Value Store", SIGMETRICS 2012, 5.
 */
size_t load_items_etc_key_bytes(double u);

/**
 * Size of a value in the ETC mix, for [u] in (0, 1): below 15 bytes the table of the same paper,
 * above 15 plus a generalised Pareto distribution with location 0, scale 214.476 and shape
 * 0.348238, cut at LOAD_ITEMS_ETC_MAX_VALUE_BYTES.
 */
size_t load_items_etc_value_bytes(double u);

#endif
