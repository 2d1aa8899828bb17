/*
 * What a placement algorithm is: how many points a shard has, and where.
 *
 * An algorithm never sees the order of the caller's array: members come sorted by name, or, under a
 * preset, as the preset wants them. It must not look at other members than the one at hand except
 * through the totals of the plan.
 */
#ifndef RING_ALGORITHM_H
#define RING_ALGORITHM_H

#include "points.h"

/* A checked shard. [name] is borrowed from the caller of hashring_create(). */
struct ring_member {
    const char *name;
    size_t name_len;
    uint32_t weight;
    uint32_t shard; /* the caller's index */
};

/* What holds for the whole ring. */
struct ring_plan {
    enum hashring_preset preset;
    uint32_t points; /* per unit of weight, never 0 */
    uint32_t n_members;
    uint64_t total_weight;
};

struct ring_algorithm {
    /* Number of points of [member]; 0 is allowed. */
    uint64_t (*count)(const struct ring_plan *plan, const struct ring_member *member);
    /* Write the [n] points that count() announced. */
    void (*place)(const struct ring_plan *plan, const struct ring_member *member,
                  struct ring_point *points, size_t n);
};

#define HASHRING_ALGORITHM(id, name, points)                                                       \
    extern const struct ring_algorithm ring_algorithm_##name;
#include "algos.def"
#undef HASHRING_ALGORITHM

#endif
