#include "cmd_load_items.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"

enum {
    BLOCK_BYTES = 1024 * 1024, /* places where a value may begin */
};

/* The random number of [x]. */
static uint64_t mix(uint64_t x)
{
    struct random random = {.state = x};

    return random_next(&random);
}

/* A number in (0, 1). */
static double unit(uint64_t random)
{
    return ((double)(random >> 11) + 0.5) * 0x1p-53;
}

size_t load_items_etc_key_bytes(double u)
{
    const double location = 30.7984;
    const double scale = 8.20449;
    const double shape = 0.078688;
    double size = location + scale / shape * (pow(-log(u), -shape) - 1.0);

    if (size < LOAD_ITEMS_ETC_MIN_KEY_BYTES) {
        return LOAD_ITEMS_ETC_MIN_KEY_BYTES;
    }
    return size > LOAD_ITEMS_ETC_MAX_KEY_BYTES ? LOAD_ITEMS_ETC_MAX_KEY_BYTES : (size_t)size;
}

size_t load_items_etc_value_bytes(double u)
{
    static const double table[] = {0.00536, 0.00047, 0.17820, 0.09239, 0.00018,
                                   0.02740, 0.00065, 0.00606, 0.00023, 0.00837,
                                   0.00837, 0.08989, 0.00092, 0.00326, 0.01980};
    const size_t n_table = sizeof(table) / sizeof(table[0]);
    const double scale = 214.476;
    const double shape = 0.348238;
    double below = 0;
    double size;

    for (size_t i = 0; i < n_table; i++) {
        below += table[i];
        if (u < below) {
            return i;
        }
    }
    /* What is left of (0, 1), stretched to (0, 1). */
    u = (u - below) / (1.0 - below);
    size = (double)n_table + scale / shape * (pow(1.0 - u, -shape) - 1.0);
    return size > LOAD_ITEMS_ETC_MAX_VALUE_BYTES ? LOAD_ITEMS_ETC_MAX_VALUE_BYTES : (size_t)size;
}

static void fill_block(struct load_items *items)
{
    size_t size = (BLOCK_BYTES + items->max_value_bytes + 7) & ~(size_t)7;

    items->block = util_alloc(size, 1);
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t random = mix(UINT64_MAX - at);

        memcpy(items->block + at, &random, sizeof(random));
    }
}

static void draw_key_sizes(struct load_items *items)
{
    size_t least = items->n_prefix + LOAD_ITEMS_DIGITS;

    items->key_bytes = util_alloc(items->options.n, sizeof(*items->key_bytes));
    for (uint64_t i = 0; i < items->options.n; i++) {
        size_t size = load_items_etc_key_bytes(unit(mix(2 * i)));

        items->key_bytes[i] = (uint8_t)(size < least ? least : size);
    }
}

static void draw_value_sizes(struct load_items *items)
{
    items->max_value_bytes = 0;
    items->value_bytes = util_alloc(items->options.n, sizeof(*items->value_bytes));
    for (uint64_t i = 0; i < items->options.n; i++) {
        size_t size = load_items_etc_value_bytes(unit(mix(2 * i + 1)));

        items->value_bytes[i] = (uint32_t)size;
        if (size > items->max_value_bytes) {
            items->max_value_bytes = size;
        }
    }
}

void load_items_init(struct load_items *items, const struct load_items_options *options)
{
    *items = (struct load_items){.options = *options,
                                 .n_prefix = strlen(options->prefix),
                                 .max_value_bytes = options->value_bytes};
    if (options->etc_keys) {
        draw_key_sizes(items);
    }
    if (options->etc_values) {
        draw_value_sizes(items);
    }
    fill_block(items);
}

void load_items_deinit(struct load_items *items)
{
    free(items->key_bytes);
    free(items->value_bytes);
    free(items->block);
    *items = (struct load_items){0};
}

size_t load_items_key(const struct load_items *items, uint64_t i, char *out)
{
    size_t len = items->key_bytes != NULL ? items->key_bytes[i] : items->options.key_bytes;
    size_t n_dots = len - items->n_prefix - LOAD_ITEMS_DIGITS;

    memcpy(out, items->options.prefix, items->n_prefix);
    memset(out + items->n_prefix, '.', n_dots);
    for (size_t digit = 1; digit <= LOAD_ITEMS_DIGITS; digit++) {
        out[len - digit] = (char)('0' + i % 10);
        i /= 10;
    }
    return len;
}

uint64_t load_items_find(const struct load_items *items, const char *key, size_t len)
{
    char expected[LOAD_ITEMS_MAX_KEY_BYTES];
    uint64_t i = 0;

    if (len < LOAD_ITEMS_DIGITS || len > sizeof(expected)) {
        return UINT64_MAX;
    }
    for (size_t at = len - LOAD_ITEMS_DIGITS; at < len; at++) {
        unsigned digit = (unsigned)(unsigned char)key[at] - '0';

        if (digit > 9) {
            return UINT64_MAX;
        }
        i = i * 10 + digit;
    }
    if (i >= items->options.n || load_items_key(items, i, expected) != len ||
        memcmp(expected, key, len) != 0) {
        return UINT64_MAX;
    }
    return i;
}

const char *load_items_value(const struct load_items *items, uint64_t i, size_t *len)
{
    *len = items->value_bytes != NULL ? items->value_bytes[i] : items->options.value_bytes;
    return items->block + mix(~i) % BLOCK_BYTES;
}
