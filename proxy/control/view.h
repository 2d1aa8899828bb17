/*
 * What the documents of the admin API are made from: the configuration, the topology and the
 * counters of all workers at one moment. Reads, never changes anything, knows no sockets.
 */
#ifndef RINGWAY_CONTROL_VIEW_H
#define RINGWAY_CONTROL_VIEW_H

#include "topology/feedback.h"
#include "topology/topology.h"

struct control_view {
    const struct topology *topology;  /* and its configuration; borrowed */
    struct feedback *const *feedback; /* n_workers */
    const uint64_t *pings_us;         /* n_workers: when the last ping was sent, 0: never */
    uint32_t n_workers;
    uint64_t started_us, now_us; /* monotonic */
    double started_unix;         /* the same moment in seconds since 1970 */
    bool draining;
};

/* One shard or replica: indexes within the topology. */
struct view_place {
    uint32_t pool, shard;
    uint32_t replica; /* within its shard */
};

/*
 * Sums over all workers of the counter at [offset] of struct feedback, feedback_pool,
 * feedback_shard and feedback_replica. O(workers).
 */
uint64_t view_process_sum(const struct control_view *view, size_t offset);
uint64_t view_pool_sum(const struct control_view *view, uint32_t pool, size_t offset);
uint64_t view_shard_sum(const struct control_view *view, struct view_place at, size_t offset);
uint64_t view_replica_sum(const struct control_view *view, struct view_place at, size_t offset);

/** What the clients of [pool] waited for [command], all workers. */
void view_pool_latency(const struct control_view *view, uint32_t pool,
                       enum memcache_command command, struct histogram_sum *out);

/** What the requests to one shard took, all workers. */
void view_shard_latency(const struct control_view *view, struct view_place at,
                        struct histogram_sum *out);

/** What the clients of an HTTP pool waited, all workers. */
void view_pool_http_latency(const struct control_view *view, uint32_t pool,
                            struct histogram_sum *out);

/** How many requests of an HTTP pool's clients with [method] ended in each way, all workers. */
void view_pool_http(const struct control_view *view, uint32_t pool, enum http1_method method,
                    uint64_t by_result[FEEDBACK_HTTP_N_RESULTS]);

/** How many requests to a shard of an HTTP pool ended in each way: all methods, all workers. */
void view_shard_http(const struct control_view *view, struct view_place at,
                     uint64_t by_result[FEEDBACK_HTTP_N_RESULTS]);

bool view_pool_is(const struct control_view *view, uint32_t pool, enum config_protocol protocol);

/** How many workers see a replica in each state; returns the worst. */
enum feedback_state view_replica_states(const struct control_view *view, struct view_place at,
                                        uint32_t counts[FEEDBACK_N_STATES]);

/** How late worker [index] answers, in microseconds; grows while a ping is unanswered. */
uint64_t view_loop_lag_us(const struct control_view *view, uint32_t index);

/** When worker [index] last showed that it turns, on the clock of now_us. */
uint64_t view_last_seen_us(const struct control_view *view, uint32_t index);

/** Whether worker [index] has ever answered, which it does once its listeners are open. */
bool view_is_started(const struct control_view *view, uint32_t index);

const struct config_shard *view_shard(const struct control_view *view, struct view_place at);

#endif
