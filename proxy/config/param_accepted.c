/*
 * What an option takes, in words: the same in messages and in the reference.
 */
#include <inttypes.h>
#include <stdio.h>

#include "config/address.h"
#include "config/key_template.h"
#include "config/network.h"
#include "config/params.h"
#include "config/units.h"

#define SIZE PARAM_ACCEPTED_BYTES

/* Constant texts; NULL for the kinds whose text depends on the range or on the hashring library. */
static const char *constant_text(enum param_kind kind)
{
    switch (kind) {
    case PARAM_FLAG:
        return "true or false";
    case PARAM_MODE:
        return "three or four octal digits up to 0777";
    case PARAM_LEVEL:
        return "debug, info, warn or error";
    case PARAM_FORMAT:
        return "text or json";
    case PARAM_ACCESS:
        return "off, all, errors or 1/N (N 2..1000000)";
    case PARAM_PARTIAL:
        return "miss or error";
    case PARAM_PROTOCOL:
        return "memcached or http";
    case PARAM_HASH_TAG:
        return "two bytes";
    case PARAM_FILE:
        return "a file name of 1..4095 bytes without control characters";
    case PARAM_ADMIN:
        return ADDRESS_FORMS ", or off";
    case PARAM_BIND:
        return ADDRESS_FORMS;
    case PARAM_REPLICAS:
        return "a list of 1..64 addresses (" ADDRESS_FORMS "), port 1..65535";
    case PARAM_POOL_NAME:
    case PARAM_SHARD_NAME:
        return "a name of 1..255 bytes without spaces and control characters";
    case PARAM_POOL_NAME_OF:
        return "the name of a pool";
    case PARAM_SHARD_DOWN:
        return "error, next or the name of a pool";
    case PARAM_PREFIX:
        return "1..250 bytes without spaces and line breaks";
    case PARAM_NETWORKS:
        return "a list of 1..1024 networks (" NETWORK_FORMS ")";
    case PARAM_PATH_PREFIX:
        return "/ and up to 1023 bytes more without spaces, control characters, ? and #";
    case PARAM_HOST_NAME:
        return "a host name or IP address without port, [v6] in brackets";
    case PARAM_METHOD:
        return "a method of 1..32 bytes, such as GET";
    case PARAM_KEY_MISSING:
        return "random or error";
    case PARAM_HOST_SENT:
        return "keep or replica";
    case PARAM_NUMBER:
    case PARAM_SIZE:
    case PARAM_DURATION:
    case PARAM_WORKERS:
    case PARAM_POINTS:
    case PARAM_PRESET:
    case PARAM_ALGORITHM:
    case PARAM_HASH:
    case PARAM_IDLE:
    case PARAM_PERCENT:
    case PARAM_KEYS:
    case PARAM_N_KINDS:
        return NULL;
    }
    return NULL;
}

static void write_range(const struct param *param, char out[SIZE])
{
    char min[UNITS_TEXT_BYTES];
    char max[UNITS_TEXT_BYTES];

    if (param->kind == PARAM_DURATION || param->kind == PARAM_IDLE) {
        units_write_duration(param->min, min);
        units_write_duration(param->max, max);
        snprintf(out, SIZE, "a duration with a unit (" UNITS_DURATIONS "), %s..%s", min, max);
    } else if (param->kind == PARAM_SIZE) {
        units_write_size(param->min, min);
        units_write_size(param->max, max);
        snprintf(out, SIZE, "a size with a unit (" UNITS_SIZES "), %s..%s", min, max);
    } else {
        snprintf(out, SIZE, "%sa number %" PRIu64 "..%" PRIu64,
                 param->kind == PARAM_WORKERS ? "auto or " : "", param->min, param->max);
    }
}

static void write_keys(bool is_element, char out[SIZE])
{
    char variables[KEY_TEMPLATE_VARIABLES_BYTES];

    key_template_variables(variables);
    snprintf(out, SIZE, "%s of text and %s, where {{ is a brace",
             is_element ? "a template" : "a template or a list of 1..16 templates", variables);
}

void params_accepted(const struct param *param, char out[PARAM_ACCEPTED_BYTES])
{
    const char *text = constant_text(param->kind);

    if (param->kind == PARAM_PRESET) {
        text = hashring_preset_names();
    } else if (param->kind == PARAM_ALGORITHM) {
        text = hashring_algorithm_names();
    } else if (param->kind == PARAM_HASH) {
        text = hashring_hash_kind_names();
    }
    if (text != NULL) {
        snprintf(out, SIZE, "%s", text);
    } else if (param->kind == PARAM_KEYS) {
        write_keys(false, out);
    } else {
        write_range(param, out);
    }
}

void params_element_accepted(const struct param *param, char out[PARAM_ACCEPTED_BYTES])
{
    if (param->kind == PARAM_REPLICAS) {
        snprintf(out, SIZE, "%s", ADDRESS_FORMS ", port 1..65535");
    } else if (param->kind == PARAM_NETWORKS) {
        snprintf(out, SIZE, "%s", NETWORK_FORMS);
    } else {
        write_keys(true, out);
    }
}
