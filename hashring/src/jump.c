/*
 * jump: Google's jump consistent hash over the shards in the order of their names. Nothing is
 * stored, the balance is perfect, and a shard whose name is last comes and goes without a needless
 * move. Any other makes the keys of all shards behind it move.
 *
 * The publication has no second choice. Here the hash is mixed with 1, 2, 3… and jumps again until
 * it meets a shard that was not met; after 32 vain jumps the next one in the order is taken, so that
 * the walk ends.
 *
 * The double arithmetic is that of the publication: one conversion, one division and one
 * multiplication, which IEEE 754 rounds alike everywhere. Never compile this file with -ffast-math.
 *
 * Source: Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014.
 */
#include <string.h>

#include "algorithm.h"
#include "score.h"

#ifdef __FAST_MATH__
#error "-ffast-math changes where keys go"
#endif

#define BITS_PER_BYTE 8u
#define MAX_JUMPS     32u

static uint64_t jump_seed(const struct ring_member *member)
{
    (void)member;
    return 0;
}

static uint32_t jump(uint64_t key, uint32_t n)
{
    uint32_t at = 0;
    uint64_t next = 0;

    while (next < n) {
        double step;

        at = (uint32_t)next;
        key = key * UINT64_C(2862933555777941757) + 1;
        step = 2147483648.0 / (double)((key >> 33) + 1);
        next = (uint64_t)((double)(at + 1) * step);
    }
    return at;
}

static uint32_t jump_home(const struct ring_table *table, uint64_t hash)
{
    return table->rows[jump(hash, table->n_rows)].shard;
}

/* Which rows were met. */
struct met {
    unsigned char bits[HASHRING_MAX_SHARDS / BITS_PER_BYTE + 1];
};

static bool is_met(const struct met *met, uint32_t row)
{
    return (met->bits[row / BITS_PER_BYTE] >> row % BITS_PER_BYTE & 1) != 0;
}

/* The next row that was not met; [n_jumps] counts on through the walk. */
static uint32_t jump_on(const struct ring_table *table, uint64_t hash, const struct met *met,
                        uint64_t *n_jumps)
{
    uint32_t row = 0;

    for (unsigned i = 0; i < MAX_JUMPS; i++) {
        row = jump(ring_score(hash, ++*n_jumps), table->n_rows);
        if (!is_met(met, row)) {
            return row;
        }
    }
    while (is_met(met, row)) {
        row = row + 1 < table->n_rows ? row + 1 : 0;
    }
    return row;
}

static size_t jump_walk(const struct ring_table *table, uint64_t hash, uint32_t *out, size_t max)
{
    struct met met;
    uint64_t n_jumps = 0;

    memset(met.bits, 0, table->n_rows / BITS_PER_BYTE + 1);
    for (size_t i = 0; i < max; i++) {
        uint32_t row = i == 0 ? jump(hash, table->n_rows) : jump_on(table, hash, &met, &n_jumps);

        met.bits[row / BITS_PER_BYTE] |= (unsigned char)(1u << row % BITS_PER_BYTE);
        out[i] = table->rows[row].shard;
    }
    return max;
}

const struct ring_algorithm ring_algorithm_jump = {
    .kernel = RING_KERNEL_COMPUTED,
    .even_only = true,
    .seed = jump_seed,
    .home = jump_home,
    .walk = jump_walk,
};
