#include "shard_change.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"

const char *shard_change_set_reweight(void *out, const char *text)
{
    struct shard_change *change = out;
    const char *equals = strrchr(text, '=');
    uint64_t weight = 0;

    if (equals == NULL || equals == text || !options_read_count(equals + 1, &weight) ||
        weight < 1 || weight > HASHRING_MAX_WEIGHT) {
        return "NAME=WEIGHT, the weight 1..1000000";
    }
    if (change->n_reweights == SHARD_CHANGE_MAX_REWEIGHTS) {
        return "at most 64 of them";
    }
    change->reweights[change->n_reweights++] = text;
    return NULL;
}

bool shard_change_is_any(const struct shard_change *change)
{
    return change->n_add > 0 || change->remove != NULL || change->n_reweights > 0;
}

static int complain_unknown(const char *command, const char *option, const char *name,
                            const struct shard_set *set)
{
    options_complain(command, "--%s: found the shard \"%s\"; accepted: %s to %s", option, name,
                     set->shards[0].name, set->shards[set->n - 1].name);
    return -1;
}

static int reweight(struct shard_set *set, const char *text, const char *command)
{
    const char *equals = strrchr(text, '=');
    char *name = strndup(text, (size_t)(equals - text));
    uint32_t index = name != NULL ? shard_set_find(set, name) : SHARD_SET_NONE;
    int result = 0;

    if (index == SHARD_SET_NONE) {
        result = complain_unknown(command, "reweight", name != NULL ? name : "", set);
    } else {
        uint64_t weight = 0;

        (void)options_read_count(equals + 1, &weight);
        set->shards[index].weight = (uint32_t)weight;
    }
    free(name);
    return result;
}

static int remove_names(struct shard_set *set, const char *text, const char *command)
{
    char *copy = strdup(text), *rest = NULL;
    int result = copy != NULL ? 0 : -1;

    for (char *name = strtok_r(copy, ",", &rest); name != NULL && result == 0;
         name = strtok_r(NULL, ",", &rest)) {
        uint32_t index = shard_set_find(set, name);

        if (index == SHARD_SET_NONE) {
            result = complain_unknown(command, "remove", name, set);
        } else if (set->n == 1) {
            options_complain(command, "--remove: no shard is left");
            result = -1;
        } else {
            shard_set_remove(set, index);
        }
    }
    free(copy);
    return result;
}

static int remove_shards(struct shard_set *set, const char *text, uint64_t seed,
                         const char *command)
{
    struct random random;
    uint64_t n = 0;

    if (!options_read_count(text, &n)) {
        return remove_names(set, text, command);
    }
    if (n == 0 || n >= set->n) {
        options_complain(command, "--remove: found \"%s\"; accepted: 1 to %zu, or names", text,
                         set->n - 1);
        return -1;
    }
    random_init(&random, seed);
    for (; n > 0; n--) {
        shard_set_remove(set, (size_t)random_below(&random, set->n));
    }
    return 0;
}

int shard_change_apply(const struct shard_change *change, const struct shard_set *before,
                       struct shard_set *after, uint64_t seed, const char *command)
{
    struct shard_set came = {0};
    uint32_t weight = (uint32_t)change->add_weight;
    struct shard_weights weights = {&weight, 1};
    int result = 0;

    shard_set_copy(after, before);
    for (size_t i = 0; i < change->n_reweights && result == 0; i++) {
        result = reweight(after, change->reweights[i], command);
    }
    if (result == 0 && change->remove != NULL) {
        result = remove_shards(after, change->remove, seed, command);
    }
    if (result != 0) {
        shard_set_deinit(after);
        return result;
    }
    /* Numbered on from the shards before: a new shard never has the name of one that went. */
    shard_set_copy(&came, before);
    shard_set_fill(&came, change->n_add, &weights);
    for (size_t i = before->n; i < came.n; i++) {
        shard_set_add(after, came.shards[i].name, came.shards[i].weight);
    }
    shard_set_deinit(&came);
    return 0;
}
