/*
 * xx64ring: points are all 64 bits of XXH64 of "name_i" for i from 0, and hashes of 64 bits are
 * compared with all of them.
 *
 * Without a preset a shard has weight * points points, whatever the other shards are. The preset
 * envoy shares a ring out of which the lightest shard has a whole number of points and which has at
 * least 1024: its running sums are rounded from shard to shard in double arithmetic, so a shard's
 * number of points depends on all the others and on its position. Never compile this file with
 * -ffast-math.
 *
 * Source: Envoy's ring_hash load balancer and the rings that its tests print.
 */
#include <string.h>

#include "algorithm.h"
#include "hash.h"

#ifdef __FAST_MATH__
#error "-ffast-math changes the number of points of a shard"
#endif

/* Envoy's default maximum_ring_size. */
#define MAX_RING_SIZE 8388608.0

/* [x] rounded up; 0 <= x < 2^53. The library is not linked to libm. */
static double round_up(double x)
{
    double whole = (double)(uint64_t)x;

    return whole < x ? whole + 1.0 : whole;
}

static double share_of(const struct ring_plan *plan, const struct ring_member *member)
{
    return (double)member->weight / (double)plan->total_weight;
}

/* How many points the whole ring has, but for rounding. */
static double ring_size(const struct ring_plan *plan, const struct ring_member *members)
{
    double smallest = 1.0;
    double size;

    for (uint32_t i = 0; i < plan->n_members; i++) {
        double share = share_of(plan, &members[i]);

        smallest = share < smallest ? share : smallest;
    }
    size = smallest * (double)plan->points;
    size = round_up(size) / smallest;
    return size < MAX_RING_SIZE ? size : MAX_RING_SIZE;
}

/* One rounding a statement, as Envoy has on x86-64. */
static void count_in_turn(const struct ring_plan *plan, struct ring_member *members)
{
    double size = ring_size(plan, members);
    double target = 0.0;
    double reached = 0.0;

    for (uint32_t i = 0; i < plan->n_members; i++) {
        double share = share_of(plan, &members[i]);
        double wanted = size * share;
        double before = reached;

        target = target + wanted;
        reached = reached < target ? round_up(target) : reached;
        members[i].n_points = (size_t)(reached - before);
    }
}

static void xx64ring_count(const struct ring_plan *plan, struct ring_member *members)
{
    if (plan->preset == HASHRING_PRESET_NONE) {
        ring_count_by_weight(plan, members);
    } else {
        count_in_turn(plan, members);
    }
}

static void xx64ring_place(const struct ring_member *member, struct ring_point *points)
{
    char name[RING_POINT_NAME_BYTES];
    char *suffix = name + member->name_len;

    memcpy(name, member->name, member->name_len);
    for (size_t i = 0; i < member->n_points; i++) {
        char *end = ring_point_suffix(suffix, '_', (uint32_t)i);
        uint64_t hash = ring_hash_xxh64((const unsigned char *)name, (size_t)(end - name));

        points[i] = (struct ring_point){
            .low = (uint32_t)hash, .value = (uint32_t)(hash >> 32), .shard = member->shard};
    }
}

const struct ring_algorithm ring_algorithm_xx64ring = {
    .count = xx64ring_count,
    .place = xx64ring_place,
    .wide = true,
};
