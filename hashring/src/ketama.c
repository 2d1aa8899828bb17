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

/* What a preset may add to a name. */
#define MARK_BYTES 2u

static const char default_port[] = ":11211";

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

static uint64_t ketama_count(const struct ring_plan *plan, const struct ring_member *member)
{
    uint64_t points = (uint64_t)plan->points * member->weight;

    if (plan->preset != HASHRING_PRESET_NONE) {
        return count_in_float(plan, member);
    }
    return (points + POINTS_PER_DIGEST - 1) / POINTS_PER_DIGEST * POINTS_PER_DIGEST;
}

/* Both originals leave memcached's own port away, as the first ketama rings had no ports. */
static size_t length_without_default_port(const struct ring_member *member)
{
    size_t port_len = strlen(default_port);
    size_t host_len = member->name_len > port_len ? member->name_len - port_len : 0;

    if (host_len > 0 && memcmp(member->name + host_len, default_port, port_len) == 0) {
        return host_len;
    }
    return member->name_len;
}

/*
 * Write what the digests are made of, without the number.
 *
 * [out] HASHRING_MAX_NAME_BYTES + MARK_BYTES.
 *
 * Returns the end of what was written.
 */
static char *write_name(const struct ring_plan *plan, const struct ring_member *member, char *out)
{
    bool is_socket = member->name[0] == '/';
    const char *mark = "";
    size_t len = member->name_len;

    switch (plan->preset) {
    case HASHRING_PRESET_NONE:
        break;
    case HASHRING_PRESET_LIBMEMCACHED_WEIGHTED:
        mark = is_socket ? ":0" : ""; /* the port of a Unix socket */
        len = length_without_default_port(member);
        break;
    case HASHRING_PRESET_TWEMPROXY:
        mark = is_socket ? ":" : ""; /* "path:" and no port */
        len = length_without_default_port(member);
        break;
    }
    memcpy(out, member->name, len);
    memcpy(out + len, mark, strlen(mark));
    return out + len + strlen(mark);
}

static void ketama_place(const struct ring_plan *plan, const struct ring_member *member,
                         struct ring_point *points, size_t n)
{
    char name[HASHRING_MAX_NAME_BYTES + MARK_BYTES + RING_POINT_SUFFIX_BYTES];
    char *suffix = write_name(plan, member, name);
    uint32_t digest[POINTS_PER_DIGEST];

    for (size_t i = 0; i < n; i++) {
        if (i % POINTS_PER_DIGEST == 0) {
            char *end = ring_point_suffix(suffix, (uint32_t)(i / POINTS_PER_DIGEST));

            ring_md5(name, (size_t)(end - name), digest);
        }
        points[i].value = digest[i % POINTS_PER_DIGEST];
        points[i].shard = member->shard;
    }
}

const struct ring_algorithm ring_algorithm_ketama = {
    .count = ketama_count,
    .place = ketama_place,
};
