/*
 * What a placement algorithm is: how many points a shard has, and where.
 *
 * Without a preset it does not depend on the order of the members.
 */
#ifndef RING_ALGORITHM_H
#define RING_ALGORITHM_H

#include "points.h"

/* A checked shard. Its points are named [name_len] bytes of [name], then [mark], then the number.
 */
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

struct ring_algorithm {
    /* Set [n_points] of all [plan->n_members] members; 0 is allowed, but not for all. */
    void (*count)(const struct ring_plan *plan, struct ring_member *members);
    /* Write the [member->n_points] points of one member. */
    void (*place)(const struct ring_member *member, struct ring_point *points);
    /* Points have 64 bits, and hashes of 64 bits are compared with all of them. */
    bool wide;
};

/* The simplest count(): weight * points. */
void ring_count_by_weight(const struct ring_plan *plan, struct ring_member *members);

#define HASHRING_ALGORITHM(id, name, points)                                                       \
    extern const struct ring_algorithm ring_algorithm_##name;
#include "algos.def"
#undef HASHRING_ALGORITHM

#endif
