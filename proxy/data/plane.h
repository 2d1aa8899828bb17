/*
 * The data plane of one worker: everything that its event loop's callbacks need, in one place. One
 * thread uses it; nothing here is locked.
 *
 * A loop turn: read callbacks parse in place in the arena, append requests to shard connections and
 * replies to sessions, and mark them dirty; at the end of the turn plane_flush() sends each dirty
 * one's bytes with one writev, and the arena is rewound. An idle connection owns no buffer.
 *
 * Nothing is closed or freed under a caller's feet: a handle that fails is put on a list and dealt
 * with in plane_flush().
 */
#ifndef RINGWAY_DATA_PLANE_H
#define RINGWAY_DATA_PLANE_H

#include <uv.h>

#include "base/list.h"
#include "data/outlet.h"
#include "topology/feedback.h"
#include "topology/stats.h"
#include "topology/topology.h"

struct access_log;
struct listener;
struct session;
struct upstream;
struct upstream_conn;

struct plane_options {
    const struct topology *topology;
    uint32_t index, n_workers;
    struct feedback *const *feedback; /* all workers'; [index] is ours */
    struct stats_baseline *baseline;
    const int *listen_fds;
    _Atomic uint32_t *n_clients;
    uint32_t max_clients;
    uint32_t instance; /* random, of the process: by it Via shows a loop */
};

struct plane_pool {
    struct upstream **upstreams; /* by replica number, shard after shard */
    uint32_t n_upstreams;
    uint32_t *load; /* HTTP: requests in flight by shard, of this worker; NULL without balance */
    uint32_t total_load;
    uint64_t total_weight; /* of the shards */
};

/* What a session's client is about to do, and so which time limit holds for it. */
enum session_phase {
    SESSION_PHASE_QUEUE,  /* memcached: anything; limited while nothing is open */
    SESSION_PHASE_IDLE,   /* HTTP: between two requests */
    SESSION_PHASE_HEAD,   /* HTTP: to send the rest of a request's head */
    SESSION_PHASE_BODY,   /* HTTP: to send or to read a body */
    SESSION_PHASE_WAIT,   /* HTTP: to wait, as we do, for the shard */
    SESSION_PHASE_LINGER, /* to close its side */
    SESSION_N_PHASES
};

struct plane {
    uv_loop_t loop;
    struct plane_options options;
    const struct config *config;
    struct feedback *feedback; /* ours */

    uint8_t *arena;
    size_t arena_used;
    bool turn_open;  /* something happened since the last flush; now_us is fresh */
    uint64_t now_us; /* monotonic, taken once a turn */

    struct segment_pool segments;
    struct freelist requests, sessions, http_sessions, exchanges, http_conns;
    uint32_t n_exchanges; /* HTTP requests open: they share no writes */

    struct plane_pool *pools;
    uint32_t *walk; /* scratch for the router, as many as the largest pool has shards */
    struct listener *listeners;
    struct list phases[SESSION_N_PHASES]; /* of the sessions: the longest in it first */
    struct list dirty_sessions;           /* have output, or must be looked at */
    struct list waiting_sessions;         /* paused with input, and may go on */
    struct list dead_sessions;            /* to be closed when the turn ends */
    struct list dirty_conns;
    struct list broken_conns; /* to be closed, with their requests, when the turn ends */
    struct list dirty_http_conns, broken_http_conns; /* the same for HTTP */

    uv_check_t check;       /* ends the turn after polling */
    uv_prepare_t prepare;   /* ends what callbacks outside of polling have begun */
    uv_idle_t again;        /* active: the next poll does not sleep */
    uint32_t n_reads;       /* of this turn */
    bool sending_early;     /* within an allocation callback: no reading may be stopped */
    bool polled_again;      /* this turn polls a second time before it sends */
    uv_timer_t timer;       /* request, connect and probe deadlines; armed only when needed */
    uint64_t timer_due_us;  /* 0: not armed */
    uv_timer_t phase_timer; /* time limits of sessions */
    uint64_t phase_due_us;  /* 0: not armed */
    uint64_t random;        /* state of plane_random() */
    uint64_t next_session_id, next_fanout_id;
    struct access_log *access;
    char peer[64];     /* scratch of session_peer() */
    uint8_t *key_room; /* scratch for HTTP keys, http_route_key_max() bytes */
    char via[32];      /* our name in Via, without the version */
    char date[32];     /* of the second date_s, see http_answer_date() */
    int64_t date_s;
    uint64_t date_turn_us; /* the turn in which the clock was last read */
    bool is_open;          /* plane_init() has got as far as the loop */
    bool draining, stopping;
};

/** Build everything and start listening and connecting. Returns 0 or a negative libuv error. */
int plane_init(struct plane *plane, const struct plane_options *options);

/** Stop listening; close clients when they have nothing open. */
void plane_drain(struct plane *plane);

/** Close every handle; uv_run() returns when the last is closed. */
void plane_stop(struct plane *plane);

/** After uv_run() has returned: free everything and close the loop. */
void plane_deinit(struct plane *plane);

/** Monotonic microseconds, taken at the turn's first call. */
uint64_t plane_now(struct plane *plane);

/** Pseudo-random 32 bits, for jitter and sampling only. */
uint32_t plane_random(struct plane *plane);

/** Room for a read, at least 64 KiB, in the arena: until the end of the turn. */
uv_buf_t plane_read_buffer(struct plane *plane);

/** The first [n] bytes of the last plane_read_buffer() are in use. */
void plane_read_used(struct plane *plane, size_t n);

/** See to it that the timer fires at [at_us] or before. */
void plane_wake_at(struct plane *plane, uint64_t at_us);

/** The earlier of two times, of which 0 is never. */
static inline uint64_t plane_earlier(uint64_t a_us, uint64_t b_us)
{
    return a_us == 0 || (b_us != 0 && b_us < a_us) ? b_us : a_us;
}

/** Send everything that is queued, deal with what broke, end the turn. */
void plane_flush(struct plane *plane);

#endif
