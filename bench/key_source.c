#include "key_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "key_source_kind.h"
#include "random.h"
#include "util.h"

enum { NAME_BYTES = 256, HEX_DIGITS = 16 };

struct key_source {
    const struct key_source_kind *kind; /* NULL: made up */
    void *state;
    uint64_t n_done, n_max; /* n_max UINT64_MAX: as many as there are */
    uint64_t population;    /* of a sample; else 0 */
    enum key_source_style style;
    uint64_t seed;
    struct random random;
    char name[NAME_BYTES];
    char made[KEY_SOURCE_BATCH][KEY_SOURCE_MADE_BYTES];
};

static const char *const style_names[] = {"numbered", "hashed"};

const char *key_source_set_style(void *out, const char *text)
{
    for (int i = 0; i < 2; i++) {
        if (strcmp(text, style_names[i]) == 0) {
            *(enum key_source_style *)out = (enum key_source_style)i;
            return NULL;
        }
    }
    return "numbered, hashed";
}

static size_t make_numbered(uint64_t index, char *out)
{
    static const char prefix[] = {'k', 'e', 'y', ':'};
    char digits[20];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    memcpy(out, prefix, sizeof(prefix));
    for (size_t i = 0; i < n; i++) {
        out[sizeof(prefix) + i] = digits[n - 1 - i];
    }
    return sizeof(prefix) + n;
}

size_t key_source_make(enum key_source_style style, uint64_t seed, uint64_t index, char *out)
{
    uint64_t value;

    if (style == KEY_SOURCE_NUMBERED) {
        return make_numbered(index, out);
    }
    /* A bijection of the number: no two keys are alike. */
    value = random_mix(index + random_mix(seed));
    for (unsigned i = 0; i < HEX_DIGITS; i++) {
        out[i] = "0123456789abcdef"[value >> 60];
        value <<= 4;
    }
    return HEX_DIGITS;
}

static int open_kind(struct key_source *source, const struct key_source_options *options)
{
    source->n_max = options->n_keys > 0 ? options->n_keys : UINT64_MAX;
    if (options->file != NULL) {
        source->kind = &key_lines_kind;
        snprintf(source->name, NAME_BYTES, "file %s", options->file);
        return key_lines_open(&source->state, options->file);
    }
    if (options->memcached != NULL) {
        source->kind = &key_memcached_kind;
        snprintf(source->name, NAME_BYTES, "memcached %s", options->memcached);
        return key_memcached_open(&source->state, options->memcached);
    }
    source->n_max = options->n_keys > 0 ? options->n_keys : KEY_SOURCE_DEFAULT;
    if (options->n_sample > 0) {
        source->population = source->n_max;
        source->n_max = options->n_sample;
    }
    snprintf(source->name, NAME_BYTES, "%s", style_names[options->style]);
    return COMMAND_OK;
}

int key_source_open(struct key_source **out, const struct key_source_options *options)
{
    struct key_source *source;
    int code;

    *out = NULL;
    if (options->file != NULL && options->memcached != NULL) {
        fprintf(stderr, "ringway-bench: found --key-file and --memcached; accepted: one of them\n");
        return COMMAND_USAGE;
    }
    if (options->n_sample > 0 && (options->file != NULL || options->memcached != NULL)) {
        fprintf(stderr, "ringway-bench: --sample draws from made-up keys only\n");
        return COMMAND_USAGE;
    }
    source = util_alloc(1, sizeof(*source));
    random_init(&source->random, options->seed);
    source->style = options->style;
    source->seed = options->seed;
    code = open_kind(source, options);
    if (code != COMMAND_OK) {
        free(source);
        return code;
    }
    *out = source;
    return COMMAND_OK;
}

void key_source_close(struct key_source **source)
{
    struct key_source *old = *source;

    if (old == NULL) {
        return;
    }
    if (old->kind != NULL) {
        old->kind->close(old->state);
    }
    free(old);
    *source = NULL;
}

static void make_batch(struct key_source *source, struct key_source_batch *batch, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        uint64_t index = source->population > 0 ? random_below(&source->random, source->population)
                                                : source->n_done + i;
        char *text = source->made[i];
        size_t len = key_source_make(source->style, source->seed, index, text);

        batch->keys[i] = slice_make(text, len);
    }
    batch->n = max;
}

int key_source_next(struct key_source *source, struct key_source_batch *batch)
{
    uint64_t left = source->n_max - source->n_done;
    size_t max = left < KEY_SOURCE_BATCH ? (size_t)left : KEY_SOURCE_BATCH;
    int code = COMMAND_OK;

    batch->n = 0;
    if (max > 0 && source->kind != NULL) {
        code = source->kind->next(source->state, batch, max);
    } else if (max > 0) {
        make_batch(source, batch, max);
    }
    source->n_done += batch->n;
    return code;
}

uint64_t key_source_total(const struct key_source *source)
{
    return source->n_max == UINT64_MAX ? 0 : source->n_max;
}

bool key_source_is_sample(const struct key_source *source)
{
    return source->population > 0;
}

uint64_t key_source_population(const struct key_source *source)
{
    return source->population;
}

const char *key_source_name(const struct key_source *source)
{
    return source->name;
}
