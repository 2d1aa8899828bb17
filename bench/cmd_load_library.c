/*
 * A load by libmemcached: blocking calls, a connection for each thread. It shows what an
 * application with this library sees; our own sockets show what the server can do.
 */
#include "cmd_load_worker.h"

#ifdef RINGWAY_BENCH_LIBMEMCACHED

#include <libmemcached/memcached.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct library {
    memcached_st *memcached;
    char *text[LOAD_MAX_MGET_KEYS]; /* keys of the request */
    size_t len[LOAD_MAX_MGET_KEYS];
};

bool load_worker_has_library(void)
{
    return true;
}

static memcached_st *open_library(const struct load_engine_options *options)
{
    memcached_st *memcached = memcached_create(NULL);
    uint64_t timeout_us = options->timeout_ns / 1000u;
    memcached_return_t status;

    if (memcached == NULL) {
        util_die("out of memory");
    }
    memcached_behavior_set(memcached, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    memcached_behavior_set(memcached, MEMCACHED_BEHAVIOR_NO_BLOCK, 0);
    memcached_behavior_set(memcached, MEMCACHED_BEHAVIOR_SND_TIMEOUT, timeout_us);
    memcached_behavior_set(memcached, MEMCACHED_BEHAVIOR_RCV_TIMEOUT, timeout_us);
    memcached_behavior_set(memcached, MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, timeout_us / 1000u);
    memcached_behavior_set(memcached, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, timeout_us / 1000u);
    memcached_behavior_set(memcached, MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, 0);
    memcached_behavior_set(memcached, MEMCACHED_BEHAVIOR_DEAD_TIMEOUT, 0);
    memcached_behavior_set(memcached, MEMCACHED_BEHAVIOR_SERVER_FAILURE_LIMIT, 0);
    status = options->library_port == 0
                 ? memcached_server_add_unix_socket(memcached, options->library_host)
                 : memcached_server_add(memcached, options->library_host, options->library_port);
    if (status != MEMCACHED_SUCCESS) {
        util_die("libmemcached: %s", memcached_strerror(memcached, status));
    }
    return memcached;
}

static void note_failure(struct library *library, struct load_parser *parser,
                         memcached_return_t status)
{
    enum load_error error = LOAD_ERROR_REPLY;

    if (status == MEMCACHED_TIMEOUT) {
        error = LOAD_ERROR_TIMEOUT;
    } else if (status == MEMCACHED_CONNECTION_FAILURE || status == MEMCACHED_HOST_LOOKUP_FAILURE ||
               status == MEMCACHED_SERVER_TEMPORARILY_DISABLED) {
        error = LOAD_ERROR_CONNECT;
    } else if (status == MEMCACHED_READ_FAILURE || status == MEMCACHED_WRITE_FAILURE ||
               status == MEMCACHED_ERRNO || status == MEMCACHED_UNKNOWN_READ_FAILURE) {
        error = LOAD_ERROR_LOST;
    } else if (status == MEMCACHED_PROTOCOL_ERROR) {
        error = LOAD_ERROR_PROTOCOL;
    }
    load_parser_fail(parser, error, "", slice_of(memcached_strerror(library->memcached, status)));
}

static void check_value(struct load_worker *worker, struct load_parser *parser,
                        const struct load_request *request, const memcached_result_st *result)
{
    const struct load_wire *wire = &worker->options->wire;
    uint64_t key = load_items_find(wire->items, memcached_result_key_value(result),
                                   memcached_result_key_length(result));
    size_t n = memcached_result_length(result);
    size_t size;

    worker->totals.received_bytes += n;
    for (uint32_t i = 0; i < request->n_keys; i++) {
        if (request->keys[i] != key || load_parser_has(parser, i)) {
            continue;
        }
        parser->seen[i / 64] |= UINT64_C(1) << (i % 64);
        parser->n_hits++;
        parser->key = key;
        parser->at = 0;
        load_items_value(wire->items, key, &size);
        if (!load_parser_compare(wire, parser, memcached_result_value(result), n) ||
            (wire->verify && n != size)) {
            load_parser_fail(parser, LOAD_ERROR_VALUE, "another value", slice_of(""));
        }
        return;
    }
    load_parser_fail(parser, LOAD_ERROR_PROTOCOL, "a key that was not asked for", slice_of(""));
}

static void run_get(struct load_worker *worker, struct library *library,
                    const struct load_request *request, struct load_parser *parser)
{
    memcached_result_st *result;
    memcached_return_t status;

    for (uint32_t i = 0; i < request->n_keys; i++) {
        library->len[i] =
            load_items_key(worker->options->wire.items, request->keys[i], library->text[i]);
    }
    status = memcached_mget(library->memcached, (const char *const *)library->text, library->len,
                            request->n_keys);
    if (status != MEMCACHED_SUCCESS) {
        note_failure(library, parser, status);
        return;
    }
    while ((result = memcached_fetch_result(library->memcached, NULL, &status)) != NULL) {
        check_value(worker, parser, request, result);
        memcached_result_free(result);
    }
    if (status != MEMCACHED_END && status != MEMCACHED_SUCCESS && status != MEMCACHED_NOTFOUND) {
        note_failure(library, parser, status);
    }
}

static void run_set(struct load_worker *worker, struct library *library,
                    const struct load_request *request, struct load_parser *parser)
{
    char key[LOAD_ITEMS_MAX_KEY_BYTES];
    size_t n_key = load_items_key(worker->options->wire.items, request->keys[0], key);
    size_t n_value;
    const char *value = load_items_value(worker->options->wire.items, request->keys[0], &n_value);
    memcached_return_t status = memcached_set(library->memcached, key, n_key, value, n_value, 0, 0);

    worker->totals.sent_bytes += n_value;
    if (status != MEMCACHED_SUCCESS) {
        note_failure(library, parser, status);
    }
}

static void sleep_until(uint64_t ns)
{
    struct timespec at = {.tv_sec = (time_t)(ns / 1000000000u),
                          .tv_nsec = (long)(ns % 1000000000u)};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* Wait for the next request, or a little. Returns whether there is one. */
static bool wait_due(struct load_worker *worker, struct load_request *request)
{
    static const uint64_t LONGEST_NS = UINT64_C(50000000);

    uint64_t due;

    load_worker_tick(worker);
    if (load_plan_next(&worker->plan, worker->now_ns, request)) {
        request->sent_ns = worker->now_ns;
        return true;
    }
    due = load_plan_due(&worker->plan, worker->now_ns);
    if (due > worker->now_ns + LONGEST_NS) {
        due = worker->now_ns + LONGEST_NS;
    }
    if (!load_plan_is_over(&worker->plan, worker->now_ns)) {
        sleep_until(due);
    }
    return false;
}

static void run(struct load_worker *worker, struct library *library)
{
    static const uint64_t PAUSE_NS = UINT64_C(50000000);

    uint64_t keys[LOAD_MAX_MGET_KEYS];
    struct load_request request = {.keys = keys};
    struct load_parser parser;

    worker->now_ns = util_now_ns();
    load_plan_start(&worker->plan, worker->now_ns);
    while (!load_plan_is_over(&worker->plan, worker->now_ns)) {
        if (!wait_due(worker, &request)) {
            continue;
        }
        load_parser_init(&parser);
        if (request.is_set) {
            run_set(worker, library, &request, &parser);
        } else {
            run_get(worker, library, &request, &parser);
        }
        load_worker_tick(worker);
        load_worker_answered(worker, &request, &parser);
        if (parser.error == LOAD_ERROR_CONNECT || parser.error == LOAD_ERROR_LOST) {
            sleep_until(worker->now_ns + PAUSE_NS);
        }
        if (worker->plan.end_ns != UINT64_MAX &&
            worker->now_ns > worker->plan.end_ns + worker->options->timeout_ns) {
            break;
        }
    }
}

void load_worker_run_library(struct load_worker *worker)
{
    struct library library = {.memcached = open_library(worker->options)};

    for (uint32_t i = 0; i < worker->options->n_mget_keys; i++) {
        library.text[i] = util_alloc(LOAD_ITEMS_MAX_KEY_BYTES, 1);
    }
    run(worker, &library);
    load_worker_finish(worker);
    for (uint32_t i = 0; i < worker->options->n_mget_keys; i++) {
        free(library.text[i]);
    }
    memcached_free(library.memcached);
}

#else

bool load_worker_has_library(void)
{
    return false;
}

void load_worker_run_library(struct load_worker *worker)
{
    (void)worker;
}

#endif
