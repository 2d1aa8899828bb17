#include <stdlib.h>
#include <string.h>

#include "ring_table.h"

int ring_table_init(struct ring_table *table, const struct ring_member *members,
                    const struct ring_plan *plan, uint64_t (*seed)(const struct ring_member *))
{
    uint32_t n = plan->n_members;

    *table = (struct ring_table){
        .n_rows = n,
        .even = true,
        .total_weight = plan->total_weight,
        .seeds = malloc(n * sizeof(*table->seeds)),
        .rows = malloc(n * sizeof(*table->rows)),
    };
    if (table->seeds == NULL || table->rows == NULL) {
        return HASHRING_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct ring_member *member = &members[i];

        table->seeds[i] = seed(member);
        table->rows[i] = (struct ring_row){
            .weight = member->weight, .shard = member->shard, .rank = i, .part = member->weight};
        table->even = table->even && member->weight == members[0].weight;
        table->max_weight = member->weight > table->max_weight ? member->weight : table->max_weight;
    }
    return 0;
}

void ring_table_deinit(struct ring_table *table)
{
    free(table->seeds);
    free(table->rows);
    free(table->owners);
    free(table->liked);
    free(table->floors);
    *table = (struct ring_table){0};
}

/*
 * Where each row, which still stands at its rank, goes: [to]. What a row is computed from decides
 * whether it is an old one, its seed and weight. [by_rank] is scratch for the rows of [old].
 */
static bool match(const struct ring_table *table, const struct ring_table *old, uint32_t *by_rank,
                  uint32_t *to)
{
    uint32_t n_met = 0;

    for (uint32_t row = 0; row < old->n_rows; row++) {
        by_rank[old->rows[row].rank] = row;
    }
    for (uint32_t rank = 0; rank < table->n_rows; rank++) {
        uint32_t row = n_met < old->n_rows ? by_rank[n_met] : 0;

        if (n_met < old->n_rows && old->seeds[row] == table->seeds[rank] &&
            old->rows[row].weight == table->rows[rank].weight) {
            to[rank] = row;
            n_met++;
        } else {
            to[rank] = old->n_rows + rank - n_met;
        }
    }
    return n_met == old->n_rows;
}

int ring_table_follow(struct ring_table *table, const struct ring_table *old)
{
    uint32_t n = table->n_rows;
    uint64_t *seeds = malloc(n * sizeof(*seeds));
    struct ring_row *rows = malloc(n * sizeof(*rows));
    uint32_t *scratch = malloc(2 * (size_t)n * sizeof(*scratch));
    int result = HASHRING_ERR_NO_MEMORY;

    if (seeds != NULL && rows != NULL && scratch != NULL) {
        uint32_t *to = scratch + n;

        result = old->n_rows <= n && match(table, old, scratch, to) ? 1 : 0;
        for (uint32_t rank = 0; result == 1 && rank < n; rank++) {
            seeds[to[rank]] = table->seeds[rank];
            rows[to[rank]] = table->rows[rank];
        }
    }
    if (result == 1) {
        memcpy(table->seeds, seeds, n * sizeof(*seeds));
        memcpy(table->rows, rows, n * sizeof(*rows));
    }
    free(seeds);
    free(rows);
    free(scratch);
    return result;
}

/* What a ranking needs to compare two rows. */
struct ranking {
    const struct ring_table *table;
    ring_cost_fn *cost;
    uint64_t key;
};

static bool is_before(const struct ranking *ranking, uint32_t left, uint32_t right)
{
    uint64_t left_cost = ranking->cost(ranking->table, left, ranking->key);
    uint64_t right_cost = ranking->cost(ranking->table, right, ranking->key);

    if (left_cost != right_cost) {
        return left_cost < right_cost;
    }
    return ranking->table->rows[left].rank < ranking->table->rows[right].rank;
}

/* Move [row] down from the top of a heap of [n] whose worst row is at the top. */
static void sift(const struct ranking *ranking, uint32_t *heap, size_t n, uint32_t row)
{
    size_t at = 0;

    for (size_t child = 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && is_before(ranking, heap[child], heap[child + 1])) {
            child++;
        }
        if (!is_before(ranking, row, heap[child])) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = row;
}

/* Add [row] at the end of a heap of [n]. */
static void push(const struct ranking *ranking, uint32_t *heap, size_t n, uint32_t row)
{
    size_t at = n;

    while (at > 0 && is_before(ranking, heap[(at - 1) / 2], row)) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = row;
}

/* The best rows in a heap that lies in the caller's array: costs are computed again, not kept. */
size_t ring_table_rank(const struct ring_table *table, ring_cost_fn *cost, uint64_t key,
                       uint32_t *out, size_t from, size_t max)
{
    struct ranking ranking = {table, cost, key};
    uint32_t *heap = out + from;
    size_t room = max - from;
    size_t n = 0;

    for (uint32_t row = 0; row < table->n_rows; row++) {
        if (from > 0 && table->rows[row].shard == out[0]) {
            continue;
        }
        if (n < room) {
            push(&ranking, heap, n++, row);
        } else if (n > 0 && is_before(&ranking, row, heap[0])) {
            sift(&ranking, heap, n, row);
        }
    }
    for (size_t left = n; left > 1; left--) {
        uint32_t worst = heap[0];

        sift(&ranking, heap, left - 1, heap[left - 1]);
        heap[left - 1] = worst;
    }
    for (size_t i = 0; i < n; i++) {
        heap[i] = table->rows[heap[i]].shard;
    }
    return from + n;
}

uint64_t ring_table_count_owned(const struct ring_table *table, uint64_t *owned)
{
    uint64_t sum = 0;

    for (uint32_t row = 0; row < table->n_rows; row++) {
        owned[table->rows[row].shard] = table->rows[row].part;
        sum += table->rows[row].part;
    }
    return sum;
}

size_t ring_table_memory_bytes(const struct ring_table *table)
{
    size_t slot_bytes = sizeof(*table->owners);

    if (table->liked != NULL) {
        slot_bytes += sizeof(*table->liked) + sizeof(*table->floors);
    }
    return table->n_rows * (sizeof(*table->seeds) + sizeof(*table->rows)) +
           table->n_slots * slot_bytes;
}
