/*
 * From the caller's shards to checked members, named and ordered as the ring needs them.
 */
#ifndef RING_MEMBERS_H
#define RING_MEMBERS_H

#include "points.h"

/* A checked shard. Points are named [name_len] bytes of [name], then [mark], then the number. */
struct ring_member {
    const char *name; /* borrowed from the caller of hashring_create() */
    size_t name_len;
    const char *mark; /* what a preset adds, at most RING_MAX_MARK_BYTES; otherwise "" */
    uint32_t weight;
    uint32_t shard; /* the caller's index */
    size_t n_points;
};

/* The name of a point, at most. */
#define RING_MAX_MARK_BYTES 2u
#define RING_POINT_NAME_BYTES                                                                      \
    (HASHRING_MAX_NAME_BYTES + RING_MAX_MARK_BYTES + RING_POINT_SUFFIX_BYTES)

/* What holds for the whole ring. */
struct ring_plan {
    enum hashring_preset preset;
    uint32_t points; /* per unit of weight, or what the preset has; never 0 */
    uint32_t n_members;
    uint64_t total_weight;
};

/*
 * Check [plan->n_members] shards and fill [members], in the order in which their points win ties:
 * by name, or as the original of the preset has them. Adds up [plan->total_weight].
 *
 * Returns 0, HASHRING_ERR_BAD_NAME, HASHRING_ERR_BAD_WEIGHT or HASHRING_ERR_DUPLICATE_NAME.
 */
int ring_members_collect(struct ring_member *members, const struct hashring_shard *shards,
                         struct ring_plan *plan);

#endif
