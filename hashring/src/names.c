/*
 * Texts: configuration names and errors, all from the tables.
 */
#include <string.h>

#include "hashring/hashring.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HASHRING_ALGORITHM(id, name, points) [HASHRING_##id] = #name,
static const char *const algorithm_names[] = {
#include "algos.def"
};
#undef HASHRING_ALGORITHM

#define HASHRING_HASH(id, name, bits, preset_id) [HASHRING_##id] = #name,
static const char *const hash_kind_names[] = {
#include "hashes.def"
};
#undef HASHRING_HASH

static const char *const preset_names[] = {
    [HASHRING_PRESET_NONE] = "none",
    [HASHRING_PRESET_LIBMEMCACHED_WEIGHTED] = "libmemcached-weighted",
    [HASHRING_PRESET_TWEMPROXY] = "twemproxy",
    [HASHRING_PRESET_NGINX] = "nginx",
    [HASHRING_PRESET_ENVOY] = "envoy",
    [HASHRING_PRESET_LIBMEMCACHED] = "libmemcached",
};

#define HASHRING_ALGORITHM(id, name, points) ", " #name
static const char algorithm_list[] =
#include "algos.def"
    ;
#undef HASHRING_ALGORITHM

#define HASHRING_HASH(id, name, bits, preset_id) ", " #name
static const char hash_kind_list[] =
#include "hashes.def"
    ;
#undef HASHRING_HASH

/* The position of [name], or -1. */
static int find(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int hashring_algorithm_parse(const char *name, enum hashring_algorithm *out)
{
    int found = find(algorithm_names, COUNT(algorithm_names), name);

    if (found < 0) {
        return HASHRING_ERR_UNKNOWN_NAME;
    }
    *out = (enum hashring_algorithm)found;
    return 0;
}

int hashring_hash_kind_parse(const char *name, enum hashring_hash_kind *out)
{
    int found = find(hash_kind_names, COUNT(hash_kind_names), name);

    if (found < 0) {
        return HASHRING_ERR_UNKNOWN_NAME;
    }
    *out = (enum hashring_hash_kind)found;
    return 0;
}

int hashring_preset_parse(const char *name, enum hashring_preset *out)
{
    int found = find(preset_names, COUNT(preset_names), name);

    if (found < 0) {
        return HASHRING_ERR_UNKNOWN_NAME;
    }
    *out = (enum hashring_preset)found;
    return 0;
}

const char *hashring_algorithm_name(enum hashring_algorithm algorithm)
{
    return (size_t)algorithm < COUNT(algorithm_names) ? algorithm_names[algorithm] : NULL;
}

const char *hashring_hash_kind_name(enum hashring_hash_kind kind)
{
    return (size_t)kind < COUNT(hash_kind_names) ? hash_kind_names[kind] : NULL;
}

const char *hashring_preset_name(enum hashring_preset preset)
{
    return (size_t)preset < COUNT(preset_names) ? preset_names[preset] : NULL;
}

const char *hashring_algorithm_names(void)
{
    return algorithm_list + strlen(", ");
}

const char *hashring_hash_kind_names(void)
{
    return hash_kind_list + strlen(", ");
}

const char *hashring_preset_names(void)
{
    return "none, libmemcached-weighted, twemproxy, nginx, envoy, libmemcached";
}

const char *hashring_strerror(int error)
{
#define ERROR_CASE(name, number, text)                                                             \
    case name:                                                                                     \
        return text;
    switch (error) {
    case 0:
        return "success";
        HASHRING_ERRORS(ERROR_CASE)
    default:
        return "unknown error";
    }
#undef ERROR_CASE
}
