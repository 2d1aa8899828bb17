/*
 * What the workers tell the rest of the process: counters, gauges and histograms. A worker writes
 * only its own struct feedback, with relaxed atomics and without a locked instruction; control
 * reads all of them and adds up.
 */
#ifndef RINGWAY_TOPOLOGY_FEEDBACK_H
#define RINGWAY_TOPOLOGY_FEEDBACK_H

#include "base/histogram.h"
#include "topology/topology.h"
#include "wire/http1.h"
#include "wire/memcache_request.h"

/* How a request ended, as its client saw it. X(NAME, label) */
#define FEEDBACK_OUTCOMES(X)                                                                       \
    X(HIT, "hit")                                                                                  \
    X(MISS, "miss")                                                                                \
    X(OK, "ok")         /* stored, deleted, touched, counted, answered */                          \
    X(NOT_OK, "not_ok") /* not stored, exists */                                                   \
    X(CLIENT_ERROR, "client_error")                                                                \
    X(SERVER_ERROR, "server_error") /* the shard said so */                                        \
    X(TIMEOUT, "timeout")                                                                          \
    X(UNAVAILABLE, "unavailable")                                                                  \
    X(BUSY, "busy")                                                                                \
    X(CANCELLED, "cancelled") /* the client went away first */

enum feedback_outcome {
#define X(name, label) FEEDBACK_##name,
    FEEDBACK_OUTCOMES(X)
#undef X
        FEEDBACK_N_OUTCOMES
};

/* How an HTTP request ended, as its client saw it, whoever answered. X(NAME, label) */
#define FEEDBACK_HTTP_RESULTS(X)                                                                   \
    X(INFORMATIONAL, "1xx") /* 101: an upgrade */                                                  \
    X(SUCCESS, "2xx")                                                                              \
    X(REDIRECTION, "3xx")                                                                          \
    X(CLIENT_ERROR, "4xx")                                                                         \
    X(SERVER_ERROR, "5xx")                                                                         \
    X(CUT, "cut")             /* the shard failed after the client had a part of the response */   \
    X(CANCELLED, "cancelled") /* the client went away first */

enum feedback_http_result {
#define X(name, label) FEEDBACK_HTTP_##name,
    FEEDBACK_HTTP_RESULTS(X)
#undef X
        FEEDBACK_HTTP_N_RESULTS
};

/* Answers of our own. X(status) */
#define FEEDBACK_HTTP_ANSWERS(X)                                                                   \
    X(200)                                                                                         \
    X(400) X(404) X(405) X(408) X(413) X(414) X(431) X(501) X(502) X(503) X(504) X(505) X(508)

enum feedback_http_answer {
#define X(status) FEEDBACK_HTTP_ANSWER_##status,
    FEEDBACK_HTTP_ANSWERS(X)
#undef X
        FEEDBACK_HTTP_N_ANSWERS
};

/* A replica as one worker sees it. X(NAME, label) */
#define FEEDBACK_STATES(X)                                                                         \
    X(CONNECTING, "connecting")                                                                    \
    X(UP, "up")                                                                                    \
    X(BACKOFF, "backoff") /* connection lost or refused, will be tried again */                    \
    X(EJECTED, "ejected") /* failed eject_after times in a row; probed, not used */

enum feedback_state {
#define X(name, label) FEEDBACK_STATE_##name,
    FEEDBACK_STATES(X)
#undef X
        FEEDBACK_N_STATES
};

/* What an HTTP pool and its shards count: by method and result. HTTP1_OTHER is the last method. */
struct feedback_http {
    _Atomic uint64_t requests[HTTP1_N_METHODS][FEEDBACK_HTTP_N_RESULTS];
    struct histogram latency; /* of pools: from the request's head to the response's last byte */
};

/* One shard as one worker saw it. The protocol of its pool says which half of the union it has. */
struct feedback_shard {
    union {
        struct { /* memcached: a multi-get counts once on each shard that it asks, as get */
            _Atomic uint64_t requests[MEMCACHE_N_COMMANDS][FEEDBACK_N_OUTCOMES];
            _Atomic uint64_t keys_hit, keys_missed; /* keys of retrievals */
        };
        struct feedback_http http; /* a retried request counts on each shard */
    };
    _Atomic uint64_t bytes_sent, bytes_received;
    struct histogram latency; /* from dispatch to the whole reply; HTTP: to the response's head */
};

struct feedback_replica {
    /* enum feedback_state of the first connection; HTTP, whose connections come and go: up unless it
     * failed */
    _Atomic uint64_t state;
    _Atomic uint64_t in_flight;
    _Atomic uint64_t connects, connect_failures, disconnects, protocol_errors, ejections;
    _Atomic uint64_t consecutive_failures;
};

struct feedback_pool {
    struct feedback_shard *shards;     /* topology_pool.n_shards */
    struct feedback_replica *replicas; /* topology_pool.n_replicas */
    /* What clients saw, by command: latency from the request's last byte to the reply's. */
    _Atomic uint64_t requests[MEMCACHE_N_COMMANDS][FEEDBACK_N_OUTCOMES];
    struct histogram latency[MEMCACHE_N_COMMANDS];
    _Atomic uint64_t partial_misses; /* multi-get keys turned into misses by a failed shard */
    _Atomic uint64_t failovers;      /* requests sent elsewhere by on_shard_down */
    _Atomic uint64_t late_replies;   /* replies that came after their request had timed out */
    struct feedback_http http;       /* of HTTP pools */
    _Atomic uint64_t retries;        /* HTTP requests sent a second time */
    _Atomic uint64_t overloaded;     /* HTTP requests sent on because of balance_factor */
};

struct feedback {
    struct feedback_pool *pools;  /* topology.n_pools */
    _Atomic uint64_t heartbeat;   /* the last ping that this worker answered, see worker.h */
    _Atomic uint64_t loop_lag_us; /* how late the last ping was answered */
    _Atomic uint64_t clients;     /* open now */
    _Atomic uint64_t clients_accepted, clients_refused, clients_idle_closed;
    _Atomic uint64_t clients_overflowed; /* closed for unread output beyond client_output */
    _Atomic uint64_t clients_cut;        /* closed because a value broke off half-way */
    _Atomic uint64_t client_bytes_received, client_bytes_sent;
    _Atomic uint64_t bad_requests; /* lines answered with an error before any routing */
    _Atomic uint64_t http_answers[FEEDBACK_HTTP_N_ANSWERS]; /* of our own, by status */
    _Atomic uint64_t http_upgrades;                         /* tunnels open now */
    _Atomic uint64_t requests_open;                         /* now */
    _Atomic uint64_t clients_blocked; /* now: their output waits for them to read */
};

/** Allocate the counters of one worker for [topology]; aborts when out of memory. */
struct feedback *feedback_create(const struct topology *topology);
void feedback_destroy(struct feedback **feedback, const struct topology *topology);

const char *feedback_outcome_name(enum feedback_outcome outcome);

/** Did the request fail on our side or the shard's, and not by the client's doing? */
bool feedback_is_failure(enum feedback_outcome outcome);
const char *feedback_state_name(enum feedback_state state);
const char *feedback_http_result_name(enum feedback_http_result result);

/** The result that an HTTP status, 100..999, stands for. */
enum feedback_http_result feedback_http_result_of(int status);

/** The counter of our answer with [status]; it is one of the table. */
_Atomic uint64_t *feedback_http_answer(struct feedback *feedback, int status);

/** The status that [answer] counts. */
int feedback_http_answer_status(enum feedback_http_answer answer);

#endif
