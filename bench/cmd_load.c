/*
 * ringway-bench load: drives a running proxy or server over the network.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_load_report.h"
#include "cmd_load_settings.h"
#include "cmd_load_spread.h"
#include "cmd_load_worker.h"
#include "command.h"

static const char about[] =
    "Send requests to a running proxy or server and check the answers: throughput, latencies,\n"
    "hit rate, errors by kind.\n"
    "\n"
    "In a closed loop (without --rate) a connection sends when it has been answered, so the\n"
    "latencies are those of full load. In an open loop (--rate) a request is due at its time,\n"
    "whatever became of earlier ones, and its latency counts from then.\n"
    "\n"
    "The value of a key follows from the key: an answer with another one is an error.\n"
    "The ETC mix: B. Atikoglu et al., SIGMETRICS 2012. Keys: generalised extreme value\n"
    "distribution (30.7984, 8.20449, 0.078688), 16 to 90 bytes; values: a table below 15 bytes,\n"
    "above it generalised Pareto (0, 214.476, 0.348238).\n"
    "\n"
    "Ends with 2 if there was an error; a miss is none.\n";

static const char *set_client(void *out, const char *text)
{
    bool *use_library = out;

    if (strcmp(text, "sockets") != 0 && strcmp(text, "libmemcached") != 0) {
        return "sockets or libmemcached";
    }
    *use_library = strcmp(text, "libmemcached") == 0;
    return NULL;
}

/* GETS:SETS */
static const char *set_ratio(void *out, const char *text)
{
    double *set_share = out;
    char *end;
    double gets = strtod(text, &end);
    double sets = *end == ':' ? strtod(end + 1, &end) : -1;

    if (*end != '\0' || !(gets >= 0) || !(sets >= 0) || !(gets + sets > 0) ||
        !(gets + sets < 1e12)) {
        return "GETS:SETS, such as 30:1";
    }
    *set_share = sets / (gets + sets);
    return NULL;
}

static int parse(struct load_command *load, int argc, char **argv)
{
    struct load_settings *settings = &load->settings;
    struct options_spec specs[] = {
        LOAD_TARGET_OPTION(settings),
        OPTIONS_CUSTOM("client", "NAME", "sockets, or libmemcached: a thread a connection",
                       &load->use_library, set_client),
        LOAD_KEY_OPTIONS(settings),
        OPTIONS_FLAG("etc", "sizes of keys and values as in the ETC mix", &load->etc),
        OPTIONS_FLAG("fill", "set every key once before", &load->fill),
        OPTIONS_CUSTOM("ratio", "GETS:SETS", "gets to sets (30:1; 1:0 of HTTP)", &load->set_share,
                       set_ratio),
        OPTIONS_COUNT("mget", "N", "keys of a get (1)", &load->n_mget_keys, 1, LOAD_MAX_MGET_KEYS),
        LOAD_TRAFFIC_OPTIONS(settings),
        OPTIONS_REAL("duration", "S", "seconds to measure (10)", &load->duration_s, 0.01, 1e6),
        OPTIONS_REAL("warmup", "S", "seconds before that, not measured (1)", &load->warmup_s, 0,
                     1e6),
        OPTIONS_FLAG("no-verify", "do not compare values", &load->no_verify),
        OPTIONS_TEXT("admin", "HOST:PORT", "the proxy's admin address: requests of each shard",
                     &load->admin),
        REPORT_OPTIONS(&settings->report),
        OPTIONS_END,
    };

    switch (options_parse(specs, about, argc, argv)) {
    case OPTIONS_GO_ON:
        return -1;
    case OPTIONS_HELP_SHOWN:
        return COMMAND_OK;
    case OPTIONS_WRONG:
        break;
    }
    return COMMAND_USAGE;
}

/* What options mean for each other. */
static int settle(struct load_command *load)
{
    struct load_settings *settings = &load->settings;
    bool is_http = settings->target_text != NULL && strncmp(settings->target_text, "http:", 5) == 0;

    if (load->etc) {
        settings->key_size.is_etc = true;
        settings->value_size.is_etc = true;
    }
    if (load->set_share < 0) {
        load->set_share = is_http ? 0 : 1.0 / 31;
    }
    /* What a web server has under these names is its own business, unless it comes from here. */
    load->verify = !load->no_verify && (!is_http || load->fill || load->set_share > 0);
    if (is_http && (load->n_mget_keys > 1 || load->use_library)) {
        return options_complain(settings->command, "--mget and --client are for memcached");
    }
    if (load->n_mget_keys > settings->n_keys) {
        return options_complain(settings->command, "--mget may not be above --keys");
    }
    if (load->use_library && !load_worker_has_library()) {
        return options_complain(settings->command, "built without libmemcached");
    }
    if (load->use_library && settings->depth > 1) {
        return options_complain(settings->command, "--pipeline is not for libmemcached");
    }
    return COMMAND_OK;
}

static void on_second(void *context, const struct load_live_sum *sum)
{
    struct load_command *load = context;

    if (load->n_seconds == load->max_seconds) {
        size_t max = load->max_seconds > 0 ? load->max_seconds * 2 : 64;
        struct load_live_sum *more = util_alloc(max, sizeof(*more));

        if (load->n_seconds > 0) {
            memcpy(more, load->seconds, load->n_seconds * sizeof(*more));
        }
        free(load->seconds);
        load->seconds = more;
        load->max_seconds = max;
    }
    load->seconds[load->n_seconds++] = *sum;
}

static bool measure(struct load_command *load)
{
    struct load_engine_options options;
    struct load_run run = {.settings = &load->settings,
                           .options = &options,
                           .label = "load",
                           .on_second = on_second,
                           .context = load};

    load_settings_engine(&load->settings, &options);
    options.wire.verify = load->verify;
    options.use_library = load->use_library;
    options.set_share = load->set_share;
    options.n_mget_keys = (uint32_t)load->n_mget_keys;
    options.warmup_ns = (uint64_t)(load->warmup_s * 1e9);
    options.duration_ns = (uint64_t)(load->duration_s * 1e9);
    return load_run(&run, &load->totals);
}

static bool read_spread(const struct load_command *load, struct load_spread *spread)
{
    char error[LOAD_SPREAD_MAX_ERROR];

    if (load->admin == NULL || load_spread_read(spread, load->admin, error)) {
        return true;
    }
    (void)options_complain(load->settings.command, "cannot read the metrics of %s: %s", load->admin,
                           error);
    return false;
}

static int run(struct load_command *load)
{
    struct load_spread before = {0};
    int status = COMMAND_FAILED;

    load->n_not_filled = load->fill ? load_fill(&load->settings) : 0;
    if (load->n_not_filled != UINT64_MAX && !load_is_interrupted() && read_spread(load, &before) &&
        measure(load) && read_spread(load, &load->spread)) {
        load_spread_subtract(&load->spread, &before);
        status = load_report(load);
        if (load_totals_n_errors(&load->totals) > 0 || load->n_not_filled > 0) {
            status = COMMAND_FAILED;
        }
    }
    load_spread_deinit(&before);
    return status;
}

int cmd_load(int argc, char **argv)
{
    struct load_command *load = util_alloc(1, sizeof(*load));
    int status;

    load->set_share = -1;
    load->n_mget_keys = 1;
    load->duration_s = 10;
    load->warmup_s = 1;
    load_settings_init(&load->settings, "load");
    status = parse(load, argc, argv);
    if (status < 0) {
        status = settle(load);
        if (status == COMMAND_OK) {
            status = load_settings_prepare(&load->settings);
        }
        if (status == COMMAND_OK) {
            load_catch_signals();
            status = run(load);
        }
        load_settings_deinit(&load->settings);
    }
    load_spread_deinit(&load->spread);
    free(load->seconds);
    free(load);
    return status;
}
