#include "cmd_load_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_load_worker.h"

struct load_engine {
    struct load_engine_options options;
    uint32_t n_workers;
    struct load_worker *workers;
    _Atomic uint64_t sequence;
    atomic_bool stop;
};

static void *worker_main(void *arg)
{
    struct load_worker *worker = arg;

    if (worker->options->use_library) {
        load_worker_run_library(worker);
    } else {
        load_worker_run(worker);
    }
    atomic_store(&worker->is_over, true);
    return NULL;
}

static void destroy(struct load_engine *engine)
{
    for (uint32_t i = 0; i < engine->n_workers; i++) {
        load_worker_deinit(&engine->workers[i]);
    }
    free(engine->workers);
    free(engine);
}

/* Threads that there is work for: the library needs one for each connection. */
static uint32_t n_workers(const struct load_engine_options *options)
{
    if (options->use_library) {
        return options->n_connections;
    }
    return options->n_threads < options->n_connections ? options->n_threads
                                                       : options->n_connections;
}

struct load_engine *load_engine_start(const struct load_engine_options *options, char *error,
                                      size_t max_error)
{
    struct load_engine *engine = util_alloc(1, sizeof(*engine));
    uint32_t n = n_workers(options);

    engine->options = *options;
    engine->n_workers = n;
    engine->workers = util_alloc(n, sizeof(*engine->workers));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t n_conns = options->n_connections / n + (i < options->n_connections % n ? 1 : 0);
        struct load_worker *worker = &engine->workers[i];
        int status = load_worker_init(worker, &engine->options, i, n, n_conns);

        worker->plan.sequence = &engine->sequence;
        worker->plan.stop = &engine->stop;
        if (status != 0) {
            snprintf(error, max_error, "%s", strerror(-status));
            engine->n_workers = i + 1;
            destroy(engine);
            return NULL;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        if (pthread_create(&engine->workers[i].thread, NULL, worker_main, &engine->workers[i]) !=
            0) {
            util_die("cannot start a thread");
        }
    }
    return engine;
}

struct load_live_sum load_engine_live(const struct load_engine *engine)
{
    struct load_live_sum sum = {0};

    for (uint32_t i = 0; i < engine->n_workers; i++) {
        load_live_add(&sum, &engine->workers[i].live);
    }
    return sum;
}

bool load_engine_is_over(const struct load_engine *engine)
{
    for (uint32_t i = 0; i < engine->n_workers; i++) {
        if (!atomic_load(&engine->workers[i].is_over)) {
            return false;
        }
    }
    return true;
}

void load_engine_stop(struct load_engine *engine)
{
    atomic_store(&engine->stop, true);
}

void load_engine_join(struct load_engine **engine, struct load_totals *totals)
{
    for (uint32_t i = 0; i < (*engine)->n_workers; i++) {
        pthread_join((*engine)->workers[i].thread, NULL);
        load_totals_merge(totals, &(*engine)->workers[i].totals);
    }
    destroy(*engine);
    *engine = NULL;
}
