#include "cmd_load_settings.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

enum {
    FILL_DEPTH = 16,
    POLL_US = 5000,
};

static const uint64_t SECOND_NS = UINT64_C(1000000000);

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void load_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool load_is_interrupted(void)
{
    return interrupted != 0;
}

const char *load_size_set(void *out, const char *text)
{
    struct load_size *size = out;
    uint64_t bytes;

    if (strcmp(text, "etc") == 0) {
        size->is_etc = true;
        return NULL;
    }
    if (!options_read_count(text, &bytes) || bytes > LOAD_ITEMS_MAX_VALUE_BYTES) {
        return "etc, or bytes up to 67108864";
    }
    size->is_etc = false;
    size->bytes = (size_t)bytes;
    return NULL;
}

void load_settings_init(struct load_settings *settings, const char *command)
{
    *settings = (struct load_settings){
        .command = command,
        .prefix = "bench:",
        .n_keys = 100000,
        .key_size.bytes = 32,
        .value_size.bytes = 100,
        .n_connections = 50,
        .n_threads = 1,
        .depth = 1,
        .timeout_s = 5,
        .seed = RANDOM_DEFAULT_SEED,
    };
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~' || strchr("#?%\"<>\\^`{|}", *text) != NULL) {
            return false;
        }
    }
    return true;
}

static int check(const struct load_settings *settings)
{
    size_t least = strlen(settings->prefix) + LOAD_ITEMS_DIGITS;

    if (!is_plain(settings->prefix)) {
        return options_complain(settings->command,
                                "--key-prefix: found \"%s\"; accepted: characters of a path",
                                settings->prefix);
    }
    if (least > LOAD_ITEMS_MAX_KEY_BYTES ||
        (!settings->key_size.is_etc && (settings->key_size.bytes < least ||
                                        settings->key_size.bytes > LOAD_ITEMS_MAX_KEY_BYTES))) {
        return options_complain(
            settings->command,
            "--key-size: found %zu; accepted: the prefix and %d digits, %zu, to %d bytes, or etc",
            settings->key_size.bytes, LOAD_ITEMS_DIGITS, least, LOAD_ITEMS_MAX_KEY_BYTES);
    }
    if (settings->poisson && settings->rate <= 0) {
        return options_complain(settings->command, "--poisson needs --rate");
    }
    if (settings->depth > 1 && settings->target.protocol == &load_http) {
        return options_complain(settings->command, "--pipeline is for memcached");
    }
    return COMMAND_OK;
}

int load_settings_prepare(struct load_settings *settings)
{
    struct load_items_options items = {
        .n = settings->n_keys,
        .prefix = settings->prefix,
        .etc_keys = settings->key_size.is_etc,
        .etc_values = settings->value_size.is_etc,
        .key_bytes = settings->key_size.bytes,
        .value_bytes = settings->value_size.bytes,
    };
    char error[LOAD_TARGET_MAX_ERROR];
    const char *problem;
    int status;

    if (settings->target_text == NULL) {
        return options_complain(settings->command, "--target is missing; accepted: %s",
                                LOAD_TARGET_FORMS);
    }
    problem = load_target_parse(&settings->target, settings->target_text);
    if (problem != NULL) {
        return options_complain(settings->command, "--target: found \"%s\" (%s); accepted: %s",
                                settings->target_text, problem, LOAD_TARGET_FORMS);
    }
    status = check(settings);
    if (status != COMMAND_OK) {
        return status;
    }
    if (!load_target_resolve(&settings->target, error)) {
        (void)options_complain(settings->command, "%s", error);
        return COMMAND_FAILED;
    }
    load_items_init(&settings->items, &items);
    if (settings->zipf_alpha > 0) {
        zipf_init(&settings->zipf, settings->n_keys, settings->zipf_alpha);
    }
    util_need_files(settings->n_connections + 64);
    return COMMAND_OK;
}

void load_settings_deinit(struct load_settings *settings)
{
    load_items_deinit(&settings->items);
    load_target_deinit(&settings->target);
}

static uint64_t choose_evenly(const void *context, struct random *random)
{
    const struct load_settings *settings = context;

    return random_below(random, settings->n_keys);
}

static uint64_t choose_by_zipf(const void *context, struct random *random)
{
    const struct load_settings *settings = context;

    return zipf_next(&settings->zipf, random);
}

void load_settings_engine(const struct load_settings *settings, struct load_engine_options *out)
{
    *out = (struct load_engine_options){
        .addr = settings->target.addr,
        .wire = {.protocol = settings->target.protocol,
                 .items = &settings->items,
                 .verify = true,
                 .host = settings->target.authority,
                 .path = settings->target.path},
        .library_host = settings->target.host,
        .library_port = settings->target.port,
        .n_threads = (uint32_t)settings->n_threads,
        .n_connections = (uint32_t)settings->n_connections,
        .depth = (uint32_t)settings->depth,
        .rate = settings->rate,
        .poisson = settings->poisson,
        .timeout_ns = (uint64_t)(settings->timeout_s * 1e9),
        .n_mget_keys = 1,
        .choose = settings->zipf_alpha > 0 ? choose_by_zipf : choose_evenly,
        .choose_context = settings,
        .seed = settings->seed,
    };
}

static void report_size(struct report *report, const char *key, const struct load_size *size)
{
    if (size->is_etc) {
        report_setting_text(report, key, "etc");
    } else {
        report_setting(report, key, (double)size->bytes);
    }
}

void load_settings_report(const struct load_settings *settings, struct report *report)
{
    report_setting_text(report, "target", settings->target_text);
    report_setting(report, "seed", (double)settings->seed);
    report_setting(report, "keys", (double)settings->n_keys);
    report_size(report, "key_bytes", &settings->key_size);
    report_size(report, "value_bytes", &settings->value_size);
    if (settings->zipf_alpha > 0) {
        report_setting(report, "zipf", settings->zipf_alpha);
    }
    if (settings->rate > 0) {
        report_setting(report, "rate", settings->rate);
        report_setting_text(report, "gaps", settings->poisson ? "poisson" : "equal");
    }
    report_setting(report, "connections", (double)settings->n_connections);
    report_setting(report, "threads", (double)settings->n_threads);
    report_setting(report, "pipeline", (double)settings->depth);
}

bool load_settings_shows_progress(const struct load_settings *settings)
{
    return settings->report.progress || isatty(STDERR_FILENO) == 1;
}

/* A run that is watched: what the last second began with, and when an answer came last. */
struct watched {
    const struct load_run *run;
    struct load_engine *engine;
    struct load_live_sum before;
    uint64_t n_seconds;
    uint64_t n_requests; /* as seen last */
    uint64_t answer_ns;
};

static void show_second(struct watched *watched, const struct load_live_sum *now)
{
    const struct load_live_sum *before = &watched->before;
    uint64_t n_hits = now->n_hits - before->n_hits;
    uint64_t n_keys = n_hits + now->n_misses - before->n_misses;

    watched->n_seconds++;
    if (watched->run->on_second != NULL) {
        watched->run->on_second(watched->run->context, now);
    }
    if (load_settings_shows_progress(watched->run->settings)) {
        fprintf(stderr, "%s %4llu s %9llu req/s", watched->run->label,
                (unsigned long long)watched->n_seconds,
                (unsigned long long)(now->n_requests - before->n_requests));
        if (n_keys > 0) {
            fprintf(stderr, "  %6.2f %% hits", 100.0 * (double)n_hits / (double)n_keys);
        }
        fprintf(stderr, "  %llu errors\n", (unsigned long long)(now->n_errors - before->n_errors));
    }
    watched->before = *now;
}

/* Is it hopeless? Nothing but nonsense comes, or nothing at all. */
static bool is_stuck(struct watched *watched, const struct load_live_sum *now, uint64_t now_ns)
{
    const struct load_engine_options *options = watched->run->options;

    if (now->n_requests != watched->n_requests) {
        watched->n_requests = now->n_requests;
        watched->answer_ns = now_ns;
    }
    if (now->n_right == 0 && now->n_protocol_errors > 0) {
        return true;
    }
    return options->duration_ns == 0 &&
           now_ns - watched->answer_ns > 2 * options->timeout_ns + SECOND_NS;
}

static void watch(struct watched *watched)
{
    uint64_t second_ns = util_now_ns();

    watched->answer_ns = second_ns;
    while (!load_engine_is_over(watched->engine)) {
        uint64_t now_ns = util_now_ns();

        if (now_ns - second_ns >= SECOND_NS) {
            struct load_live_sum now = load_engine_live(watched->engine);

            second_ns += SECOND_NS;
            show_second(watched, &now);
            if (is_stuck(watched, &now, now_ns)) {
                load_engine_stop(watched->engine);
            }
        }
        if (load_is_interrupted()) {
            load_engine_stop(watched->engine);
        }
        usleep(POLL_US);
    }
    /* The run ends a little before its last second does. */
    if (util_now_ns() - second_ns >= SECOND_NS / 10 * 9) {
        struct load_live_sum now = load_engine_live(watched->engine);

        show_second(watched, &now);
    }
}

bool load_run(const struct load_run *run, struct load_totals *totals)
{
    struct watched watched = {.run = run};
    char error[160];

    watched.engine = load_engine_start(run->options, error, sizeof(error));
    if (watched.engine == NULL) {
        (void)options_complain(run->settings->command, "cannot connect to %s: %s",
                               run->settings->target_text, error);
        return false;
    }
    watch(&watched);
    load_engine_join(&watched.engine, totals);
    return true;
}

uint64_t load_fill(const struct load_settings *settings)
{
    struct load_engine_options options;
    struct load_run run = {.settings = settings, .options = &options, .label = "fill"};
    struct load_totals *totals = util_alloc(1, sizeof(*totals));
    uint64_t n_stored;
    bool good;

    load_settings_engine(settings, &options);
    options.rate = 0;
    options.set_share = 1;
    options.sequence = true;
    if (options.depth < FILL_DEPTH && settings->target.protocol == &load_memcached) {
        options.depth = FILL_DEPTH;
    }
    good = load_run(&run, totals);
    n_stored = totals->n_sets - totals->errors[LOAD_ERROR_REPLY];
    if (good && n_stored < settings->n_keys) {
        (void)options_complain(settings->command, "%llu of %llu keys could not be stored: %s",
                               (unsigned long long)(settings->n_keys - n_stored),
                               (unsigned long long)settings->n_keys,
                               totals->n_texts > 0 ? totals->texts[0].text : "no answer");
    }
    free(totals);
    return good ? settings->n_keys - n_stored : UINT64_MAX;
}
