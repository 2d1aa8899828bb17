/*
 * Options and presets: defaults, and what goes together.
 */
#include "options.h"

struct algorithm_row {
    const struct ring_algorithm *algorithm;
    uint32_t default_points;
};

#define HASHRING_ALGORITHM(id, name, points) [HASHRING_##id] = {&ring_algorithm_##name, points},
static const struct algorithm_row algorithms[] = {
#include "algos.def"
};
#undef HASHRING_ALGORITHM

/* What a preset sets. */
struct preset_row {
    enum hashring_algorithm algorithm;
    enum hashring_hash_kind hash;
    uint32_t points;
    bool any_hashkit; /* the hash may be any that libmemcached and twemproxy have */
};

static const struct preset_row presets[] = {
    [HASHRING_PRESET_NONE] = {HASHRING_XXRING, HASHRING_XXH3, 0, false},
    [HASHRING_PRESET_LIBMEMCACHED_WEIGHTED] = {HASHRING_KETAMA, HASHRING_MD5, 160, true},
    [HASHRING_PRESET_TWEMPROXY] = {HASHRING_KETAMA, HASHRING_FNV1A_64, 160, true},
    [HASHRING_PRESET_NGINX] = {HASHRING_CRCRING, HASHRING_CRC32, 160, false},
    [HASHRING_PRESET_ENVOY] = {HASHRING_XX64RING, HASHRING_XXH64, 1024, false},
    [HASHRING_PRESET_LIBMEMCACHED] = {HASHRING_MODULO, HASHRING_ONE_AT_A_TIME, 0, true},
};

void hashring_options_init(struct hashring_options *options)
{
    *options = (struct hashring_options){
        .preset = HASHRING_PRESET_NONE,
        .algorithm = HASHRING_XXRING,
        .hash = HASHRING_XXH3,
    };
}

int hashring_options_preset(struct hashring_options *options, enum hashring_preset preset)
{
    if ((size_t)preset >= sizeof(presets) / sizeof(presets[0])) {
        return HASHRING_ERR_INVALID;
    }
    options->preset = preset;
    options->algorithm = presets[preset].algorithm;
    options->hash = presets[preset].hash;
    options->points = presets[preset].points;
    return 0;
}

static int settle_preset(struct ring_settings *settings, const struct hashring_options *options)
{
    const struct preset_row *preset = &presets[options->preset];

    if (options->algorithm != preset->algorithm) {
        return HASHRING_ERR_BAD_ALGORITHM;
    }
    if (settings->points != preset->points) {
        return HASHRING_ERR_BAD_POINTS;
    }
    if (!preset->any_hashkit) {
        return options->hash == preset->hash ? 0 : HASHRING_ERR_BAD_HASH;
    }
    if (settings->hash->preset_kind < 0) {
        return HASHRING_ERR_BAD_HASH;
    }
    settings->hash = ring_hash_row((enum hashring_hash_kind)settings->hash->preset_kind);
    return 0;
}

int ring_options_settle(struct ring_settings *settings, const struct hashring_options *options)
{
    uint32_t default_points;

    if ((size_t)options->algorithm >= sizeof(algorithms) / sizeof(algorithms[0]) ||
        ring_hash_row(options->hash) == NULL || hashring_preset_name(options->preset) == NULL) {
        return HASHRING_ERR_INVALID;
    }
    default_points = options->preset == HASHRING_PRESET_NONE
                         ? algorithms[options->algorithm].default_points
                         : presets[options->preset].points;
    if (options->points > (default_points > 0 ? HASHRING_MAX_POINTS : 0)) {
        return HASHRING_ERR_BAD_POINTS;
    }
    *settings = (struct ring_settings){
        .algorithm = algorithms[options->algorithm].algorithm,
        .hash = ring_hash_row(options->hash),
        .preset = options->preset,
        .points = options->points > 0 ? options->points : default_points,
    };
    return options->preset == HASHRING_PRESET_NONE ? 0 : settle_preset(settings, options);
}
