/*
 * One function for each kind of value: text to the field of a struct.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/address.h"
#include "config/param_value.h"
#include "config/units.h"

#define MAX_NAME_BYTES  HASHRING_MAX_NAME_BYTES
#define MAX_FILE_BYTES  4095u
#define MAX_ACCESS_RATE 1000000u

static const char *const level_words[] = {"debug", "info", "warn", "error", NULL};
static const char *const format_words[] = {"text", "json", NULL};
static const char *const partial_words[] = {"miss", "error", NULL};
static const char *const protocol_words[] = {"memcached", "http", NULL};

void param_value_reject(const struct param_value *value)
{
    char found[TREE_TEXT_BYTES];
    char accepted[PARAM_ACCEPTED_BYTES];

    tree_describe(value->node, found, sizeof(found));
    params_accepted(value->param, accepted);
    problems_add(value->reader->problems, value->node, NULL, accepted, "%s", found);
}

void param_value_reject_because(const struct param_value *value, const char *reason)
{
    char found[TREE_TEXT_BYTES];
    char accepted[PARAM_ACCEPTED_BYTES];

    tree_describe(value->node, found, sizeof(found));
    params_accepted(value->param, accepted);
    problems_add(value->reader->problems, value->node, NULL, accepted, "%s (%s)", found, reason);
}

static bool is_word(const struct param_value *value, const char *word)
{
    return strcmp(value->text, word) == 0;
}

bool param_value_in_range(const struct param_value *value, uint64_t number)
{
    return number >= value->param->min && number <= value->param->max;
}

/* --- Numbers --- */

static void read_number(const struct param_value *value)
{
    uint64_t number;

    if (!units_parse_number(value->text, &number) || !param_value_in_range(value, number)) {
        param_value_reject(value);
        return;
    }
    uint32_t small = (uint32_t)number;
    memcpy(value->field, &small, sizeof(small));
}

static void read_size(const struct param_value *value)
{
    uint64_t bytes;

    if (!units_parse_size(value->text, &bytes) || !param_value_in_range(value, bytes)) {
        param_value_reject(value);
        return;
    }
    memcpy(value->field, &bytes, sizeof(bytes));
}

static void read_duration(const struct param_value *value)
{
    uint64_t us;

    if (!units_parse_duration(value->text, &us) || !param_value_in_range(value, us)) {
        param_value_reject(value);
        return;
    }
    memcpy(value->field, &us, sizeof(us));
}

/* One value for memcached and HTTP, whose defaults differ. */
static void read_idle(const struct param_value *value)
{
    struct config *config = value->base;

    read_duration(value);
    config->keep_alive_us = config->idle_us;
}

static void read_workers(const struct param_value *value)
{
    if (is_word(value, "auto")) {
        uint32_t cpus = config_available_cpus();
        memcpy(value->field, &cpus, sizeof(cpus));
        return;
    }
    read_number(value);
}

static void read_mode(const struct param_value *value)
{
    const char *digits = strncmp(value->text, "0o", 2) == 0 ? value->text + 2 : value->text;
    size_t len = strlen(digits);

    if (len < 3 || len > 4 || strspn(digits, "01234567") != len) {
        param_value_reject(value);
        return;
    }
    uint32_t mode = (uint32_t)strtoul(digits, NULL, 8);
    if (!param_value_in_range(value, mode)) {
        param_value_reject(value);
        return;
    }
    memcpy(value->field, &mode, sizeof(mode));
}

/* --- Words --- */

static void store_enum(const struct param_value *value, unsigned chosen)
{
    _Static_assert(sizeof(enum config_log_level) == sizeof(chosen), "enums are unsigned");
    memcpy(value->field, &chosen, sizeof(chosen));
}

void param_value_read_word(const struct param_value *value, const char *const *words)
{
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (is_word(value, words[i])) {
            store_enum(value, i);
            return;
        }
    }
    param_value_reject(value);
}

static void read_level(const struct param_value *value)
{
    param_value_read_word(value, level_words);
}

static void read_format(const struct param_value *value)
{
    param_value_read_word(value, format_words);
}

static void read_partial(const struct param_value *value)
{
    param_value_read_word(value, partial_words);
}

static void read_protocol(const struct param_value *value)
{
    const enum config_protocol unknown = PARAMS_PROTOCOL_UNKNOWN;

    memcpy(value->field, &unknown, sizeof(unknown));
    param_value_read_word(value, protocol_words);
}

static void read_flag(const struct param_value *value)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", NULL};

    for (unsigned i = 0; words[i] != NULL; i++) {
        if (is_word(value, words[i])) {
            bool flag = i % 2 == 1;
            memcpy(value->field, &flag, sizeof(flag));
            return;
        }
    }
    param_value_reject(value);
}

static void read_access(const struct param_value *value)
{
    struct config_log *log = &((struct config *)value->base)->log;
    uint64_t every;

    if (is_word(value, "off")) {
        log->access = CONFIG_ACCESS_OFF;
    } else if (is_word(value, "all")) {
        log->access = CONFIG_ACCESS_ALL;
    } else if (is_word(value, "errors")) {
        log->access = CONFIG_ACCESS_ERRORS;
    } else if (strncmp(value->text, "1/", 2) == 0 && units_parse_number(value->text + 2, &every) &&
               every >= 2 && every <= MAX_ACCESS_RATE) {
        log->access = CONFIG_ACCESS_SAMPLED;
        log->access_every = (uint32_t)every;
    } else {
        param_value_reject(value);
    }
}

/* --- Ring --- */

static void read_preset(const struct param_value *value)
{
    struct hashring_options *ring = value->field;
    enum hashring_preset preset;

    if (hashring_preset_parse(value->text, &preset) != 0 ||
        hashring_options_preset(ring, preset) != 0) {
        param_value_reject(value);
    }
}

static void read_algorithm(const struct param_value *value)
{
    struct hashring_options *ring = value->field;

    if (hashring_algorithm_parse(value->text, &ring->algorithm) != 0) {
        param_value_reject(value);
    } else if (ring->preset == HASHRING_PRESET_NONE) {
        ring->points = 0; /* the algorithm's own default: ring.c fills it in */
    }
}

static void read_hash(const struct param_value *value)
{
    struct hashring_options *ring = value->field;

    if (hashring_hash_kind_parse(value->text, &ring->hash) != 0) {
        param_value_reject(value);
    }
}

static void read_hash_tag(const struct param_value *value)
{
    struct hashring_options *ring = &((struct config_pool *)value->base)->ring;

    if (strlen(value->text) != sizeof(ring->hash_tag)) {
        param_value_reject(value);
        return;
    }
    ring->has_hash_tag = true;
    memcpy(ring->hash_tag, value->text, sizeof(ring->hash_tag));
}

/* --- Text --- */

void param_value_store_text(const struct param_value *value)
{
    char *copy = xstrdup(value->text);
    memcpy(value->field, &copy, sizeof(char *));
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

static void read_file(const struct param_value *value)
{
    if (value->text[0] == '\0' || strlen(value->text) > MAX_FILE_BYTES ||
        has_control(value->text)) {
        param_value_reject(value);
        return;
    }
    param_value_store_text(value);
}

static void read_name(const struct param_value *value)
{
    size_t len = strlen(value->text);

    if (len == 0 || len > MAX_NAME_BYTES || has_control(value->text) ||
        strchr(value->text, ' ') != NULL) {
        param_value_reject(value);
        return;
    }
    param_value_store_text(value);
}

static void read_pool_name(const struct param_value *value)
{
    if (is_word(value, "error") || is_word(value, "next")) {
        param_value_reject_because(value, "a word of on_shard_down");
        return;
    }
    read_name(value);
}

static void read_prefix(const struct param_value *value)
{
    size_t len = strlen(value->text);

    if (!param_value_in_range(value, len) || strpbrk(value->text, " \r\n") != NULL) {
        param_value_reject(value);
        return;
    }
    param_value_store_text(value);
}

/* --- Pools by name --- */

static void read_pool_name_of(const struct param_value *value)
{
    const struct reference reference = {value->node, value->field, value->protocol, ""};
    reader_add_reference(value->reader, &reference);
}

static void read_shard_down(const struct param_value *value)
{
    struct config_pool *pool = value->base;

    if (is_word(value, "error")) {
        pool->on_shard_down = CONFIG_DOWN_ERROR;
    } else if (is_word(value, "next")) {
        pool->on_shard_down = CONFIG_DOWN_NEXT;
    } else {
        pool->on_shard_down = CONFIG_DOWN_POOL;
        const struct reference reference = {value->node, &pool->down_pool, value->protocol,
                                            "error, next or "};
        reader_add_reference(value->reader, &reference);
    }
}

/* --- Addresses --- */

static void read_bind(const struct param_value *value)
{
    const char *wrong = address_parse(value->field, value->text, true);
    if (wrong != NULL) {
        param_value_reject_because(value, wrong);
    }
}

static void read_admin(const struct param_value *value)
{
    struct config *config = value->base;
    bool is_off = value->node->kind == TREE_NULL;

    if (!is_off && !value->node->quoted) {
        is_off = is_word(value, "off") || is_word(value, "false") || is_word(value, "no");
    }
    if (!is_off) {
        read_bind(value);
    }
    config->has_admin = config->admin.text != NULL;
}

/* Adds the replica [text], which stands at [node]. */
static void add_replica(const struct param_value *value, const struct tree_node *node,
                        const char *text)
{
    char found[TREE_TEXT_BYTES];
    struct config_shard *shard = value->base;
    struct config_address address;
    const char *wrong = address_parse(&address, text, false);

    if (wrong != NULL) {
        tree_quote(text, found, sizeof(found));
        problems_add(value->reader->problems, node, NULL, ADDRESS_FORMS ", port 1..65535",
                     "%s (%s)", found, wrong);
        return;
    }
    shard->replicas = xrealloc(shard->replicas, (shard->n_replicas + 1) * sizeof(address));
    shard->replicas[shard->n_replicas++] = address;
}

static void read_replicas(const struct param_value *value)
{
    param_value_each(value, READER_MAX_REPLICAS, "addresses", add_replica);
}

/* --- Lists --- */

static void read_list(const struct param_value *value, param_text_fn read)
{
    char found[TREE_TEXT_BYTES];
    char accepted[PARAM_ACCEPTED_BYTES];

    for (const struct tree_node *node = value->node->first; node != NULL; node = node->next) {
        if (node->is_reported) {
            continue;
        }
        if (node->kind == TREE_SCALAR) {
            read(value, node, node->text);
            continue;
        }
        tree_describe(node, found, sizeof(found));
        params_element_accepted(value->param, accepted);
        problems_add(value->reader->problems, node, NULL, accepted, "%s", found);
    }
}

/* "127.0.0.1:11311, 127.0.0.1:11321" */
static void read_commas(const struct param_value *value, param_text_fn read)
{
    char *copy = xstrdup(value->text);
    char *rest = copy;

    for (char *part = strsep(&rest, ","); part != NULL; part = strsep(&rest, ",")) {
        part += strspn(part, " ");
        part[strcspn(part, " ")] = '\0';
        read(value, value->node, part);
    }
    free(copy);
}

static size_t count_commas(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += *text == ',';
    }
    return n;
}

void param_value_each(const struct param_value *value, size_t max, const char *what,
                      param_text_fn read)
{
    char reason[64];
    const struct tree_node *node = value->node;
    size_t n = node->kind == TREE_SCALAR ? count_commas(value->text) + 1 : node->n_children;

    if (node->kind == TREE_MAP || node->kind == TREE_NULL) {
        param_value_reject(value);
    } else if (n == 0 || n > max) {
        snprintf(reason, sizeof(reason), "%zu %s", n, what);
        param_value_reject_because(value, reason);
    } else if (node->kind == TREE_LIST) {
        read_list(value, read);
    } else {
        read_commas(value, read);
    }
}

/* --- The kinds --- */

struct kind {
    void (*read)(const struct param_value *value);
    bool takes_null, takes_any, keeps_default;
};

static const struct kind kinds[] = {
    [PARAM_NUMBER] = {.read = read_number},
    [PARAM_SIZE] = {.read = read_size},
    [PARAM_DURATION] = {.read = read_duration},
    [PARAM_WORKERS] = {.read = read_workers},
    [PARAM_FLAG] = {.read = read_flag},
    [PARAM_MODE] = {.read = read_mode},
    [PARAM_LEVEL] = {.read = read_level},
    [PARAM_FORMAT] = {.read = read_format},
    [PARAM_ACCESS] = {.read = read_access},
    [PARAM_PARTIAL] = {.read = read_partial},
    [PARAM_PROTOCOL] = {.read = read_protocol},
    [PARAM_PRESET] = {.read = read_preset, .keeps_default = true},
    [PARAM_ALGORITHM] = {.read = read_algorithm, .keeps_default = true},
    [PARAM_HASH] = {.read = read_hash, .keeps_default = true},
    [PARAM_POINTS] = {.read = read_number, .keeps_default = true},
    [PARAM_HASH_TAG] = {.read = read_hash_tag},
    [PARAM_FILE] = {.read = read_file},
    [PARAM_ADMIN] = {.read = read_admin, .takes_null = true},
    [PARAM_BIND] = {.read = read_bind},
    [PARAM_REPLICAS] = {.read = read_replicas, .takes_any = true},
    [PARAM_POOL_NAME] = {.read = read_pool_name},
    [PARAM_SHARD_NAME] = {.read = read_name},
    [PARAM_POOL_NAME_OF] = {.read = read_pool_name_of},
    [PARAM_SHARD_DOWN] = {.read = read_shard_down},
    [PARAM_PREFIX] = {.read = read_prefix},
    [PARAM_IDLE] = {.read = read_idle},
    [PARAM_PERCENT] = {.read = read_number},
    [PARAM_NETWORKS] = {.read = param_read_networks, .takes_any = true},
    [PARAM_PATH_PREFIX] = {.read = param_read_path_prefix},
    [PARAM_HOST_NAME] = {.read = param_read_host_name},
    [PARAM_METHOD] = {.read = param_read_method},
    [PARAM_KEYS] = {.read = param_read_keys, .takes_any = true},
    [PARAM_KEY_MISSING] = {.read = param_read_key_missing},
    [PARAM_HOST_SENT] = {.read = param_read_host_sent},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == PARAM_N_KINDS, "a function for each kind");

void param_kind_read(struct param_value *value)
{
    const struct tree_node *node = value->node;
    const struct kind *kind = &kinds[value->param->kind];

    if (node->is_reported) {
        return;
    }
    value->text = node->kind == TREE_SCALAR ? node->text : NULL;
    value->field = (unsigned char *)value->base + value->param->offset;
    bool is_null = node->kind == TREE_NULL;
    if (value->text == NULL && !kind->takes_any && !(kind->takes_null && is_null)) {
        param_value_reject(value);
        return;
    }
    kind->read(value);
}

bool param_kind_takes_null(enum param_kind kind)
{
    return kinds[kind].takes_null;
}

bool param_kind_keeps_default(enum param_kind kind)
{
    return kinds[kind].keeps_default;
}
