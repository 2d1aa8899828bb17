/*
 * The process from its first to its last line: command line, configuration, log, limits, rings,
 * listeners, workers, the control loop, and all of it in reverse.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli.h"
#include "config/config.h"
#include "control/control.h"
#include "sockets.h"
#include "topology/feedback.h"
#include "topology/stats.h"
#include "topology/topology.h"
#include "worker.h"

enum exit_code { EXIT_CLEAN = 0, EXIT_BAD_CONFIG = 1, EXIT_NO_START = 2 };

#define PROBLEM_MAX 512u
/* Descriptors beside clients and upstream connections: loops, log, admin clients, a margin. */
/* libuv resolves host names on at most half of its threads (started at the first look-up). */
#define LOOKUP_THREADS       "16"
#define SPARE_DESCRIPTORS    100u
#define DESCRIPTORS_A_WORKER 8u

struct process {
    struct config *config;
    struct topology *topology;
    struct sockets admin;
    struct sockets *listeners; /* config->n_listeners */
    struct control *control;
    struct worker **workers;    /* n_started of config->workers run */
    struct feedback **feedback; /* config->workers */
    struct stats_baseline *baseline;
    uint32_t n_started;
    _Atomic uint32_t n_clients;
    uint32_t instance;    /* random: Via tells by it that a request was here before */
    uint32_t max_clients; /* the configured number, or what the limit of open files allows */
};

static int load_config(struct config **out, const struct config_source *source)
{
    struct config_problems problems = {0};
    int result = config_load(out, source, &problems);
    size_t i;

    for (i = 0; i < problems.n_lines; i++) {
        (void)fprintf(stderr, "%s\n", problems.lines[i]);
    }
    config_problems_deinit(&problems);
    return result;
}

static int open_log(const struct config_log *config)
{
    struct log_options options = {
        .level = (enum log_level)config->level,
        .json = config->format == CONFIG_LOG_JSON,
        .file = config->file,
    };
    int result = log_init(&options);

    if (result < 0) {
        (void)fprintf(stderr, "cannot open log file %s: %s\n", config->file, strerror(-result));
    }
    return result;
}

/* Descriptors that the configuration may come to need, without clients. */
static uint64_t descriptors_wanted(const struct config *config)
{
    uint64_t wanted = SPARE_DESCRIPTORS;
    size_t i, j;

    for (i = 0; i < config->n_pools; i++) {
        const struct config_pool *pool = &config->pools[i];

        for (j = 0; j < pool->n_shards; j++) {
            uint64_t kept = pool->protocol == CONFIG_HTTP ? 1 : pool->connections;

            wanted += kept * pool->shards[j].n_replicas * config->workers;
        }
    }
    return wanted + config->workers * (DESCRIPTORS_A_WORKER + (uint64_t)config->n_listeners);
}

/* An HTTP client has a connection to a shard of its own while it is served. */
static uint64_t descriptors_a_client(const struct config *config)
{
    for (size_t i = 0; i < config->n_listeners; i++) {
        if (config->listeners[i].protocol == CONFIG_HTTP) {
            return 2;
        }
    }
    return 1;
}

/* Raise the limit of open files, and accept no more clients than fit below it: a process without
 * descriptors can neither accept nor reconnect to a shard. */
static void set_limits(struct process *process)
{
    const struct config *config = process->config;
    uint64_t wanted = descriptors_wanted(config), each = descriptors_a_client(config);
    struct rlimit limit;

    process->max_clients = config->max_clients;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warn("the limit of open files cannot be raised: %s", strerror(errno));
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < wanted + each * config->max_clients) {
        process->max_clients =
            limit.rlim_cur > wanted + each ? (uint32_t)((limit.rlim_cur - wanted) / each) : 1;
        log_warn("max_clients %u is lowered to %u: the limit of open files is %llu, and the rest "
                 "needs %llu",
                 (unsigned)config->max_clients, (unsigned)process->max_clients,
                 (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
    }
}

static int build_topology(struct process *process)
{
    const struct config *config = process->config;
    uint32_t pool = 0;
    int result = topology_create(&process->topology, config, &pool);

    if (result < 0) {
        log_error("pool %s: the ring cannot be built: %s", config->pools[pool].name,
                  hashring_strerror(result));
    }
    return result;
}

static void create_counters(struct process *process)
{
    uint32_t i;

    process->feedback = xcalloc(process->config->workers, sizeof *process->feedback);
    for (i = 0; i < process->config->workers; i++) {
        process->feedback[i] = feedback_create(process->topology);
    }
    process->baseline = stats_baseline_create(process->topology);
    if (getrandom(&process->instance, sizeof process->instance, GRND_NONBLOCK) < 0) {
        process->instance = (uint32_t)getpid();
    }
}

static void destroy_counters(struct process *process)
{
    uint32_t i;

    for (i = 0; process->feedback != NULL && i < process->config->workers; i++) {
        feedback_destroy(&process->feedback[i], process->topology);
    }
    free(process->feedback);
    stats_baseline_destroy(&process->baseline);
}

static int bind_one(struct sockets *out, const struct sockets_options *options)
{
    char problem[PROBLEM_MAX];
    int result = sockets_bind(out, options, problem, sizeof problem);

    if (result < 0) {
        log_error("%s", problem);
    }
    return result;
}

static int bind_all(struct process *process)
{
    const struct config *config = process->config;
    size_t i;

    if (config->has_admin) {
        struct sockets_options options = {&config->admin, 1, 0660};

        if (bind_one(&process->admin, &options) < 0) {
            return -1;
        }
    }
    process->listeners = xcalloc(config->n_listeners, sizeof *process->listeners);
    for (i = 0; i < config->n_listeners; i++) {
        const struct config_listener *listener = &config->listeners[i];
        struct sockets_options options = {&listener->bind, config->workers, listener->mode};

        if (bind_one(&process->listeners[i], &options) < 0) {
            return -1;
        }
    }
    return 0;
}

static void on_ping(void *arg, uint32_t index, uint64_t ping_us)
{
    struct process *process = arg;

    worker_ping(process->workers[index], ping_us);
}

static void on_drain(void *arg)
{
    struct process *process = arg;
    uint32_t i;

    for (i = 0; i < process->n_started; i++) {
        worker_drain(process->workers[i]);
    }
}

static int open_control(struct process *process)
{
    struct control_options options = {
        .topology = process->topology,
        .feedback = process->feedback,
        .n_workers = process->config->workers,
        .admin_fd = process->config->has_admin ? sockets_take(&process->admin, 0) : -1,
        .hooks = {.arg = process, .ping = on_ping, .drain = on_drain},
    };
    int result = control_create(&process->control, &options);

    if (result < 0) {
        log_error("the control loop cannot be started: %s", strerror(-result));
    }
    return result;
}

static int start_worker(struct process *process, uint32_t index)
{
    size_t n_listeners = process->config->n_listeners, i;
    int *fds = xcalloc(n_listeners, sizeof *fds);
    struct worker_options options = {
        .topology = process->topology,
        .index = index,
        .n_workers = process->config->workers,
        .feedback = process->feedback,
        .baseline = process->baseline,
        .listen_fds = fds,
        .n_clients = &process->n_clients,
        .max_clients = process->max_clients,
        .instance = process->instance,
    };
    int result;

    for (i = 0; i < n_listeners; i++) {
        fds[i] = sockets_take(&process->listeners[i], index);
    }
    result = worker_start(&process->workers[index], &options);
    free(fds);
    return result;
}

static int start_workers(struct process *process)
{
    uint32_t i;

    for (i = 0; i < process->config->workers; i++) {
        int result = start_worker(process, i);

        if (result < 0) {
            log_error("worker %u cannot be started: %s", (unsigned)i, strerror(-result));
            return result;
        }
        process->n_started++;
    }
    return 0;
}

static void log_pools(const struct topology *topology)
{
    uint32_t i;

    for (i = 0; i < topology->n_pools; i++) {
        const struct topology_pool *pool = &topology->pools[i];

        log_info("pool %s: %u shards, %u replicas, %zu points", pool->config->name,
                 (unsigned)pool->n_shards, (unsigned)pool->n_replicas,
                 hashring_n_points(pool->ring));
    }
}

static void log_start(const struct process *process)
{
    const struct config *config = process->config;
    size_t i;

    log_info("ringway " RINGWAY_VERSION ", %u workers", (unsigned)config->workers);
    log_pools(process->topology);
    for (i = 0; i < config->n_listeners; i++) {
        log_info("listening on %s://%s",
                 config->listeners[i].protocol == CONFIG_HTTP ? "http" : "memcached",
                 process->listeners[i].text);
    }
    if (config->has_admin) {
        log_info("admin on http://%s", process->admin.text);
    }
}

static void stop_workers(struct process *process)
{
    uint32_t i;

    for (i = 0; i < process->n_started; i++) {
        worker_stop(process->workers[i]);
    }
    for (i = 0; i < process->n_started; i++) {
        worker_join(&process->workers[i]);
    }
    process->n_started = 0;
}

static void process_deinit(struct process *process)
{
    size_t i;

    stop_workers(process);
    control_destroy(&process->control);
    for (i = 0; process->listeners != NULL && i < process->config->n_listeners; i++) {
        sockets_deinit(&process->listeners[i]);
    }
    sockets_deinit(&process->admin);
    free(process->listeners);
    free(process->workers);
    destroy_counters(process);
    topology_destroy(&process->topology);
}

/* Start everything; 0, or negative when the reason has been logged. */
static int process_init(struct process *process, struct config *config)
{
    process->config = config;
    process->workers = xcalloc(config->workers, sizeof(struct worker *));
    set_limits(process);
    if (build_topology(process) < 0) {
        return -1;
    }
    create_counters(process);
    if (bind_all(process) < 0 || open_control(process) < 0 || start_workers(process) < 0) {
        return -1;
    }
    log_start(process);
    return 0;
}

static int run(struct config *config)
{
    struct process process = {0};
    int code = EXIT_NO_START;

    (void)signal(SIGPIPE, SIG_IGN);
    if (open_log(&config->log) < 0) {
        return EXIT_NO_START;
    }
    if (process_init(&process, config) == 0) {
        code = control_run(process.control);
        log_info("stopping");
    }
    process_deinit(&process);
    log_deinit();
    return code;
}

int main(int argc, char **argv)
{
    struct cli_options options;
    struct config *config;
    int code;

    code = cli_parse(&options, argc, argv, environ, stderr);
    if (code != 0) {
        return EXIT_BAD_CONFIG;
    }
    if (options.command != CLI_RUN) {
        return cli_run_offline(&options, stdout, stderr);
    }
    if (load_config(&config, &options.source) < 0) {
        return EXIT_BAD_CONFIG;
    }
    (void)setenv("UV_THREADPOOL_SIZE", LOOKUP_THREADS, 0);
    code = run(config);
    config_destroy(&config);
    return code;
}
