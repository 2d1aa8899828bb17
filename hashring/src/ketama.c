/*
 * ketama: each MD5 of "name-i" gives four points, its four little-endian words.
 *
 * Without a preset a shard has weight * points points, rounded up to whole digests, whatever the
 * other shards are. The presets repeat a formula in float arithmetic in which a shard's number of
 * points depends on all the others: 160 at equal weights, but 156 for 25, 47, 50 and other numbers
 * of shards, because of rounding. Never compile this file with -ffast-math.
 *
 * Source: libmemcached 1.1 and twemproxy 0.5, compared with the running programs in the tests.
 */
#include <string.h>

#include "algorithm.h"
#include "hash.h"

#ifdef __FAST_MATH__
#error "-ffast-math changes the number of points of a shard"
#endif

#define POINTS_PER_DIGEST 4u

/* One rounding a statement, as the originals have on x86-64. */
static uint64_t count_in_float(const struct ring_plan *plan, const struct ring_member *member)
{
    float digests = (float)member->weight / (float)plan->total_weight;

    digests = digests * (float)plan->points;
    digests = digests / (float)POINTS_PER_DIGEST;
    digests = digests * (float)plan->n_members;
    digests = digests + 0.0000000001F;
    return (uint64_t)digests * POINTS_PER_DIGEST;
}

static uint64_t count_in_digests(const struct ring_plan *plan, const struct ring_member *member)
{
    uint64_t points = (uint64_t)plan->points * member->weight;

    return (points + POINTS_PER_DIGEST - 1) / POINTS_PER_DIGEST * POINTS_PER_DIGEST;
}

static void ketama_count(const struct ring_plan *plan, struct ring_member *members)
{
    for (uint32_t i = 0; i < plan->n_members; i++) {
        members[i].n_points = plan->preset == HASHRING_PRESET_NONE
                                  ? count_in_digests(plan, &members[i])
                                  : count_in_float(plan, &members[i]);
    }
}

static void ketama_place(const struct ring_member *member, struct ring_point *points)
{
    char name[RING_POINT_NAME_BYTES];
    size_t mark_len = strlen(member->mark);
    char *suffix = name + member->name_len + mark_len;
    uint32_t digest[POINTS_PER_DIGEST];

    memcpy(name, member->name, member->name_len);
    memcpy(name + member->name_len, member->mark, mark_len);
    for (size_t i = 0; i < member->n_points; i++) {
        if (i % POINTS_PER_DIGEST == 0) {
            char *end = ring_point_suffix(suffix, '-', (uint32_t)(i / POINTS_PER_DIGEST));

            ring_md5(name, (size_t)(end - name), digest);
        }
        points[i] =
            (struct ring_point){.value = digest[i % POINTS_PER_DIGEST], .shard = member->shard};
    }
}

const struct ring_algorithm ring_algorithm_ketama = {
    .count = ketama_count,
    .place = ketama_place,
};
