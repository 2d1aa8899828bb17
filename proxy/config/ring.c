/*
 * Whether the options of a ring go together. What goes together is the hashring library's to say:
 * it is asked to build a ring of one shard.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"
#include "config/text.h"
#include "config/words.h"

static int build_probe(struct hashring **ring, const struct hashring_options *options)
{
    const struct hashring_shard shard = {"shard", 1};
    return hashring_create(ring, &shard, 1, options);
}

static bool goes_together(const struct hashring_options *options)
{
    struct hashring *ring = NULL;
    int result = build_probe(&ring, options);

    hashring_destroy(&ring);
    return result == 0;
}

/* The ring's option [key] where it stands, or the nearest thing around it. */
static const struct tree_node *option_node(const struct tree_node *map, const char *key)
{
    const struct tree_node *ring = tree_get(map, "ring");
    const struct tree_node *option = tree_get(ring, key);

    return option != NULL ? option : ring != NULL ? ring : map;
}

static void report(struct reader *reader, const struct tree_node *map, const char *key,
                   const char *accepted)
{
    char found[TREE_TEXT_BYTES];
    const struct tree_node *node = option_node(map, key);

    tree_describe(node, found, sizeof(found));
    problems_add(reader->problems, node, NULL, accepted, "%s", found);
}

static void report_hash(struct reader *reader, const struct tree_node *map,
                        const struct config_pool *pool)
{
    struct words words = {0};
    struct hashring_options options = pool->ring;
    const char *name;

    for (unsigned i = 0; (name = hashring_hash_kind_name((enum hashring_hash_kind)i)) != NULL;
         i++) {
        options.hash = (enum hashring_hash_kind)i;
        if (goes_together(&options)) {
            words_add(&words, name, strlen(name));
        }
    }
    char *accepted = text_format("with compatible_with: %s, %s",
                                 hashring_preset_name(pool->ring.preset), words_text(&words));
    report(reader, map, "hash", accepted);
    free(accepted);
    words_deinit(&words);
}

static void report_set_by_preset(struct reader *reader, const struct tree_node *map,
                                 const struct config_pool *pool, const char *key)
{
    struct hashring_options preset = pool->ring;
    hashring_options_preset(&preset, pool->ring.preset);

    const char *name = hashring_preset_name(pool->ring.preset);
    char *accepted =
        strcmp(key, "algorithm") == 0
            ? text_format("with compatible_with: %s, %s or nothing", name,
                          hashring_algorithm_name(preset.algorithm))
            : text_format("with compatible_with: %s, %u or nothing", name, preset.points);
    report(reader, map, key, accepted);
    free(accepted);
}

static void report_no_points(struct reader *reader, const struct tree_node *map,
                             const struct config_pool *pool)
{
    char *accepted =
        text_format("nothing with algorithm: %s", hashring_algorithm_name(pool->ring.algorithm));

    report(reader, map, "points", accepted);
    free(accepted);
}

static void report_options(struct reader *reader, const struct tree_node *map,
                           const struct config_pool *pool, int error)
{
    if (error == HASHRING_ERR_BAD_HASH) {
        report_hash(reader, map, pool);
    } else if (error == HASHRING_ERR_BAD_ALGORITHM) {
        report_set_by_preset(reader, map, pool, "algorithm");
    } else if (error == HASHRING_ERR_BAD_POINTS && pool->ring.preset == HASHRING_PRESET_NONE) {
        report_no_points(reader, map, pool);
    } else if (error == HASHRING_ERR_BAD_POINTS) {
        report_set_by_preset(reader, map, pool, "points");
    } else {
        problems_add(reader->problems, option_node(map, "ring"), NULL, "options that go together",
                     "options that do not (%s)", hashring_strerror(error));
    }
}

static void check_total(struct reader *reader, const struct tree_node *map,
                        const struct config_pool *pool)
{
    uint64_t weight = 0;
    uint64_t points_per_weight = pool->ring.points;

    for (size_t i = 0; i < pool->n_shards; i++) {
        weight += pool->shards[i].weight;
    }
    if (weight * points_per_weight > HASHRING_MAX_TOTAL_POINTS) {
        problems_add(reader->problems, option_node(map, "points"), NULL,
                     "16777216 points or fewer in all: smaller weights or fewer points",
                     "%" PRIu64 " points (weight %" PRIu64 " of all shards, %" PRIu64
                     " points each)",
                     weight * points_per_weight, weight, points_per_weight);
    }
}

void ring_complete(struct reader *reader, const struct tree_node *map, struct config_pool *pool)
{
    struct hashring *ring = NULL;
    int result = build_probe(&ring, &pool->ring);

    if (result != 0) {
        report_options(reader, map, pool, result);
    } else if (pool->ring.preset == HASHRING_PRESET_NONE) {
        pool->ring.points = (uint32_t)hashring_n_points(ring);
        check_total(reader, map, pool);
    }
    hashring_destroy(&ring);
}
