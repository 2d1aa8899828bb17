/*
 * The story of a turn: answers are read and counted, which makes connections ready; the plan's due
 * requests go to ready connections, the one that waited longest first; then each connection that
 * got some is written to once. Without anything due the turn sleeps until the next request is due
 * (a timer of its own, as epoll's is a millisecond), an answer comes, or the tick that looks for
 * requests without an answer and for connections to open again.
 */
#include "cmd_load_worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    READ_MAX_BYTES = 256 * 1024,
    KEEP_OUT_BYTES = 256 * 1024,
    N_EVENTS = 256,
    TICK_MS = 20,
    /* A burst above the listen backlog would wait a second for the lost SYN. */
    CONNECT_BURST = 100,
    CONNECT_PAUSE_US = 2000,
};

static const uint64_t FIRST_RETRY_NS = UINT64_C(50000000);
static const uint64_t LAST_RETRY_NS = UINT64_C(1000000000);
static const uint64_t TICK_NS = UINT64_C(20000000);

enum load_conn_state { CONN_CLOSED, CONN_CONNECTING, CONN_OPEN };

struct load_conn {
    enum load_conn_state state;
    int fd;
    bool is_ready; /* in the queue of ready connections */
    bool is_dirty;
    bool waits_writable;
    uint32_t first, n_open;     /* of slots[], a ring */
    struct load_request *slots; /* owned, options->depth */
    uint64_t *keys;             /* owned, of all slots */
    struct load_parser parser;
    char *out; /* owned */
    size_t n_out, out_at, max_out;
    char *rest; /* owned: the begin of an answer, until more of it comes */
    size_t n_rest;
    uint64_t retry_ns, retry_at_ns; /* CONN_CLOSED; CONN_CONNECTING: since when */
};

static void conn_make_ready(struct load_worker *worker, struct load_conn *conn)
{
    if (conn->is_ready || conn->state != CONN_OPEN || conn->n_open == worker->options->depth) {
        return;
    }
    conn->is_ready = true;
    worker->ready[(worker->ready_at + worker->n_ready++) % worker->n_conns] =
        (uint32_t)(conn - worker->conns);
}

static struct load_conn *take_ready(struct load_worker *worker)
{
    struct load_conn *conn = &worker->conns[worker->ready[worker->ready_at]];

    worker->ready_at = (worker->ready_at + 1) % worker->n_conns;
    worker->n_ready--;
    conn->is_ready = false;
    return conn;
}

static void conn_make_dirty(struct load_worker *worker, struct load_conn *conn)
{
    if (!conn->is_dirty) {
        conn->is_dirty = true;
        worker->dirty[worker->n_dirty++] = (uint32_t)(conn - worker->conns);
    }
}

/* Close, with [error] for each request that is open, and open again after a pause. */
static void conn_lose(struct load_worker *worker, struct load_conn *conn, enum load_error error,
                      const char *text)
{
    if (conn->n_open > 0 || error == LOAD_ERROR_CONNECT || error == LOAD_ERROR_PROTOCOL) {
        load_totals_error(&worker->totals, &worker->live, error, text,
                          conn->n_open > 0 ? conn->n_open : 1);
    }
    worker->n_open -= conn->n_open;
    conn->n_open = 0;
    if (conn->fd >= 0) {
        close(conn->fd);
    }
    conn->fd = -1;
    conn->state = CONN_CLOSED;
    conn->n_rest = 0;
    conn->n_out = 0;
    conn->out_at = 0;
    conn->waits_writable = false;
    load_parser_init(&conn->parser);
    conn->retry_at_ns = worker->now_ns + conn->retry_ns;
    conn->retry_ns = conn->retry_ns * 2 < LAST_RETRY_NS ? conn->retry_ns * 2 : LAST_RETRY_NS;
}

static void conn_watch(struct load_worker *worker, struct load_conn *conn, int operation,
                       uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = conn};

    if (epoll_ctl(worker->epoll_fd, operation, conn->fd, &event) != 0) {
        util_die("epoll_ctl: %s", strerror(errno));
    }
}

static void conn_open_again(struct load_worker *worker, struct load_conn *conn)
{
    int fd = util_connect_start(&worker->options->addr);

    if (fd < 0) {
        conn_lose(worker, conn, LOAD_ERROR_CONNECT, strerror(-fd));
        return;
    }
    conn->fd = fd;
    conn->state = CONN_CONNECTING;
    conn->retry_at_ns = worker->now_ns;
    conn_watch(worker, conn, EPOLL_CTL_ADD, EPOLLOUT);
}

/* The server closes after its answer, as it said: open again at once. */
static void conn_reopen(struct load_worker *worker, struct load_conn *conn)
{
    conn_lose(worker, conn, LOAD_ERROR_LOST, "closed by the server");
    conn->retry_ns = FIRST_RETRY_NS;
    conn_open_again(worker, conn);
}

static void conn_on_connected(struct load_worker *worker, struct load_conn *conn)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    if (error != 0) {
        conn_lose(worker, conn, LOAD_ERROR_CONNECT, strerror(error));
        return;
    }
    conn->state = CONN_OPEN;
    conn_watch(worker, conn, EPOLL_CTL_MOD, EPOLLIN);
    conn_make_ready(worker, conn);
}

static void conn_flush(struct load_worker *worker, struct load_conn *conn)
{
    size_t left = conn->n_out - conn->out_at;
    ssize_t n;

    if (conn->state != CONN_OPEN || left == 0) {
        return;
    }
    n = send(conn->fd, conn->out + conn->out_at, left, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        conn_lose(worker, conn, LOAD_ERROR_LOST, strerror(errno));
        return;
    }
    conn->out_at += n > 0 ? (size_t)n : 0;
    worker->totals.sent_bytes += n > 0 ? (size_t)n : 0;
    if ((conn->out_at < conn->n_out) != conn->waits_writable) {
        conn->waits_writable = !conn->waits_writable;
        conn_watch(worker, conn, EPOLL_CTL_MOD,
                   conn->waits_writable ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    if (conn->out_at == conn->n_out) {
        conn->n_out = 0;
        conn->out_at = 0;
        if (conn->max_out > KEEP_OUT_BYTES) {
            free(conn->out);
            conn->out = NULL;
            conn->max_out = 0;
        }
    }
}

static char *conn_room(struct load_conn *conn, size_t size)
{
    if (conn->max_out - conn->n_out < size) {
        size_t max = (conn->n_out + size) * 2;
        char *more = util_alloc(max, 1);

        if (conn->n_out > 0) {
            memcpy(more, conn->out, conn->n_out);
        }
        free(conn->out);
        conn->out = more;
        conn->max_out = max;
    }
    return conn->out + conn->n_out;
}

/* Send everything that is due to the connections that are ready. */
static void send_due(struct load_worker *worker)
{
    const struct load_wire *wire = &worker->options->wire;

    while (worker->n_ready > 0) {
        struct load_conn *conn = &worker->conns[worker->ready[worker->ready_at]];
        uint32_t slot = (conn->first + conn->n_open) % worker->options->depth;
        struct load_request *request = &conn->slots[slot];
        char *to;

        if (conn->state != CONN_OPEN) {
            take_ready(worker);
            continue;
        }
        if (!load_plan_next(&worker->plan, worker->now_ns, request)) {
            break;
        }
        take_ready(worker);
        to = conn_room(conn, wire->protocol->request_max(wire, request));
        conn->n_out = (size_t)(wire->protocol->write(wire, request, to) - conn->out);
        conn->n_open++;
        worker->n_open++;
        conn_make_dirty(worker, conn);
        conn_make_ready(worker, conn);
    }
    for (uint32_t i = 0; i < worker->n_dirty; i++) {
        worker->conns[worker->dirty[i]].is_dirty = false;
        conn_flush(worker, &worker->conns[worker->dirty[i]]);
    }
    worker->n_dirty = 0;
}

void load_worker_answered(struct load_worker *worker, const struct load_request *request,
                          const struct load_parser *parser)
{
    const struct load_engine_options *options = worker->options;

    if (parser->error != LOAD_ERROR_NONE) {
        load_totals_error(&worker->totals, &worker->live, parser->error, parser->text, 1);
    }
    load_live_answer(&worker->live, request, parser);
    if (load_plan_counts(&worker->plan, request, worker->now_ns)) {
        load_totals_answer(&worker->totals, request, parser, worker->now_ns - request->start_ns);
        worker->totals.last_ns = worker->now_ns;
    }
    if (request->is_set ||
        (parser->error != LOAD_ERROR_NONE && parser->error != LOAD_ERROR_VALUE) ||
        parser->n_hits == request->n_keys) {
        return;
    }
    for (uint32_t i = 0; i < request->n_keys; i++) {
        if (load_parser_has(parser, i)) {
            continue;
        }
        if (options->marks != NULL) {
            atomic_store_explicit(&options->marks[request->keys[i]], 1, memory_order_relaxed);
        }
        if (options->read_through) {
            load_plan_repair(&worker->plan, request->keys[i]);
        }
    }
}

static void conn_answered(struct load_worker *worker, struct load_conn *conn)
{
    bool closes = conn->parser.closes;

    load_worker_answered(worker, &conn->slots[conn->first], &conn->parser);
    conn->first = (conn->first + 1) % worker->options->depth;
    conn->n_open--;
    worker->n_open--;
    conn->retry_ns = FIRST_RETRY_NS;
    load_parser_init(&conn->parser);
    if (closes) {
        conn_reopen(worker, conn);
    } else {
        conn_make_ready(worker, conn);
    }
}

/* Look at [in]; returns the bytes that must be handed over again with what follows. */
static size_t conn_feed(struct load_worker *worker, struct load_conn *conn, struct slice in)
{
    const struct load_wire *wire = &worker->options->wire;

    while (in.len > 0 && conn->state == CONN_OPEN) {
        size_t used = 0;
        enum load_feed feed;

        if (conn->n_open == 0) {
            load_parser_fail(&conn->parser, LOAD_ERROR_PROTOCOL, "not asked for: ", in);
            conn_lose(worker, conn, LOAD_ERROR_PROTOCOL, conn->parser.text);
            return 0;
        }
        feed = wire->protocol->feed(wire, &conn->parser, &conn->slots[conn->first], in, &used);
        in = slice_skip(in, used);
        if (feed == LOAD_FEED_DONE) {
            conn_answered(worker, conn);
        } else if (feed == LOAD_FEED_BROKEN || in.len > LOAD_MAX_HEAD_BYTES) {
            load_parser_fail(&conn->parser, LOAD_ERROR_PROTOCOL, "a line without end",
                             slice_of(""));
            conn_lose(worker, conn, conn->parser.error, conn->parser.text);
            return 0;
        } else {
            return in.len;
        }
    }
    return 0;
}

static void conn_on_end(struct load_worker *worker, struct load_conn *conn, const char *why)
{
    if (conn->n_open > 0 &&
        worker->options->wire.protocol->at_end(&worker->options->wire, &conn->parser)) {
        conn_answered(worker, conn);
    } else {
        conn_lose(worker, conn, LOAD_ERROR_LOST, why);
    }
}

static void conn_on_readable(struct load_worker *worker, struct load_conn *conn)
{
    char *at = worker->in + LOAD_MAX_HEAD_BYTES;
    ssize_t n = recv(conn->fd, at, READ_MAX_BYTES, 0);
    size_t rest;
    size_t len;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        conn_on_end(worker, conn, n == 0 ? "closed by the server" : strerror(errno));
        return;
    }
    worker->totals.received_bytes += (size_t)n;
    at -= conn->n_rest;
    if (conn->n_rest > 0) {
        memcpy(at, conn->rest, conn->n_rest);
    }
    len = conn->n_rest + (size_t)n;
    conn->n_rest = 0;
    rest = conn_feed(worker, conn, slice_make(at, len));
    if (rest > 0 && conn->state == CONN_OPEN) {
        conn->rest = conn->rest != NULL ? conn->rest : util_alloc(LOAD_MAX_HEAD_BYTES, 1);
        memcpy(conn->rest, at + len - rest, rest);
        conn->n_rest = rest;
    }
}

static void conn_on_event(struct load_worker *worker, struct load_conn *conn, uint32_t events)
{
    if (conn->state == CONN_CONNECTING) {
        conn_on_connected(worker, conn);
        return;
    }
    if (conn->state == CONN_OPEN && (events & EPOLLOUT) != 0) {
        conn_flush(worker, conn);
    }
    if (conn->state == CONN_OPEN && (events & ~(uint32_t)EPOLLOUT) != 0) {
        conn_on_readable(worker, conn);
    }
}

/* Find what waits too long, and open what is closed. */
static void look_after(struct load_worker *worker)
{
    uint64_t timeout_ns = worker->options->timeout_ns;
    bool is_over = load_plan_is_over(&worker->plan, worker->now_ns);

    for (uint32_t i = 0; i < worker->n_conns; i++) {
        struct load_conn *conn = &worker->conns[i];

        if (conn->n_open > 0 && worker->now_ns - conn->slots[conn->first].sent_ns > timeout_ns) {
            conn_lose(worker, conn, LOAD_ERROR_TIMEOUT, "no answer in time");
        } else if (conn->state == CONN_CONNECTING &&
                   worker->now_ns - conn->retry_at_ns > timeout_ns) {
            conn_lose(worker, conn, LOAD_ERROR_CONNECT, "no connection in time");
        } else if (conn->state == CONN_CLOSED && conn->retry_at_ns <= worker->now_ns && !is_over) {
            conn_open_again(worker, conn);
        }
    }
}

/* How long to sleep in epoll, having set the timer if a request is due before the tick. */
static int sleep_ms(struct load_worker *worker)
{
    uint64_t due = worker->n_ready > 0 ? load_plan_due(&worker->plan, worker->now_ns) : UINT64_MAX;
    struct itimerspec at = {0};

    if (due <= worker->now_ns) {
        return 0;
    }
    if (due - worker->now_ns < TICK_NS) {
        at.it_value.tv_sec = (time_t)(due / 1000000000u);
        at.it_value.tv_nsec = (long)(due % 1000000000u);
        if (timerfd_settime(worker->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) != 0) {
            util_die("timerfd_settime: %s", strerror(errno));
        }
    }
    return TICK_MS;
}

void load_worker_tick(struct load_worker *worker)
{
    worker->now_ns = util_now_ns();
    if (!worker->measures && worker->now_ns >= worker->plan.measure_ns) {
        worker->measures = true;
        load_totals_begin(&worker->totals, worker->now_ns);
    }
}

/* Nothing open and nothing to come; or what is left has waited in vain. */
static bool is_complete(struct load_worker *worker)
{
    if (worker->plan.end_ns != UINT64_MAX && worker->plan.gap_ns > 0 &&
        worker->now_ns > worker->plan.end_ns + worker->options->timeout_ns) {
        return true;
    }
    return worker->n_open == 0 && load_plan_is_over(&worker->plan, worker->now_ns);
}

void load_worker_finish(struct load_worker *worker)
{
    uint64_t n_unsent = load_plan_unsent(&worker->plan);

    for (uint32_t i = 0; i < worker->n_conns; i++) {
        if (worker->conns[i].n_open > 0) {
            conn_lose(worker, &worker->conns[i], LOAD_ERROR_TIMEOUT, "no answer in time");
        }
    }
    if (n_unsent > 0) {
        load_totals_error(&worker->totals, &worker->live, LOAD_ERROR_UNSENT, "", n_unsent);
    }
    /* A closed loop ends at its time: what was answered later does not count. An open loop ends
     * with the last answer, and not before its time. */
    if (worker->plan.end_ns < worker->now_ns &&
        (worker->plan.gap_ns <= 0 || worker->totals.last_ns < worker->plan.end_ns)) {
        worker->totals.last_ns = worker->plan.end_ns;
    }
}

void load_worker_run(struct load_worker *worker)
{
    struct epoll_event events[N_EVENTS];
    uint64_t looked_ns;

    worker->now_ns = util_now_ns();
    looked_ns = worker->now_ns;
    load_plan_start(&worker->plan, worker->now_ns);
    do {
        int n;

        send_due(worker);
        n = epoll_wait(worker->epoll_fd, events, N_EVENTS, sleep_ms(worker));
        if (n < 0 && errno != EINTR) {
            util_die("epoll_wait: %s", strerror(errno));
        }
        load_worker_tick(worker);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr != NULL) {
                conn_on_event(worker, events[i].data.ptr, events[i].events);
            } else {
                uint64_t ticks;
                (void)!read(worker->timer_fd, &ticks, sizeof(ticks));
            }
        }
        if (worker->now_ns - looked_ns >= TICK_NS) {
            looked_ns = worker->now_ns;
            look_after(worker);
        }
    } while (!is_complete(worker));
    load_worker_finish(worker);
}

static int open_conns(struct load_worker *worker)
{
    const struct load_engine_options *options = worker->options;

    for (uint32_t i = 0; i < worker->n_conns; i++) {
        struct load_conn *conn = &worker->conns[i];

        conn->retry_ns = FIRST_RETRY_NS;
        conn->slots = util_alloc(options->depth, sizeof(*conn->slots));
        conn->keys = util_alloc((size_t)options->depth * options->n_mget_keys, sizeof(uint64_t));
        for (uint32_t slot = 0; slot < options->depth; slot++) {
            conn->slots[slot].keys = conn->keys + (size_t)slot * options->n_mget_keys;
        }
        load_parser_init(&conn->parser);
        conn->fd = util_connect(&options->addr, (int)(options->timeout_ns / 1000000u));
        if (conn->fd < 0) {
            return conn->fd;
        }
        conn->state = CONN_OPEN;
        conn_watch(worker, conn, EPOLL_CTL_ADD, EPOLLIN);
        conn_make_ready(worker, conn);
        if (i % CONNECT_BURST == CONNECT_BURST - 1) {
            usleep(CONNECT_PAUSE_US);
        }
    }
    return 0;
}

int load_worker_init(struct load_worker *worker, const struct load_engine_options *options,
                     uint32_t index, uint32_t n_threads, uint32_t n_conns)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

    worker->options = options;
    worker->epoll_fd = -1;
    worker->timer_fd = -1;
    load_plan_init(&worker->plan, options, index, n_threads);
    if (options->use_library) {
        return 0;
    }
    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    worker->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (worker->epoll_fd < 0 || worker->timer_fd < 0 ||
        epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->timer_fd, &event) != 0) {
        return -errno;
    }
    worker->conns = util_alloc(n_conns, sizeof(*worker->conns));
    worker->n_conns = n_conns;
    for (uint32_t i = 0; i < n_conns; i++) {
        worker->conns[i].fd = -1;
    }
    worker->ready = util_alloc(n_conns, sizeof(*worker->ready));
    worker->dirty = util_alloc(n_conns, sizeof(*worker->dirty));
    worker->in = util_alloc(LOAD_MAX_HEAD_BYTES + READ_MAX_BYTES, 1);
    return open_conns(worker);
}

void load_worker_deinit(struct load_worker *worker)
{
    for (uint32_t i = 0; i < worker->n_conns; i++) {
        struct load_conn *conn = &worker->conns[i];

        if (conn->fd >= 0) {
            close(conn->fd);
        }
        free(conn->slots);
        free(conn->keys);
        free(conn->out);
        free(conn->rest);
    }
    free(worker->conns);
    free(worker->ready);
    free(worker->dirty);
    free(worker->in);
    if (worker->epoll_fd >= 0) {
        close(worker->epoll_fd);
    }
    if (worker->timer_fd >= 0) {
        close(worker->timer_fd);
    }
    load_plan_deinit(&worker->plan);
}
