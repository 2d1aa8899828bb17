#include "churn.h"

#include <math.h>
#include <stdlib.h>

#include "util.h"

void churn_init(struct churn *churn, const struct shard_set *before, const struct shard_set *after)
{
    double all_before = shard_set_total_weight(before), all_after = shard_set_total_weight(after);

    *churn = (struct churn){.before = before, .after = after};
    churn->to_after = util_alloc(before->n, sizeof(*churn->to_after));
    churn->shrank = util_alloc(before->n, sizeof(*churn->shrank));
    churn->loads_before = util_alloc(before->n, sizeof(*churn->loads_before));
    churn->stayed = util_alloc(after->n, sizeof(*churn->stayed));
    churn->grew = util_alloc(after->n, sizeof(*churn->grew));
    churn->loads = util_alloc(after->n, sizeof(*churn->loads));
    churn->taken = util_alloc(after->n, sizeof(*churn->taken));
    shard_set_map(before, after, churn->to_after);
    for (size_t i = 0; i < after->n; i++) {
        churn->grew[i] = true;
    }
    for (size_t i = 0; i < before->n; i++) {
        uint32_t to = churn->to_after[i];
        double part = before->shards[i].weight / all_before;

        churn->shrank[i] = true;
        if (to != SHARD_SET_NONE) {
            double part_after = after->shards[to].weight / all_after;

            churn->stayed[to] = true;
            churn->grew[to] = part_after > part;
            churn->shrank[i] = part_after < part;
        }
    }
}

void churn_deinit(struct churn *churn)
{
    free(churn->to_after);
    free(churn->shrank);
    free(churn->loads_before);
    free(churn->stayed);
    free(churn->grew);
    free(churn->loads);
    free(churn->taken);
    *churn = (struct churn){0};
}

void churn_count(struct churn *churn, const uint32_t *before, const uint32_t *after, size_t n)
{
    churn->n_keys += n;
    for (size_t i = 0; i < n; i++) {
        uint32_t from = before[i], to = after[i];

        churn->loads_before[from]++;
        churn->loads[to]++;
        if (churn->to_after[from] == to) {
            continue;
        }
        churn->n_moved++;
        churn->taken[to]++;
        churn->n_needless += churn->to_after[from] != SHARD_SET_NONE && churn->stayed[to] &&
                             !(churn->shrank[from] && churn->grew[to]);
    }
}

static bool contains(const uint32_t *list, size_t n, uint32_t shard)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == shard) {
            return true;
        }
    }
    return false;
}

/* Both lists have no shard twice, so they are equal as sets if one holds all of the other. */
static bool same_set(const struct churn *churn, const uint32_t *before, const uint32_t *after,
                     size_t n)
{
    size_t n_before = 0, n_after = 0;

    for (size_t i = 0; i < n; i++) {
        n_after += after[i] != SHARD_SET_NONE;
        if (before[i] != SHARD_SET_NONE) {
            uint32_t shard = churn->to_after[before[i]];

            n_before++;
            if (shard == SHARD_SET_NONE || !contains(after, n, shard)) {
                return false;
            }
        }
    }
    return n_before == n_after;
}

void churn_count_sets(struct churn *churn, const uint32_t *before, const uint32_t *after, size_t n,
                      size_t n_replicas)
{
    for (size_t i = 0; i < n; i++) {
        churn->n_sets +=
            !same_set(churn, before + i * n_replicas, after + i * n_replicas, n_replicas);
    }
}

double churn_optimum(const struct churn *churn)
{
    double all_before = shard_set_total_weight(churn->before);
    double all_after = shard_set_total_weight(churn->after);
    double lost = 0;

    for (size_t i = 0; i < churn->before->n; i++) {
        uint32_t to = churn->to_after[i];
        double part = churn->before->shards[i].weight / all_before;
        double part_after = to != SHARD_SET_NONE ? churn->after->shards[to].weight / all_after : 0;

        lost += fmax(0, part - part_after);
    }
    return lost;
}

double churn_unluckiest(const struct churn *churn)
{
    uint64_t most = 0;

    for (size_t i = 0; i < churn->after->n; i++) {
        if (churn->stayed[i] && churn->taken[i] > most) {
            most = churn->taken[i];
        }
    }
    return churn->n_moved > 0 ? (double)most / (double)churn->n_moved : 0;
}
