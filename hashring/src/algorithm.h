/*
 * What a placement algorithm is: how many points a shard has, and where; or how the slots of a table
 * are given away; or how the home of a hash is computed.
 *
 * Without a preset it does not depend on the order in which the caller lists the shards.
 */
#ifndef RING_ALGORITHM_H
#define RING_ALGORITHM_H

#include "points.h"
#include "ring_table.h"

/* How a hash finds its home. */
enum ring_kernel {
    RING_KERNEL_POINTS,   /* on the packed ring */
    RING_KERNEL_SLOTS,    /* the topmost 16 bits are the number of a slot */
    RING_KERNEL_PRIME,    /* the slot is hash mod RING_TABLE_PRIME */
    RING_KERNEL_COMPUTED, /* home() says */
};

struct ring_algorithm {
    enum ring_kernel kernel;
    bool even_only;      /* weights must be equal */
    uint32_t max_shards; /* 0 is HASHRING_MAX_SHARDS */

    /* With points: set [n_points] of all [plan->n_members] members; 0 is allowed, but not for all. */
    void (*count)(const struct ring_plan *plan, struct ring_member *members);
    /* Write the [member->n_points] points of one member. */
    void (*place)(const struct ring_member *member, struct ring_point *points);
    /* Points have 64 bits, and hashes of 64 bits are compared with all of them. */
    bool wide;

    /* Without points: what a row keeps of a member's name. */
    uint64_t (*seed)(const struct ring_member *member);
    /*
     * With slots: give them away. [old] is NULL or a table of the same algorithm with other shards,
     * which may help but never changes the result. Returns 0 or HASHRING_ERR_NO_MEMORY.
     */
    int (*fill)(struct ring_table *table, const struct ring_table *old);
    /* Without a table: the home of [hash]. */
    uint32_t (*home)(const struct ring_table *table, uint64_t hash);
    /* Without points: hashring_pick() for [max] of 0..n_rows. */
    size_t (*walk)(const struct ring_table *table, uint64_t hash, uint32_t *out, size_t max);
};

/* The simplest count(): weight * points. */
void ring_count_by_weight(const struct ring_plan *plan, struct ring_member *members);

#define HASHRING_ALGORITHM(id, name, points)                                                       \
    extern const struct ring_algorithm ring_algorithm_##name;
#include "algos.def"
#undef HASHRING_ALGORITHM

#endif
