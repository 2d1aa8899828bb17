/*
 * slots: 2^16 slots, each shard in each slot with a score of its own. A slot goes to the shard that
 * likes it best, unless that has its fill: a shard takes at most 1.05 times its fair part. Slots
 * are given away in the order of their numbers, so everyone who knows the names and weights gets
 * the same table.
 *
 * The best three of each slot are kept, before the limit: the walk reads them, and a shard that is
 * added needs to be compared with those only. The limit moves a few slots between other shards when
 * one comes or goes.
 *
 * Source: rendezvous hashing (score.h); the limit after Mirrokni, Thorup and Zadimoghaddam,
 * "Consistent Hashing with Bounded Loads", 2017.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "algorithm.h"
#include "hash.h"
#include "score.h"

#define SLOT_BITS 16u
#define N_SLOTS   (1u << SLOT_BITS)

/* The limit: 21/20 of the fair part. */
#define LIMIT_PARTS 21u
#define FAIR_PARTS  20u

/* So many shards of each slot are expected to be above a guessed floor. */
#define GUESSED_ABOVE 8u

#define SCORE_BITS 32u
#define RANK_BITS  16u

_Static_assert(HASHRING_MAX_TABLE_SHARDS <= 1u << RANK_BITS, "ranks fit into claims");

static uint64_t slots_seed(const struct ring_member *member)
{
    return ring_hash_xxh3((const unsigned char *)member->name, member->name_len);
}

/* Two slots share the bits of one score. */
static uint64_t scores_of_pair(uint64_t seed, uint32_t pair)
{
    uint64_t bits = ring_score(seed, pair);

    return bits ^ (bits >> 31);
}

static uint32_t score_of(uint64_t scores, uint32_t slot)
{
    return (uint32_t)(slot % 2 == 0 ? scores >> SCORE_BITS : scores);
}

/* What is kept of a floor. */
static uint16_t top_of(uint32_t score)
{
    return (uint16_t)(score >> (SCORE_BITS / 2));
}

/*
 * What a row bids for a slot where it has [score]: the lowest claim wins. The cost is above the
 * rank, so that no two are equal. With equal weights scores need no logarithms for the same order.
 */
static uint64_t claim_of(const struct ring_table *table, uint32_t row, uint32_t score)
{
    uint64_t middle = (uint64_t)score << SCORE_BITS | UINT64_C(1) << (SCORE_BITS - 1);
    uint64_t cost =
        table->even ? ~score : ring_neg_ln(middle) / table->rows[row].weight >> RANK_BITS;

    return cost << RANK_BITS | table->rows[row].rank;
}

static uint64_t slots_claim(const struct ring_table *table, uint32_t row, uint64_t slot)
{
    uint64_t scores = scores_of_pair(table->seeds[row], (uint32_t)slot / 2);

    return claim_of(table, row, score_of(scores, (uint32_t)slot));
}

/* -ln(u) is at least 1 - u: who has a lower score than this cannot bid less than [claim]. */
static uint32_t floor_of(const struct ring_table *table, uint64_t claim)
{
    uint64_t cost = claim >> RANK_BITS;
    uint64_t limit;

    if (table->even) {
        return ~(uint32_t)cost;
    }
    limit = (cost + 1) << RANK_BITS;
    if (limit >= (UINT64_C(1) << (RING_LN_BITS - 1)) / table->max_weight) {
        return 0;
    }
    limit *= table->max_weight;
    limit += (limit >> 20) + 1; /* for what ring_neg_ln() rounds down */
    return (uint32_t)((UINT64_C(0) - (limit << (64 - RING_LN_BITS))) >> SCORE_BITS);
}

/* A floor that few shards reach, or 0. */
static uint32_t guess_floor(const struct ring_table *table)
{
    uint64_t parts = table->total_weight / table->max_weight / GUESSED_ABOVE;

    return parts > 1 ? UINT32_MAX - UINT32_MAX / (uint32_t)parts : 0;
}

/* The scores of a slot that are not below a floor, each with its row below it. */
struct found {
    uint64_t *scores;
    uint32_t n;
};

/* What is not found is overwritten: a branch would be mispredicted too often. */
static void find(const struct ring_table *table, uint32_t pair, uint32_t floor, struct found *found)
{
    uint32_t n_even = 0;
    uint32_t n_odd = 0;

    for (uint32_t row = 0; row < table->n_rows; row++) {
        uint64_t scores = scores_of_pair(table->seeds[row], pair);
        uint32_t even = score_of(scores, 0);
        uint32_t odd = score_of(scores, 1);

        found[0].scores[n_even] = (uint64_t)even << SCORE_BITS | row;
        n_even += even >= floor;
        found[1].scores[n_odd] = (uint64_t)odd << SCORE_BITS | row;
        n_odd += odd >= floor;
    }
    found[0].n = n_even;
    found[1].n = n_odd;
}

/* Put the lowest claim that is not yet in its place into [place]. */
static void select_claim(uint64_t *claims, uint32_t n, uint32_t place)
{
    uint64_t lowest = claims[place];
    uint32_t at = place;

    for (uint32_t i = place + 1; i < n; i++) {
        at = claims[i] < lowest ? i : at;
        lowest = claims[i] < lowest ? claims[i] : lowest;
    }
    claims[at] = claims[place];
    claims[place] = lowest;
}

/* Rows stand at their ranks. Returns false if shards below [floor] might be among the best. */
static bool like_found(struct ring_table *table, uint32_t slot, struct found *found, uint32_t floor)
{
    uint32_t n = found->n < RING_TABLE_N_LIKED ? found->n : RING_TABLE_N_LIKED;
    uint32_t reached = 0;

    for (uint32_t i = 0; i < found->n; i++) {
        uint64_t score = found->scores[i];

        found->scores[i] = claim_of(table, (uint32_t)score, (uint32_t)(score >> SCORE_BITS));
    }
    for (uint32_t place = 0; place < n; place++) {
        select_claim(found->scores, found->n, place);
        table->liked[slot][place] = (uint16_t)found->scores[place];
    }
    if (n == RING_TABLE_N_LIKED) {
        reached = floor_of(table, found->scores[n - 1]);
    }
    table->floors[slot] = top_of(reached);
    return reached >= floor;
}

static int like_afresh(struct ring_table *table)
{
    uint64_t *scores = malloc(2 * (table->n_rows + (size_t)1) * sizeof(*scores));
    struct found found[2] = {{scores, 0}, {scores + table->n_rows + 1, 0}};
    uint32_t guess = guess_floor(table);

    if (scores == NULL) {
        return HASHRING_ERR_NO_MEMORY;
    }
    for (uint32_t pair = 0; pair < N_SLOTS / 2; pair++) {
        bool liked;

        find(table, pair, guess, found);
        liked = like_found(table, 2 * pair, &found[0], guess);
        liked = like_found(table, 2 * pair + 1, &found[1], guess) && liked;
        if (!liked) {
            find(table, pair, 0, found);
            like_found(table, 2 * pair, &found[0], 0);
            like_found(table, 2 * pair + 1, &found[1], 0);
        }
    }
    free(scores);
    return 0;
}

/* Insert a new row among the liked ones of a slot, if it is good enough. */
static void like_too(struct ring_table *table, uint32_t row, uint32_t slot, uint32_t score)
{
    uint16_t *liked = table->liked[slot];
    uint64_t claim = claim_of(table, row, score);
    uint32_t place = RING_TABLE_N_LIKED;

    while (place > 0 && claim < slots_claim(table, liked[place - 1], slot)) {
        if (place < RING_TABLE_N_LIKED) {
            liked[place] = liked[place - 1];
        }
        place--;
    }
    if (place < RING_TABLE_N_LIKED) {
        liked[place] = (uint16_t)row;
        table->floors[slot] =
            top_of(floor_of(table, slots_claim(table, liked[RING_TABLE_N_LIKED - 1], slot)));
    }
}

static void like_everywhere(struct ring_table *table, uint32_t row)
{
    uint64_t seed = table->seeds[row];

    for (uint32_t slot = 0; slot < N_SLOTS; slot += 2) {
        uint64_t scores = scores_of_pair(seed, slot / 2);

        if (top_of(score_of(scores, 0)) >= table->floors[slot]) {
            like_too(table, row, slot, score_of(scores, 0));
        }
        if (top_of(score_of(scores, 1)) >= table->floors[slot + 1]) {
            like_too(table, row, slot + 1, score_of(scores, 1));
        }
    }
}

/* What is known of the old rows holds if claims and floors are computed as before. */
static int like_from(struct ring_table *table, const struct ring_table *old)
{
    int result;

    if (old->n_rows < RING_TABLE_N_LIKED || old->even != table->even ||
        (!table->even && old->max_weight != table->max_weight)) {
        return 0;
    }
    result = ring_table_follow(table, old);
    if (result != 1) {
        return result;
    }
    memcpy(table->liked, old->liked, N_SLOTS * sizeof(*table->liked));
    memcpy(table->floors, old->floors, N_SLOTS * sizeof(*table->floors));
    for (uint32_t row = old->n_rows; row < table->n_rows; row++) {
        like_everywhere(table, row);
    }
    return 1;
}

/* How many slots a row may own. Rounded down, but never so that all together leave a slot over. */
static uint32_t limit_of(const struct ring_table *table, uint32_t row)
{
    uint64_t part = (uint64_t)N_SLOTS * table->rows[row].weight;
    uint64_t fair = (part + table->total_weight - 1) / table->total_weight;
    uint64_t limit = part * LIMIT_PARTS / (table->total_weight * FAIR_PARTS);

    return (uint32_t)(limit > fair ? limit : fair);
}

/* The best row that has room: seldom none of those that like the slot best. */
static uint32_t best_with_room(const struct ring_table *table, const uint32_t *room, uint32_t slot)
{
    uint32_t best = 0;
    uint64_t lowest = UINT64_MAX;

    for (uint32_t row = 0; row < table->n_rows; row++) {
        uint64_t claim = room[row] > 0 ? slots_claim(table, row, slot) : UINT64_MAX;

        best = claim < lowest ? row : best;
        lowest = claim < lowest ? claim : lowest;
    }
    return best;
}

static void give_away(struct ring_table *table, uint32_t *room)
{
    uint32_t n_liked = table->n_rows < RING_TABLE_N_LIKED ? table->n_rows : RING_TABLE_N_LIKED;

    for (uint32_t row = 0; row < table->n_rows; row++) {
        room[row] = limit_of(table, row);
    }
    for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
        uint32_t i = 0;
        uint32_t row;

        while (i < n_liked && room[table->liked[slot][i]] == 0) {
            i++;
        }
        row = i < n_liked ? table->liked[slot][i] : best_with_room(table, room, slot);
        assert(room[row] > 0); /* all limits together leave no slot over */
        room[row]--;
        table->owners[slot] = (uint16_t)table->rows[row].shard;
    }
    for (uint32_t row = 0; row < table->n_rows; row++) {
        table->rows[row].part = limit_of(table, row) - room[row];
    }
}

static int slots_fill(struct ring_table *table, const struct ring_table *old)
{
    uint32_t *room = calloc(table->n_rows, sizeof(*room));
    int result = HASHRING_ERR_NO_MEMORY;

    table->n_slots = N_SLOTS;
    table->owners = malloc(N_SLOTS * sizeof(*table->owners));
    table->liked = malloc(N_SLOTS * sizeof(*table->liked));
    table->floors = malloc(N_SLOTS * sizeof(*table->floors));
    if (room != NULL && table->owners != NULL && table->liked != NULL && table->floors != NULL) {
        result = old != NULL ? like_from(table, old) : 0;
        result = result == 0 ? like_afresh(table) : result;
        if (result >= 0) {
            give_away(table, room);
        }
    }
    free(room);
    return result < 0 ? result : 0;
}

static size_t slots_walk(const struct ring_table *table, uint64_t hash, uint32_t *out, size_t max)
{
    uint64_t slot = hash >> table->shift;
    const uint16_t *liked = table->liked[slot];
    size_t n = 1;

    if (max == 0) {
        return 0;
    }
    out[0] = table->owners[slot];
    for (size_t i = 0; i < RING_TABLE_N_LIKED && i < table->n_rows && n < max; i++) {
        uint32_t shard = table->rows[liked[i]].shard;

        if (shard != out[0]) {
            out[n++] = shard;
        }
    }
    return n < max ? ring_table_rank(table, slots_claim, slot, out, 1, max) : n;
}

const struct ring_algorithm ring_algorithm_slots = {
    .kernel = RING_KERNEL_SLOTS,
    .max_shards = HASHRING_MAX_TABLE_SHARDS,
    .seed = slots_seed,
    .fill = slots_fill,
    .walk = slots_walk,
};
