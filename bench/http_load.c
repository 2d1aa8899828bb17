/*
 * ringway-bench-http-load: a closed-loop HTTP load generator that checks every response.
 *
 * Reads its options, opens idle connections, runs one loader, and prints one JSON object on
 * standard output, the same as ringway-bench-load.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http_body.h"
#include "http_loader.h"

enum option_id {
    OPT_HOST = 1,
    OPT_PORT,
    OPT_CONNECTIONS,
    OPT_POST,
    OPT_CLOSE,
    OPT_SIZE,
    OPT_KEYS,
    OPT_KEY_SIZE,
    OPT_DURATION,
    OPT_REQUESTS,
    OPT_WARMUP,
    OPT_STALL,
    OPT_SEED,
    OPT_IDLE,
    OPT_WATCH,
    OPT_COUNT_CALLS,
};

static const struct option option_table[] = {
    {"host", required_argument, NULL, OPT_HOST},
    {"port", required_argument, NULL, OPT_PORT},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"post", required_argument, NULL, OPT_POST},
    {"close", no_argument, NULL, OPT_CLOSE},
    {"size", required_argument, NULL, OPT_SIZE},
    {"keys", required_argument, NULL, OPT_KEYS},
    {"key-size", required_argument, NULL, OPT_KEY_SIZE},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"requests", required_argument, NULL, OPT_REQUESTS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"stall", required_argument, NULL, OPT_STALL},
    {"seed", required_argument, NULL, OPT_SEED},
    {"idle", required_argument, NULL, OPT_IDLE},
    {"watch", required_argument, NULL, OPT_WATCH},
    {"count-calls", no_argument, NULL, OPT_COUNT_CALLS},
    {"help", no_argument, NULL, '?'},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: ringway-bench-http-load --port PORT [options]\n"
    "  --host ADDRESS    numeric address (127.0.0.1)\n"
    "  --port PORT       TCP port\n"
    "  --connections N   busy connections (50); 0 only holds --idle ones\n"
    "  --size N          bytes of a response's body (128)\n"
    "  --post N          POST N bytes instead of GET\n"
    "  --close           a connection for each request, closed by the server\n"
    "  --keys N          number of different paths (10000)\n"
    "  --key-size N      bytes of the last part of a path, 8 to 250 (32)\n"
    "  --duration S      seconds to measure (3)\n"
    "  --requests N      measure this many requests instead\n"
    "  --warmup S        seconds before the measurement (1; 0 with --requests)\n"
    "  --stall S         give up after so long without a response (10)\n"
    "  --seed N          of the choice of paths (1)\n"
    "  --idle N          hold N more connections, each after one request\n"
    "  --watch PID       report the CPU time of this process\n"
    "  --count-calls     and its system calls (needs root; slows the machine a little)\n"
    "Prints 'ready' on standard error when the idle connections are open, and one JSON object on\n"
    "standard output at the end. Exits with 1 if anything went wrong.\n";

struct settings {
    struct http_loader_options loader;
    const char *host;
    uint16_t port;
    uint32_t n_keys;
    size_t key_size;
    uint32_t n_idle;
    bool warmup_given;
    pid_t watch_pid;
    bool count_calls;
};

/* Options of what is sent. Returns false if [id] is none of them. */
static bool set_load_option(struct settings *settings, int id, const char *text)
{
    struct http_loader_options *loader = &settings->loader;

    switch (id) {
    case OPT_CONNECTIONS:
        loader->n_connections = (uint32_t)util_number("connections", text, 0, 100000);
        return true;
    case OPT_POST:
        loader->posts = true;
        loader->request_bytes = util_number("post", text, 0, HTTP_BODY_MAX_BYTES);
        return true;
    case OPT_CLOSE:
        loader->closes = true;
        return true;
    case OPT_SIZE:
        loader->response_bytes = util_number("size", text, 0, HTTP_BODY_MAX_BYTES);
        return true;
    case OPT_KEYS:
        settings->n_keys = (uint32_t)util_number("keys", text, 1, KEYS_MAX);
        return true;
    case OPT_KEY_SIZE:
        settings->key_size = util_number("key-size", text, KEYS_DIGITS, 250);
        return true;
    case OPT_SEED:
        loader->seed = util_number("seed", text, 1, UINT64_MAX);
        return true;
    default:
        return false;
    }
}

/* Options of how long it is sent. Returns false if [id] is none of them. */
static bool set_pace_option(struct settings *settings, int id, const char *text)
{
    struct pace_options *pace = &settings->loader.pace;

    switch (id) {
    case OPT_DURATION:
        pace->duration_ns = util_seconds("duration", text);
        return true;
    case OPT_REQUESTS:
        pace->n_requests = util_number("requests", text, 1, UINT64_MAX / 2);
        return true;
    case OPT_WARMUP:
        pace->warmup_ns = util_seconds("warmup", text);
        settings->warmup_given = true;
        return true;
    case OPT_STALL:
        pace->stall_ns = util_seconds("stall", text);
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
    case OPT_IDLE:
        settings->n_idle = (uint32_t)util_number("idle", text, 0, 1000000);
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
        if (!set_load_option(settings, id, optarg) && !set_pace_option(settings, id, optarg) &&
            !set_other_option(settings, id, optarg)) {
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind != argc || settings->port == 0) {
        fputs(usage, stderr);
        exit(2);
    }
    if (settings->loader.pace.n_requests > 0 && !settings->warmup_given) {
        settings->loader.pace.warmup_ns = 0;
    }
    settings->loader.pace.holds = settings->loader.n_connections == 0;
    util_addr_tcp(&settings->loader.addr, settings->host, settings->port);
}

static const struct settings default_settings = {
    .host = "127.0.0.1",
    .n_keys = 10000,
    .key_size = 32,
    .loader =
        {
            .n_connections = 50,
            .response_bytes = 128,
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
    struct figures *figures;
    struct watch watch;
    struct keys keys;
    bool is_good;
    int *idle;

    parse_args(argc, argv, &settings);
    signal(SIGPIPE, SIG_IGN);
    util_need_files((size_t)settings.loader.n_connections + settings.n_idle + WATCH_MAX_COUNTERS);
    keys_init(&keys, settings.n_keys, settings.key_size);
    settings.loader.keys = &keys;
    watch_init(&watch, settings.watch_pid, settings.count_calls);
    settings.loader.pace.watch = &watch;
    idle = util_alloc(settings.n_idle, sizeof(*idle));
    http_loader_hold(&settings.loader, settings.n_idle, idle);
    fputs("ready\n", stderr);

    figures = util_alloc(1, sizeof(*figures));
    http_loader_run(&settings.loader, figures);
    figures_print(figures, &watch);
    is_good = figures->errors == 0;

    for (uint32_t i = 0; i < settings.n_idle; i++) {
        close(idle[i]);
    }
    watch_deinit(&watch);
    keys_deinit(&keys);
    free(idle);
    free(figures);
    return is_good ? 0 : 1;
}
