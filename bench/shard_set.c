#include "shard_set.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "util.h"

enum { MADE_NAME_BYTES = 32 };

const char *shard_weights_set(void *out, const char *text)
{
    static const char accepted[] = "weights such as 1,2,4, each 1..1000000";
    struct shard_weights *weights = out;
    char *copy = strdup(text), *rest = NULL;
    bool is_good = copy != NULL;

    free(weights->weights);
    weights->n = 0;
    weights->weights = util_alloc(strlen(text) / 2 + 1, sizeof(*weights->weights));
    for (char *word = is_good ? strtok_r(copy, ",", &rest) : NULL; word != NULL && is_good;
         word = strtok_r(NULL, ",", &rest)) {
        uint64_t value = 0;

        is_good = options_read_count(word, &value) && value >= 1 && value <= HASHRING_MAX_WEIGHT;
        weights->weights[weights->n++] = (uint32_t)value;
    }
    free(copy);
    return is_good && weights->n > 0 ? NULL : accepted;
}

void shard_set_add(struct shard_set *set, const char *name, uint32_t weight)
{
    char *copy = strdup(name);

    if (set->n == set->max) {
        set->max = set->max * 2 + 16;
        set->shards = realloc(set->shards, set->max * sizeof(*set->shards));
    }
    if (copy == NULL || set->shards == NULL) {
        util_die("out of memory");
    }
    set->shards[set->n++] = (struct hashring_shard){.name = copy, .weight = weight};
}

void shard_set_fill(struct shard_set *set, size_t n, const struct shard_weights *weights)
{
    size_t end = set->n + n;

    while (set->n < end) {
        char name[MADE_NAME_BYTES];

        snprintf(name, sizeof(name), "shard-%05zu", set->n);
        shard_set_add(set, name,
                      weights->n > 0 ? weights->weights[set->n % weights->n] : UINT32_C(1));
    }
}

void shard_set_remove(struct shard_set *set, size_t index)
{
    free((char *)(uintptr_t)set->shards[index].name);
    set->n--;
    memmove(&set->shards[index], &set->shards[index + 1],
            (set->n - index) * sizeof(set->shards[0]));
}

void shard_set_copy(struct shard_set *to, const struct shard_set *from)
{
    *to = (struct shard_set){0};
    for (size_t i = 0; i < from->n; i++) {
        shard_set_add(to, from->shards[i].name, from->shards[i].weight);
    }
}

void shard_set_deinit(struct shard_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        free((char *)(uintptr_t)set->shards[i].name);
    }
    free(set->shards);
    *set = (struct shard_set){0};
}

uint32_t shard_set_find(const struct shard_set *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++) {
        if (strcmp(set->shards[i].name, name) == 0) {
            return (uint32_t)i;
        }
    }
    return SHARD_SET_NONE;
}

struct named {
    const char *name;
    uint32_t index;
};

static int compare_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

void shard_set_map(const struct shard_set *from, const struct shard_set *to, uint32_t *out)
{
    struct named *sorted = util_alloc(to->n + 1, sizeof(*sorted));

    for (size_t i = 0; i < to->n; i++) {
        sorted[i] = (struct named){to->shards[i].name, (uint32_t)i};
    }
    qsort(sorted, to->n, sizeof(*sorted), compare_named);
    for (size_t i = 0; i < from->n; i++) {
        struct named wanted = {from->shards[i].name, 0};
        const struct named *found = bsearch(&wanted, sorted, to->n, sizeof(*sorted), compare_named);

        out[i] = found != NULL ? found->index : SHARD_SET_NONE;
    }
    free(sorted);
}

double shard_set_total_weight(const struct shard_set *set)
{
    double total = 0;

    for (size_t i = 0; i < set->n; i++) {
        total += set->shards[i].weight;
    }
    return total;
}
