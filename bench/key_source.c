#include "key_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "key_source_kind.h"
#include "random.h"
#include "util.h"
#include "zipf.h"

enum { NAME_BYTES = 256, HEX_DIGITS = 16 };

struct key_source {
    const struct key_source_kind *kind; /* NULL: made up */
    void *state;
    uint64_t n_done, n_max; /* n_max UINT64_MAX: as many as there are */
    uint64_t n_keys;        /* made-up keys there are */
    bool is_sample;
    enum key_source_style style;
    uint64_t seed;
    struct random random;
    struct zipf zipf;
    enum { DRAW_NONE, DRAW_EVEN, DRAW_ZIPF } draw;
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

static void open_made(struct key_source *source, const struct key_source_options *options)
{
    uint64_t n_keys = options->n_keys > 0 ? options->n_keys : KEY_SOURCE_DEFAULT;

    source->n_keys = n_keys;
    source->n_max = n_keys;
    source->is_sample = options->n_sample > 0;
    if (options->zipf > 0) {
        source->draw = DRAW_ZIPF;
        source->n_max = options->n_requests > 0 ? options->n_requests : n_keys;
        zipf_init(&source->zipf, n_keys, options->zipf);
        snprintf(source->name, NAME_BYTES, "%s, Zipf %g", style_names[options->style],
                 options->zipf);
    } else {
        source->draw = options->n_sample > 0 ? DRAW_EVEN : DRAW_NONE;
        snprintf(source->name, NAME_BYTES, "%s", style_names[options->style]);
    }
    source->n_max = options->n_sample > 0 ? options->n_sample : source->n_max;
}

static int open_kind(struct key_source *source, const struct key_source_options *options)
{
    source->n_max = options->n_keys > 0 ? options->n_keys : UINT64_MAX;
    if (options->file != NULL) {
        source->kind = &key_lines_kind;
        snprintf(source->name, NAME_BYTES, "file %s", options->file);
        return key_lines_open(&source->state, options->file);
    }
    if (options->log != NULL) {
        source->kind = &key_log_kind;
        snprintf(source->name, NAME_BYTES, "access log %s", options->log);
        return key_log_open(&source->state, options->log, options->log_pool);
    }
    if (options->memcached != NULL) {
        source->kind = &key_memcached_kind;
        snprintf(source->name, NAME_BYTES, "memcached %s", options->memcached);
        return key_memcached_open(&source->state, options->memcached);
    }
    open_made(source, options);
    return COMMAND_OK;
}

static int refuse(const char *found, const char *accepted)
{
    fprintf(stderr, "ringway-bench: found %s; accepted: %s\n", found, accepted);
    return COMMAND_USAGE;
}

/* Options that do not belong together. */
static int check(const struct key_source_options *options)
{
    int n_given = (options->file != NULL) + (options->memcached != NULL) + (options->log != NULL);

    if (n_given > 1) {
        return refuse("several sources",
                      "one of --key-file, --access-log and --memcached, or made-up keys");
    }
    if (n_given > 0 && (options->n_sample > 0 || options->zipf > 0)) {
        return refuse("--sample or --zipf with another source", "made-up keys for these");
    }
    if (options->n_requests > 0 && !(options->zipf > 0)) {
        return refuse("--requests", "--requests together with --zipf");
    }
    if (options->n_requests > 0 && options->n_sample > 0) {
        return refuse("--requests and --sample", "one of them: both say how many are drawn");
    }
    if (options->log_pool != NULL && options->log == NULL) {
        return refuse("--log-pool", "--log-pool together with --access-log");
    }
    return COMMAND_OK;
}

int key_source_open(struct key_source **out, const struct key_source_options *options)
{
    struct key_source *source;
    int code;

    *out = NULL;
    code = check(options);
    if (code != COMMAND_OK) {
        return code;
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

/* Which made-up key is next, as number [i] of all. */
static uint64_t next_index(struct key_source *source, uint64_t i)
{
    switch (source->draw) {
    case DRAW_EVEN:
        return random_below(&source->random, source->n_keys);
    case DRAW_ZIPF:
        return zipf_next(&source->zipf, &source->random);
    case DRAW_NONE:
        break;
    }
    return i;
}

static void make_batch(struct key_source *source, struct key_source_batch *batch, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        char *text = source->made[i];
        size_t len = key_source_make(source->style, source->seed,
                                     next_index(source, source->n_done + i), text);

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
    return source->is_sample;
}

uint64_t key_source_population(const struct key_source *source)
{
    return source->n_keys;
}

const char *key_source_name(const struct key_source *source)
{
    return source->name;
}
