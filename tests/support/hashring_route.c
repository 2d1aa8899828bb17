/*
 * Print the home of each key on standard input, a line each, as an index into the shards given.
 *
 *     hashring_route PRESET HASH TAG [!]WEIGHT:NAME... < keys
 *
 * PRESET and HASH by their configuration names, TAG two bytes or - for none. A shard behind a ! is
 * down: its keys go to the next that is not. It shows to scripts what the library does, without a
 * proxy in between.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hashring/hashring.h"

/* As many shards as a walk may have to pass. */
#define MAX_PICKED 64

enum { ARG_PRESET = 1, ARG_HASH, ARG_TAG, ARG_SHARDS };

static int parse_options(struct hashring_options *options, char **argv)
{
    enum hashring_preset preset;
    int error;

    hashring_options_init(options);
    error = hashring_preset_parse(argv[ARG_PRESET], &preset);
    if (error < 0) {
        return error;
    }
    error = hashring_options_preset(options, preset);
    if (error < 0) {
        return error;
    }
    if (strlen(argv[ARG_TAG]) == sizeof(options->hash_tag)) {
        options->has_hash_tag = true;
        memcpy(options->hash_tag, argv[ARG_TAG], sizeof(options->hash_tag));
    }
    return hashring_hash_kind_parse(argv[ARG_HASH], &options->hash);
}

static bool is_down(const char *text)
{
    return text[0] == '!';
}

/* "[!]WEIGHT:NAME"; a wrong one is left to hashring_create() to refuse. */
static struct hashring_shard parse_shard(const char *text)
{
    char *end;
    unsigned long weight = strtoul(text + is_down(text), &end, 10);

    return (struct hashring_shard){
        .name = *end == ':' ? end + 1 : "",
        .weight = weight <= HASHRING_MAX_WEIGHT ? (uint32_t)weight : 0,
    };
}

static int build_ring(struct hashring **ring, int argc, char **argv)
{
    struct hashring_options options;
    size_t n_shards = (size_t)(argc - ARG_SHARDS);
    struct hashring_shard *shards = calloc(n_shards, sizeof(*shards));
    int error = parse_options(&options, argv);

    if (shards == NULL) {
        return HASHRING_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < n_shards; i++) {
        shards[i] = parse_shard(argv[ARG_SHARDS + i]);
    }
    if (error == 0) {
        error = hashring_create(ring, shards, n_shards, &options);
    }
    free(shards);
    return error;
}

/* The first shard of [key] that is not down, or its home if all are. */
static uint32_t place(const struct hashring *ring, const char *key, size_t key_len, char **shards)
{
    uint64_t hash = hashring_hash(ring, key, key_len);
    uint32_t picked[MAX_PICKED];
    size_t n = hashring_pick(ring, hash, picked, MAX_PICKED);

    for (size_t i = 0; i < n; i++) {
        if (!is_down(shards[picked[i]])) {
            return picked[i];
        }
    }
    return hashring_home(ring, hash);
}

static void route_keys(const struct hashring *ring, char **shards)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    while ((len = getline(&line, &size, stdin)) > 0) {
        size_t key_len = (size_t)len - (line[len - 1] == '\n');

        (void)printf("%" PRIu32 "\n", place(ring, line, key_len, shards));
    }
    free(line);
}

int main(int argc, char **argv)
{
    struct hashring *ring = NULL;
    int error;

    if (argc <= ARG_SHARDS) {
        (void)fprintf(stderr, "usage: hashring_route PRESET HASH TAG [!]WEIGHT:NAME... < keys\n");
        return 1;
    }
    error = build_ring(&ring, argc, argv);
    if (error < 0) {
        (void)fprintf(stderr, "hashring_route: %s\n", hashring_strerror(error));
        return 1;
    }
    route_keys(ring, argv + ARG_SHARDS);
    hashring_destroy(&ring);
    return ferror(stdout) || fflush(stdout) != 0;
}
