#include "control/topz.h"

#include <unistd.h>

#include "control/json_value.h"
#include "control/process_usage.h"

#define THREADS_MAX (CONFIG_WORKERS_MAX + 16u)

static json_t *build_threads(void)
{
    static struct thread_usage threads[THREADS_MAX]; /* the control thread is the only caller */
    size_t n = process_usage_threads(threads, THREADS_MAX), i;
    json_t *array = json_value_array();

    for (i = 0; i < n; i++) {
        json_t *thread = json_value_object();

        json_value_put(thread, "id", json_value_count((uint64_t)threads[i].id));
        json_value_put(thread, "name", json_value_text(threads[i].name));
        json_value_put(thread, "cpu_user_seconds", json_value_real(threads[i].user_seconds));
        json_value_put(thread, "cpu_system_seconds", json_value_real(threads[i].system_seconds));
        json_value_append(array, thread);
    }
    return array;
}

static json_t *build_workers(const struct control_view *view)
{
    json_t *array = json_value_array();
    uint32_t i;

    for (i = 0; i < view->n_workers; i++) {
        const struct feedback *feedback = view->feedback[i];
        uint64_t seen = view_last_seen_us(view, i);
        uint64_t age = view->now_us > seen ? view->now_us - seen : 0;
        json_t *worker = json_value_object();

        json_value_put(worker, "index", json_value_count(i));
        json_value_put(worker, "loop_lag_seconds", json_value_seconds(view_loop_lag_us(view, i)));
        json_value_put(worker, "last_answer_seconds", json_value_seconds(age));
        json_value_put(worker, "clients", json_value_count(counter_get(&feedback->clients)));
        json_value_put(worker, "requests_open",
                       json_value_count(counter_get(&feedback->requests_open)));
        json_value_put(worker, "http_tunnels",
                       json_value_count(counter_get(&feedback->http_upgrades)));
        json_value_append(array, worker);
    }
    return array;
}

/* An object of two numbers. */
static json_t *build_pair(const char *first_name, json_t *first, const char *second_name,
                          json_t *second)
{
    json_t *pair = json_value_object();

    json_value_put(pair, first_name, first);
    json_value_put(pair, second_name, second);
    return pair;
}

void topz_write(const struct control_view *view, struct body *out)
{
    json_t *root = json_value_object();
    struct process_usage usage;

    process_usage_read(&usage);
    json_value_put(root, "version", json_value_text(RINGWAY_VERSION));
    json_value_put(root, "pid", json_value_count((uint64_t)getpid()));
    json_value_put(root, "uptime_seconds", json_value_seconds(view->now_us - view->started_us));
    json_value_put(root, "cpu",
                   build_pair("user_seconds", json_value_real(usage.user_seconds), "system_seconds",
                              json_value_real(usage.system_seconds)));
    json_value_put(root, "memory",
                   build_pair("resident_bytes", json_value_count(usage.resident_bytes),
                              "virtual_bytes", json_value_count(usage.virtual_bytes)));
    json_value_put(root, "descriptors",
                   build_pair("open", json_value_count(usage.open_fds), "limit",
                              json_value_count(usage.max_fds)));
    json_value_put(root, "context_switches",
                   build_pair("voluntary", json_value_count(usage.voluntary_switches),
                              "involuntary", json_value_count(usage.involuntary_switches)));
    json_value_put(root, "threads", build_threads());
    json_value_put(root, "workers", build_workers(view));
    json_value_write(root, out);
}
