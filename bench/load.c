/*
 * ringway-bench-load: a closed-loop load generator that checks every reply.
 *
 * Reads its options, makes the keys, stores them if asked to, opens idle connections, runs one
 * loader for each thread, and prints one JSON object on standard output.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader.h"
#include "reply.h"

enum {
    MAX_THREADS = 64,
    PREFILL_PIPELINE = 16,
    MAX_VALUE_BYTES = 64 * 1024 * 1024,
};

enum option_id {
    OPT_HOST = 1,
    OPT_PORT,
    OPT_UNIX,
    OPT_CONNECTIONS,
    OPT_PIPELINE,
    OPT_OP,
    OPT_KEYS,
    OPT_KEY_SIZE,
    OPT_VALUE_SIZE,
    OPT_MGET_KEYS,
    OPT_DURATION,
    OPT_REQUESTS,
    OPT_WARMUP,
    OPT_STALL,
    OPT_THREADS,
    OPT_SEED,
    OPT_PREFILL,
    OPT_IDLE,
    OPT_IDLE_GET,
    OPT_WATCH,
    OPT_COUNT_CALLS,
};

static const struct option option_table[] = {
    {"host", required_argument, NULL, OPT_HOST},
    {"port", required_argument, NULL, OPT_PORT},
    {"unix", required_argument, NULL, OPT_UNIX},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"pipeline", required_argument, NULL, OPT_PIPELINE},
    {"op", required_argument, NULL, OPT_OP},
    {"keys", required_argument, NULL, OPT_KEYS},
    {"key-size", required_argument, NULL, OPT_KEY_SIZE},
    {"value-size", required_argument, NULL, OPT_VALUE_SIZE},
    {"mget-keys", required_argument, NULL, OPT_MGET_KEYS},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"requests", required_argument, NULL, OPT_REQUESTS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"stall", required_argument, NULL, OPT_STALL},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"prefill", no_argument, NULL, OPT_PREFILL},
    {"idle", required_argument, NULL, OPT_IDLE},
    {"idle-get", no_argument, NULL, OPT_IDLE_GET},
    {"watch", required_argument, NULL, OPT_WATCH},
    {"count-calls", no_argument, NULL, OPT_COUNT_CALLS},
    {"help", no_argument, NULL, '?'},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: ringway-bench-load --port PORT [options]\n"
    "  --host ADDRESS    numeric address (127.0.0.1)\n"
    "  --port PORT       TCP port\n"
    "  --unix PATH       Unix socket, instead of --port\n"
    "  --connections N   busy connections (50); 0 only holds --idle ones\n"
    "  --pipeline N      requests sent at once on a connection (1)\n"
    "  --op OP           get, mget, set, mg, or mix: nine gets to one set (get)\n"
    "  --keys N          number of keys (10000)\n"
    "  --key-size N      bytes of a key, 8 to 250 (32)\n"
    "  --value-size N    bytes of a value (100)\n"
    "  --mget-keys N     keys of an mget (50)\n"
    "  --duration S      seconds to measure (3)\n"
    "  --requests N      measure this many requests instead\n"
    "  --warmup S        seconds before the measurement (1; 0 with --requests)\n"
    "  --stall S         give up after so long without a reply (10)\n"
    "  --threads N       threads that share the connections (1)\n"
    "  --seed N          of the choice of keys (1)\n"
    "  --prefill         set every key once before anything else\n"
    "  --idle N          hold N more connections\n"
    "  --idle-get        each of them does one get first\n"
    "  --watch PID       report the CPU time of this process\n"
    "  --count-calls     and its system calls (needs root; slows the machine a little)\n"
    "Prints 'ready' on standard error when connections are open and keys are set, and one JSON\n"
    "object on standard output at the end. Exits with 1 if anything went wrong.\n";

struct settings {
    struct loader_options loader;
    const char *host;
    const char *unix_path;
    uint16_t port;
    uint32_t n_keys;
    size_t key_size;
    uint32_t n_threads;
    uint32_t n_idle;
    int warmup_given;
    bool prefill;
    bool idle_get;
    pid_t watch_pid;
    bool count_calls;
};

static enum loader_op parse_op(const char *text)
{
    static const char *const names[] = {
        [LOADER_GET] = "get", [LOADER_MGET] = "mget", [LOADER_SET] = "set",
        [LOADER_MG] = "mg",   [LOADER_MIX] = "mix",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            return (enum loader_op)i;
        }
    }
    util_die("--op must be get, mget, set, mg or mix, not '%s'", text);
}

/* Options of the load itself. Returns false if [id] is none of them. */
static bool set_load_option(struct settings *settings, int id, const char *text)
{
    struct loader_options *loader = &settings->loader;

    switch (id) {
    case OPT_CONNECTIONS:
        loader->n_connections = (uint32_t)util_number("connections", text, 0, 100000);
        return true;
    case OPT_PIPELINE:
        loader->pipeline = (uint32_t)util_number("pipeline", text, 1, 10000);
        return true;
    case OPT_OP:
        loader->op = parse_op(text);
        return true;
    case OPT_KEYS:
        settings->n_keys = (uint32_t)util_number("keys", text, 1, KEYS_MAX);
        return true;
    case OPT_KEY_SIZE:
        settings->key_size = util_number("key-size", text, KEYS_DIGITS, 250);
        return true;
    case OPT_VALUE_SIZE:
        loader->value_size = util_number("value-size", text, 0, MAX_VALUE_BYTES);
        return true;
    case OPT_MGET_KEYS:
        loader->n_mget_keys = (uint32_t)util_number("mget-keys", text, 1, REPLY_MAX_KEYS);
        return true;
    case OPT_DURATION:
        loader->pace.duration_ns = util_seconds("duration", text);
        return true;
    case OPT_REQUESTS:
        loader->pace.n_requests = util_number("requests", text, 1, UINT64_MAX / 2);
        return true;
    case OPT_WARMUP:
        loader->pace.warmup_ns = util_seconds("warmup", text);
        settings->warmup_given = true;
        return true;
    case OPT_STALL:
        loader->pace.stall_ns = util_seconds("stall", text);
        return true;
    case OPT_SEED:
        loader->seed = util_number("seed", text, 1, UINT64_MAX);
        return true;
    default:
        return false;
    }
}

/* The other options. Returns false if [id] is none of them. */
static bool set_other_option(struct settings *settings, int id, const char *text)
{
    switch (id) {
    case OPT_HOST:
        settings->host = text;
        return true;
    case OPT_PORT:
        settings->port = (uint16_t)util_number("port", text, 1, 65535);
        return true;
    case OPT_UNIX:
        settings->unix_path = text;
        return true;
    case OPT_THREADS:
        settings->n_threads = (uint32_t)util_number("threads", text, 1, MAX_THREADS);
        return true;
    case OPT_PREFILL:
        settings->prefill = true;
        return true;
    case OPT_IDLE:
        settings->n_idle = (uint32_t)util_number("idle", text, 0, 1000000);
        return true;
    case OPT_IDLE_GET:
        settings->idle_get = true;
        return true;
    case OPT_WATCH:
        settings->watch_pid = (pid_t)util_number("watch", text, 1, INT32_MAX);
        return true;
    case OPT_COUNT_CALLS:
        settings->count_calls = true;
        return true;
    default:
        return false;
    }
}

static void parse_args(int argc, char **argv, struct settings *settings)
{
    int id;

    while ((id = getopt_long(argc, argv, "", option_table, NULL)) != -1) {
        if (!set_load_option(settings, id, optarg) && !set_other_option(settings, id, optarg)) {
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind != argc || (settings->port == 0 && settings->unix_path == NULL)) {
        fputs(usage, stderr);
        exit(2);
    }
    if (settings->loader.op == LOADER_MGET && settings->loader.n_mget_keys > settings->n_keys) {
        util_die("--mget-keys may not be above --keys");
    }
    if (settings->loader.pace.n_requests > 0 && !settings->warmup_given) {
        settings->loader.pace.warmup_ns = 0;
    }
    settings->loader.pace.holds = settings->loader.n_connections == 0;
    if (settings->unix_path != NULL) {
        util_addr_unix(&settings->loader.addr, settings->unix_path);
    } else {
        util_addr_tcp(&settings->loader.addr, settings->host, settings->port);
    }
}

static void prefill(const struct loader_options *options)
{
    struct loader_options sets = *options;
    struct figures *result = util_alloc(1, sizeof(*result));

    sets.op = LOADER_SET;
    sets.sequential = true;
    sets.n_connections = 1;
    sets.pace.holds = false;
    sets.pipeline = PREFILL_PIPELINE;
    sets.pace.n_requests = options->keys->n;
    sets.pace.warmup_ns = 0;
    sets.pace.watch = NULL;
    loader_run(&sets, result);
    if (result->errors > 0 || result->requests != options->keys->n) {
        util_die("cannot set the keys: %s", result->first_error);
    }
    free(result);
}

struct thread {
    pthread_t id;
    struct loader_options options;
    struct figures figures;
};

static void *thread_main(void *arg)
{
    struct thread *thread = arg;

    loader_run(&thread->options, &thread->figures);
    return NULL;
}

static void run_threads(const struct settings *settings, struct thread *threads)
{
    uint32_t n = settings->n_threads;

    for (uint32_t i = 0; i < n; i++) {
        struct loader_options *options = &threads[i].options;

        *options = settings->loader;
        options->seed += i;
        options->n_connections =
            settings->loader.n_connections / n + (i < settings->loader.n_connections % n ? 1 : 0);
        options->pace.n_requests = (settings->loader.pace.n_requests + n - 1) / n;
        options->pace.watch = i == 0 ? settings->loader.pace.watch : NULL;
        if (pthread_create(&threads[i].id, NULL, thread_main, &threads[i]) != 0) {
            util_die("cannot start a thread");
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        pthread_join(threads[i].id, NULL);
    }
}

static const struct settings default_settings = {
    .host = "127.0.0.1",
    .n_keys = 10000,
    .key_size = 32,
    .n_threads = 1,
    .loader =
        {
            .op = LOADER_GET,
            .n_connections = 50,
            .pipeline = 1,
            .n_mget_keys = 50,
            .value_size = 100,
            .seed = 1,
            .pace =
                {
                    .warmup_ns = UINT64_C(1000000000),
                    .duration_ns = UINT64_C(3000000000),
                    .stall_ns = UINT64_C(10000000000),
                },
        },
};

int main(int argc, char **argv)
{
    struct settings settings = default_settings;
    struct thread *threads;
    struct figures *total;
    struct watch watch;
    struct keys keys;
    int *idle;
    bool good;

    parse_args(argc, argv, &settings);
    signal(SIGPIPE, SIG_IGN);
    util_need_files((size_t)settings.loader.n_connections + settings.n_idle + WATCH_MAX_COUNTERS);
    keys_init(&keys, settings.n_keys, settings.key_size);
    settings.loader.keys = &keys;
    watch_init(&watch, settings.watch_pid, settings.count_calls);
    settings.loader.pace.watch = &watch;
    if (settings.prefill) {
        prefill(&settings.loader);
    }
    idle = util_alloc(settings.n_idle, sizeof(*idle));
    loader_hold(&settings.loader, settings.n_idle, settings.idle_get, idle);
    fputs("ready\n", stderr);

    threads = util_alloc(settings.n_threads, sizeof(*threads));
    run_threads(&settings, threads);
    total = &threads[0].figures;
    for (uint32_t i = 1; i < settings.n_threads; i++) {
        figures_merge(total, &threads[i].figures);
    }
    figures_print(total, &watch);
    good = total->errors == 0 && total->misses == 0;

    for (uint32_t i = 0; i < settings.n_idle; i++) {
        close(idle[i]);
    }
    watch_deinit(&watch);
    keys_deinit(&keys);
    free(idle);
    free(threads);
    return good ? 0 : 1;
}
