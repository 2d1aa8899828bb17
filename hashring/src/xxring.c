/*
 * xxring: weight * points points a shard, each the upper half of XXH3-64 of "name-i" for i from 0.
 * No preset uses it, so names have no marks.
 *
 * A point depends on its own shard alone, so a shard that comes takes only the arcs in front of its
 * points and a shard that leaves gives up only its own. The values are pinned by golden vectors:
 * changing anything here would move everybody's keys.
 */
#include <string.h>

#include "algorithm.h"
#include "hash.h"

static void xxring_place(const struct ring_member *member, struct ring_point *points)
{
    char name[RING_POINT_NAME_BYTES];
    char *suffix = name + member->name_len;

    memcpy(name, member->name, member->name_len);
    for (size_t i = 0; i < member->n_points; i++) {
        char *end = ring_point_suffix(suffix, '-', (uint32_t)i);
        uint64_t hash = ring_hash_xxh3((const unsigned char *)name, (size_t)(end - name));

        points[i] = (struct ring_point){.value = (uint32_t)(hash >> 32), .shard = member->shard};
    }
}

const struct ring_algorithm ring_algorithm_xxring = {
    .count = ring_count_by_weight,
    .place = xxring_place,
};
