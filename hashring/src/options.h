/*
 * Options after all checks: what they stand for.
 */
#ifndef RING_OPTIONS_H
#define RING_OPTIONS_H

#include "algorithm.h"
#include "hash.h"

struct ring_settings {
    const struct ring_algorithm *algorithm;
    const struct ring_hash *hash;
    enum hashring_preset preset;
    uint32_t points; /* 0 if the algorithm has none */
};

/*
 * Returns 0 or the error of hashring_create() that [options] deserve: HASHRING_ERR_INVALID, or one
 * of HASHRING_ERR_BAD_POINTS, HASHRING_ERR_BAD_ALGORITHM, HASHRING_ERR_BAD_HASH.
 */
int ring_options_settle(struct ring_settings *settings, const struct hashring_options *options);

#endif
