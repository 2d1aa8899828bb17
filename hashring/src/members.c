#include <stdlib.h>
#include <string.h>

#include "algorithm.h"
#include "members.h"

static const char default_port[] = ":11211";

static int compare_names(const void *a, const void *b)
{
    const struct ring_member *left = a;
    const struct ring_member *right = b;

    return strcmp(left->name, right->name);
}

static int compare_shards(const void *a, const void *b)
{
    const struct ring_member *left = a;
    const struct ring_member *right = b;

    return (left->shard > right->shard) - (left->shard < right->shard);
}

/* Shorter names first. Marks of names of the same length differ only where the first bytes do. */
static int compare_lengths(const void *a, const void *b)
{
    const struct ring_member *left = a;
    const struct ring_member *right = b;
    size_t left_len = left->name_len + strlen(left->mark);
    size_t right_len = right->name_len + strlen(right->mark);

    if (left_len != right_len) {
        return left_len < right_len ? -1 : 1;
    }
    return memcmp(left->name, right->name,
                  left->name_len < right->name_len ? left->name_len : right->name_len);
}

static int check(const struct hashring_shard *shard)
{
    if (shard->name == NULL || shard->name[0] == '\0' ||
        memchr(shard->name, '\0', HASHRING_MAX_NAME_BYTES + 1) == NULL) {
        return HASHRING_ERR_BAD_NAME;
    }
    if (shard->weight == 0 || shard->weight > HASHRING_MAX_WEIGHT) {
        return HASHRING_ERR_BAD_WEIGHT;
    }
    return 0;
}

/* The originals leave memcached's own port away, as the first ketama rings had no ports. */
static void drop_default_port(struct ring_member *member)
{
    size_t port_len = strlen(default_port);
    size_t host_len = member->name_len > port_len ? member->name_len - port_len : 0;

    if (host_len > 0 && memcmp(member->name + host_len, default_port, port_len) == 0) {
        member->name_len = host_len;
    }
}

static void name_points(struct ring_member *member, enum hashring_preset preset)
{
    bool is_socket = member->name[0] == '/';

    member->name_len = strlen(member->name);
    member->mark = "";
    switch (preset) {
    case HASHRING_PRESET_NONE:
    case HASHRING_PRESET_NGINX:
    case HASHRING_PRESET_ENVOY:
    case HASHRING_PRESET_LIBMEMCACHED:
        break;
    case HASHRING_PRESET_LIBMEMCACHED_WEIGHTED:
        drop_default_port(member);
        member->mark = is_socket ? ":0" : ""; /* the port of a Unix socket */
        break;
    case HASHRING_PRESET_TWEMPROXY:
        drop_default_port(member);
        member->mark = is_socket ? ":" : ""; /* before a port that is not there */
        break;
    }
}

static void order(struct ring_member *members, uint32_t n, enum hashring_preset preset)
{
    switch (preset) {
    case HASHRING_PRESET_NONE:
        qsort(members, n, sizeof(*members), compare_names);
        break;
    case HASHRING_PRESET_LIBMEMCACHED_WEIGHTED:
    case HASHRING_PRESET_NGINX:
    case HASHRING_PRESET_ENVOY:
    case HASHRING_PRESET_LIBMEMCACHED:
        qsort(members, n, sizeof(*members), compare_shards);
        break;
    case HASHRING_PRESET_TWEMPROXY:
        qsort(members, n, sizeof(*members), compare_lengths);
        break;
    }
}

void ring_count_by_weight(const struct ring_plan *plan, struct ring_member *members)
{
    for (uint32_t i = 0; i < plan->n_members; i++) {
        members[i].n_points = (size_t)plan->points * members[i].weight;
    }
}

int ring_members_collect(struct ring_member *members, const struct hashring_shard *shards,
                         struct ring_plan *plan)
{
    uint32_t n = plan->n_members;

    for (uint32_t i = 0; i < n; i++) {
        int error = check(&shards[i]);

        if (error < 0) {
            return error;
        }
        members[i] =
            (struct ring_member){.name = shards[i].name, .weight = shards[i].weight, .shard = i};
        name_points(&members[i], plan->preset);
        plan->total_weight += shards[i].weight;
    }
    qsort(members, n, sizeof(*members), compare_names);
    for (uint32_t i = 1; i < n; i++) {
        if (strcmp(members[i - 1].name, members[i].name) == 0) {
            return HASHRING_ERR_DUPLICATE_NAME;
        }
    }
    order(members, n, plan->preset);
    return 0;
}
