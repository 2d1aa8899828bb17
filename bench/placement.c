#include "placement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "placement_reference.h"
#include "util.h"

static const struct placement_reference *const references[] = {
    &reference_jump,
    &reference_maglev,
#ifdef RINGWAY_BENCH_LIBMEMCACHED
    &reference_libmemcached,
#endif
};

enum { N_REFERENCES = sizeof(references) / sizeof(references[0]) };

struct placement {
    struct placement_type type;
    struct hashring *ring; /* of a reference: of one shard, only for hashing */
    void *state;           /* of a reference */
};

const char *placement_compare_help(void)
{
#ifdef RINGWAY_BENCH_LIBMEMCACHED
    return "rows to compare with: all, jump-paper, maglev-paper, libmemcached";
#else
    return "rows to compare with: all, jump-paper, maglev-paper (built without libmemcached)";
#endif
}

static bool is_algorithm(const char *name, struct hashring_options *options)
{
    enum hashring_preset preset;

    if (hashring_algorithm_parse(name, &options->algorithm) == 0) {
        return true;
    }
    return strcmp(name, "none") != 0 && hashring_preset_parse(name, &preset) == 0 &&
           hashring_options_preset(options, preset) == 0;
}

/* What a list is read into. */
struct type_list {
    struct placement_type *types;
    size_t n;
    struct hashring_options options; /* what every algorithm begins with */
    const char *command;
};

static int add_type(struct type_list *list, struct placement_type type)
{
    if (list->n == PLACEMENT_MAX_TYPES) {
        options_complain(list->command, "more than %d algorithms", PLACEMENT_MAX_TYPES);
        return -1;
    }
    list->types[list->n++] = type;
    return 0;
}

/* --points is for the algorithms that have points: the others refuse any number but 0. */
static void drop_points(struct placement_type *type)
{
    static const struct hashring_shard one = {.name = "one", .weight = 1};
    struct hashring *ring = NULL;

    if (type->options.points > 0 &&
        hashring_create(&ring, &one, 1, &type->options) == HASHRING_ERR_BAD_POINTS) {
        type->options.points = 0;
    }
    hashring_destroy(&ring);
}

static int add_all_algorithms(struct type_list *list)
{
    const char *name;
    int result = 0;

    for (int i = 0; (name = hashring_algorithm_name((enum hashring_algorithm)i)) != NULL; i++) {
        struct placement_type type = {.name = name, .options = list->options};

        type.options.algorithm = (enum hashring_algorithm)i;
        drop_points(&type);
        result = result == 0 ? add_type(list, type) : result;
    }
    return result;
}

static int add_all_references(struct type_list *list)
{
    int result = 0;

    for (size_t i = 0; i < N_REFERENCES; i++) {
        struct placement_type type = {references[i]->name, list->options, references[i]};

        result = result == 0 ? add_type(list, type) : result;
    }
    return result;
}

static int add_algorithm(struct type_list *list, const char *name)
{
    struct placement_type type = {.options = list->options};

    if (strcmp(name, "all") == 0) {
        return add_all_algorithms(list);
    }
    if (!is_algorithm(name, &type.options)) {
        options_complain(list->command, "--algorithms: found \"%s\"; accepted: all, %s, %s", name,
                         hashring_algorithm_names(), hashring_preset_names());
        return -1;
    }
    drop_points(&type);
    type.name = type.options.preset == HASHRING_PRESET_NONE
                    ? hashring_algorithm_name(type.options.algorithm)
                    : hashring_preset_name(type.options.preset);
    return add_type(list, type);
}

static int add_reference(struct type_list *list, const char *name)
{
    if (strcmp(name, "all") == 0) {
        return add_all_references(list);
    }
    for (size_t i = 0; i < N_REFERENCES; i++) {
        if (strcmp(name, references[i]->name) == 0) {
            struct placement_type type = {references[i]->name, list->options, references[i]};

            return add_type(list, type);
        }
    }
    options_complain(list->command, "--compare: found \"%s\"; accepted: %s", name,
                     strchr(placement_compare_help(), ':') + 2);
    return -1;
}

static int add_words(struct type_list *list, const char *text,
                     int (*add)(struct type_list *list, const char *name))
{
    char *copy = strdup(text), *rest = NULL;
    int result = copy != NULL ? 0 : -1;

    for (char *word = strtok_r(copy, ",", &rest); word != NULL && result == 0;
         word = strtok_r(NULL, ",", &rest)) {
        result = add(list, word);
    }
    free(copy);
    return result;
}

int placement_types(struct placement_type *types, const struct placement_choice *choice,
                    const char *command)
{
    struct type_list list = {.types = types, .command = command};
    const char *algorithms = choice->algorithms;
    int result;

    hashring_options_init(&list.options);
    list.options.points = (uint32_t)choice->points;
    if (choice->hash != NULL && hashring_hash_kind_parse(choice->hash, &list.options.hash) != 0) {
        options_complain(command, "--hash: found \"%s\"; accepted: %s", choice->hash,
                         hashring_hash_kind_names());
        return -1;
    }
    result = add_words(&list, algorithms != NULL ? algorithms : "all", add_algorithm);
    if (result == 0 && choice->compare != NULL) {
        result = add_words(&list, choice->compare, add_reference);
    }
    if (result == 0 && list.n == 0) {
        options_complain(command, "--algorithms: nothing is named");
        return -1;
    }
    return result == 0 ? (int)list.n : -1;
}

static int create_reference(struct placement *placement, const struct shard_set *set, char *error)
{
    static const struct hashring_shard one = {.name = "one", .weight = 1};
    struct hashring_options options = placement->type.options;
    const char *problem;

    options.points = 1;
    if (hashring_create(&placement->ring, &one, 1, &options) != 0) {
        util_die("out of memory");
    }
    problem = placement->type.reference->create(&placement->state, set);
    if (problem != NULL) {
        snprintf(error, PLACEMENT_ERROR_BYTES, "%s", problem);
        return -1;
    }
    return 0;
}

static int create_ring(struct placement *placement, const struct shard_set *set, char *error)
{
    int result = hashring_create(&placement->ring, set->shards, set->n, &placement->type.options);

    if (result != 0) {
        snprintf(error, PLACEMENT_ERROR_BYTES, "%s", hashring_strerror(result));
        return -1;
    }
    return 0;
}

int placement_create(struct placement **out, const struct placement_type *type,
                     const struct shard_set *set, char *error)
{
    struct placement *placement = util_alloc(1, sizeof(*placement));
    int result;

    placement->type = *type;
    result = type->reference != NULL ? create_reference(placement, set, error)
                                     : create_ring(placement, set, error);
    *out = placement;
    if (result != 0) {
        placement_destroy(out);
    }
    return result;
}

void placement_destroy(struct placement **placement)
{
    struct placement *old = *placement;

    if (old == NULL) {
        return;
    }
    if (old->state != NULL) {
        old->type.reference->destroy(old->state);
    }
    hashring_destroy(&old->ring);
    free(old);
    *placement = NULL;
}

void placement_batch_set(struct placement_batch *batch, const struct slice *keys, size_t n)
{
    batch->keys = keys;
    batch->n = n;
    batch->hashed_as = NULL;
}

static bool hashes_alike(const struct hashring_options *a, const struct hashring_options *b)
{
    return a->hash == b->hash && a->preset == b->preset && a->has_hash_tag == b->has_hash_tag &&
           (!a->has_hash_tag || memcmp(a->hash_tag, b->hash_tag, sizeof(a->hash_tag)) == 0);
}

bool placement_hash(const struct placement *placement, struct placement_batch *batch)
{
    const struct hashring_options *options = &placement->type.options;

    if (placement->type.reference != NULL && placement->type.reference->home == NULL) {
        return false;
    }
    if (batch->hashed_as == NULL || !hashes_alike(batch->hashed_as, options)) {
        for (size_t i = 0; i < batch->n; i++) {
            batch->hashes[i] =
                hashring_hash(placement->ring, batch->keys[i].data, batch->keys[i].len);
        }
    }
    batch->hashed_as = options;
    return true;
}

void placement_homes_of_hashes(const struct placement *placement, const uint64_t *hashes, size_t n,
                               uint32_t *out)
{
    const struct placement_reference *reference = placement->type.reference;

    if (reference != NULL) {
        for (size_t i = 0; i < n; i++) {
            out[i] = reference->home(placement->state, hashes[i]);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = hashring_home(placement->ring, hashes[i]);
    }
}

static uint32_t key_home(const struct placement *placement, struct slice key)
{
    const struct placement_reference *reference = placement->type.reference;
    uint64_t hash;

    if (reference != NULL && reference->home == NULL) {
        return reference->key_home(placement->state, key);
    }
    hash = hashring_hash(placement->ring, key.data, key.len);
    return reference != NULL ? reference->home(placement->state, hash)
                             : hashring_home(placement->ring, hash);
}

void placement_homes_of_keys(const struct placement *placement, const struct slice *keys, size_t n,
                             uint32_t *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = key_home(placement, keys[i]);
    }
}

void placement_homes(const struct placement *placement, struct placement_batch *batch,
                     uint32_t *out)
{
    if (placement_hash(placement, batch)) {
        placement_homes_of_hashes(placement, batch->hashes, batch->n, out);
    } else {
        placement_homes_of_keys(placement, batch->keys, batch->n, out);
    }
}

bool placement_has_picks(const struct placement *placement)
{
    return placement->type.reference == NULL;
}

void placement_picks(const struct placement *placement, struct placement_batch *batch, size_t max,
                     uint32_t *out)
{
    (void)placement_hash(placement, batch);
    for (size_t i = 0; i < batch->n; i++) {
        size_t n = hashring_pick(placement->ring, batch->hashes[i], out + i * max, max);

        for (; n < max; n++) {
            out[i * max + n] = PLACEMENT_NONE;
        }
    }
}

/* The low bits of a hash hardly matter, so the next place is as random as it was without it. */
uint32_t placement_chain(const struct placement *placement, const uint64_t *hashes, size_t n)
{
    const struct placement_reference *reference = placement->type.reference;
    uint32_t home = 0;

    if (reference != NULL) {
        for (size_t i = 0; i < n; i++) {
            home = reference->home(placement->state, hashes[i] ^ home);
        }
        return home;
    }
    for (size_t i = 0; i < n; i++) {
        home = hashring_home(placement->ring, hashes[i] ^ home);
    }
    return home;
}

uint32_t placement_key_chain(const struct placement *placement, const struct slice *keys, size_t n)
{
    uint32_t home = 0;

    for (size_t i = 0; i + 1 < n; i++) {
        /* Which key is next depends on the home of the one before. */
        home = key_home(placement, keys[i + (home & 1u)]);
    }
    return home;
}

size_t placement_memory_bytes(const struct placement *placement)
{
    if (placement->type.reference == NULL) {
        return hashring_memory_bytes(placement->ring);
    }
    return placement->type.reference->memory_bytes != NULL
               ? placement->type.reference->memory_bytes(placement->state)
               : 0;
}
