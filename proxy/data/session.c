#include "data/session.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "data/fanout.h"

#define SESSION_MAX_OPEN    1024u          /* requests in flight; beyond it parsing pauses */
#define SESSION_MAX_WORK    16384u         /* keys and legs in flight; beyond it parsing pauses */
#define SESSION_BUSY_OUTPUT (256u * 1024u) /* waiting output at which parsing pauses */
#define SESSION_LINGER_US   1000000u       /* for the client to close, after we have */
#define SESSION_KEEPALIVE_S 60u

const struct codec *session_codec(const struct session *session)
{
    return session->listener->codec;
}

/* ---- the end of a session ---------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct session *session = handle->data;
    struct plane *plane = session->plane;

    outq_clear(&session->out.queue, &plane->segments);
    free(inbuf_take(&session->in));
    free(session->peer);
    freelist_put(&plane->sessions, session);
}

static void pop_first(struct session *session)
{
    struct request *request = session->first;

    session->first = request->next_in_session;
    if (session->first == NULL) {
        session->last = NULL;
    }
    session->n_open--;
    session->n_work -= request->work;
    if (session->first_bytes > session->largest_bytes) {
        session->largest_bytes = session->first_bytes;
    }
    session->first_bytes = 0;
    gauge_add(&session->plane->feedback->requests_open, -1);
    request->in_session = false;
    request->session = NULL;
}

/* The requests of a client that is gone: their replies are read and dropped. */
static void cancel_requests(struct session *session)
{
    struct plane *plane = session->plane;
    struct request *request;

    while ((request = session->first) != NULL) {
        pop_first(session);
        outq_clear(&request->reply, &plane->segments);
        if (request->done) {
            request_release(plane, request);
        } else if (request->fanout == NULL) {
            request_finish(plane, request, FEEDBACK_CANCELLED);
        } /* a fan-out ends, and is freed, with its last leg */
    }
}

void session_close(struct session *session)
{
    struct plane *plane = session->plane;

    if (session->state == SESSION_CLOSED) {
        return;
    }
    session->state = SESSION_CLOSED;
    cancel_requests(session);
    list_remove(&session->all);
    list_remove(&session->dirty);
    list_remove(&session->waiting);
    gauge_add(&plane->feedback->clients, -1);
    if (session->blocked) {
        gauge_add(&plane->feedback->clients_blocked, -1);
    }
    atomic_fetch_sub_explicit(plane->options.n_clients, 1, memory_order_relaxed);
    list_append(&plane->dead_sessions, &session->all);
}

void session_bury(struct plane *plane)
{
    struct list *link;

    while ((link = list_pop(&plane->dead_sessions)) != NULL) {
        uv_close(&LIST_ENTRY(link, struct session, all)->io.handle, on_closed);
    }
}

void session_end(struct session *session)
{
    if (session->state == SESSION_OPEN) {
        session->state = SESSION_ENDING;
        session->swallow = 0;
        free(inbuf_take(&session->in));
        session_touch(session);
    }
}

/* ---- requests and replies ---------------------------------------------------------------- */

void session_touch(struct session *session)
{
    if (session->state != SESSION_CLOSED && list_empty(&session->dirty)) {
        list_append(&session->plane->dirty_sessions, &session->dirty);
    }
}

void session_append(struct session *session, struct request *request)
{
    if (session->last == NULL) {
        session->first = request;
    } else {
        session->last->next_in_session = request;
    }
    session->last = request;
    session->n_open++;
    session->n_work += request->work;
    request->in_session = true;
    gauge_add(&session->plane->feedback->requests_open, 1);
}

void session_advance(struct session *session)
{
    struct plane *plane = session->plane;
    struct request *request;

    while ((request = session->first) != NULL) {
        if (request->reply.bytes > 0) {
            session->held_bytes -= request->reply.bytes;
            session->first_bytes += request->reply.bytes;
            request->emitted = true;
            outq_move(&session->out.queue, &request->reply);
            session_touch(session);
        }
        if (!request->done) {
            break;
        }
        pop_first(session);
        request_release(plane, request);
    }
    if (session->paused || session->state == SESSION_ENDING || plane->draining) {
        session_touch(session);
    }
}

void session_answer(struct session *session, unsigned command, struct slice text, bool stable,
                    enum feedback_outcome outcome)
{
    struct plane *plane = session->plane;
    struct request *request = request_create(plane, session, command,
                                             session->listener->config->pool, slice_make(NULL, 0));

    session_append(session, request);
    request_write(plane, request, text, stable);
    request_finish(plane, request, outcome);
}

/* Not idle: bytes came or went. Keeps the list of all sessions in the order of time. */
static void note_activity(struct session *session)
{
    struct plane *plane = session->plane;

    session->active_us = plane_now(plane);
    if (plane->config->idle_us > 0) {
        list_remove(&session->all);
        list_append(&plane->all_sessions, &session->all);
    }
}

/* ---- input ------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct session *session = handle->data;

    (void)suggested;
    *buf = inbuf_read_buffer(&session->in);
    if (buf->base == NULL) {
        *buf = plane_read_buffer(session->plane);
    }
}

static bool is_busy(const struct session *session)
{
    size_t waiting = session->out.queue.bytes + session->held_bytes;

    return session->n_open >= SESSION_MAX_OPEN || session->n_work >= SESSION_MAX_WORK ||
           waiting >= SESSION_BUSY_OUTPUT ||
           waiting > session->plane->config->client_output_bytes / 2;
}

static bool may_resume(const struct session *session)
{
    size_t waiting = session->out.queue.bytes + session->held_bytes;

    return session->n_open <= SESSION_MAX_OPEN / 2 && session->n_work <= SESSION_MAX_WORK / 2 &&
           waiting < SESSION_BUSY_OUTPUT / 2 &&
           waiting <= session->plane->config->client_output_bytes / 4;
}

static size_t swallow(struct session *session, struct slice in)
{
    size_t n = session->swallow < in.len ? (size_t)session->swallow : in.len;

    session->swallow -= n;
    return n;
}

/* Returns how much of [in] was consumed. */
static size_t parse(struct session *session, struct slice in, bool stable)
{
    size_t done = 0;

    session->in.need = 0;
    while (done < in.len && session->state == SESSION_OPEN) {
        size_t used;

        if (session->swallow > 0) {
            done += swallow(session, slice_skip(in, done));
            continue;
        }
        if (is_busy(session)) {
            session->paused = true;
            break;
        }
        used = session_codec(session)->on_input(session, slice_skip(in, done), stable);
        if (used == 0) {
            break;
        }
        done += used;
    }
    return session->state == SESSION_OPEN ? done : in.len;
}

/* Parse what waits in the session's own buffer. */
static void parse_waiting(struct session *session)
{
    if (session->in.len > 0 && inbuf_is_ready(&session->in)) {
        size_t need, used = parse(session, inbuf_slice(&session->in), false);

        need = session->in.need;
        if (session->in.data != NULL) { /* the codec may have taken it */
            inbuf_drop(&session->in, used);
        }
        session->in.need = need;
    }
}

static void on_bytes(struct session *session, struct slice bytes, bool in_place)
{
    if (in_place) {
        parse_waiting(session);
        return;
    }
    if (session->in.len > 0) {
        inbuf_append(&session->in, bytes);
        parse_waiting(session);
        return;
    }
    inbuf_append(&session->in, slice_skip(bytes, parse(session, bytes, true)));
}

static void set_reading(struct session *session);

static void on_input_end(struct session *session, ssize_t status)
{
    session->eof = true;
    if (status != UV_EOF || session->state == SESSION_LINGERING) {
        session_close(session);
    } else if (!session->paused) {
        session_end(session);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct session *session = stream->data;
    struct plane *plane = session->plane;
    bool in_place =
        session->in.data != NULL && (uint8_t *)buf->base == session->in.data + session->in.len;

    if (n == 0 || session->state == SESSION_CLOSED) {
        return;
    }
    if (n < 0) {
        on_input_end(session, n);
        return;
    }
    counter_add(&plane->feedback->client_bytes_received, (uint64_t)n);
    if (in_place) {
        inbuf_read_used(&session->in, (size_t)n);
    } else {
        plane_read_used(plane, (size_t)n);
    }
    if (session->state != SESSION_OPEN) {
        return;
    }
    note_activity(session);
    on_bytes(session, slice_make(buf->base, (size_t)n), in_place);
    set_reading(session);
    if (plane->draining) {
        session_touch(session); /* what was to be whole may have ended without an answer */
    }
}

/* Read unless parsing is paused; a change costs a system call, so it is rare. */
static void set_reading(struct session *session)
{
    bool wanted = !session->paused && !session->eof && session->state != SESSION_CLOSED;

    if (wanted == session->reading) {
        return;
    }
    session->reading = wanted;
    if (wanted) {
        if (uv_read_start(&session->io.stream, on_alloc, on_read) != 0) {
            session_close(session);
        }
    } else {
        uv_read_stop(&session->io.stream);
    }
}

void session_resume(struct session *session)
{
    session->paused = false;
    parse_waiting(session);
    if (session->eof && !session->paused) {
        session_end(session);
    }
    set_reading(session);
    session_touch(session);
}

void *session_take_input(struct session *session, struct slice bytes)
{
    if (session->in.data != bytes.data || session->in.len != bytes.len) {
        return NULL;
    }
    return inbuf_take(&session->in);
}

/* ---- output ------------------------------------------------------------------------------ */

static void on_idle_timer(uv_timer_t *timer);

/* Have the lingering sessions looked at in time, however far away the idle ones' time is. */
static void arm_linger(struct plane *plane)
{
    uint64_t wait_ms = SESSION_LINGER_US / 1000 + 1;

    if (!plane->stopping && (!uv_is_active((uv_handle_t *)&plane->idle_timer) ||
                             uv_timer_get_due_in(&plane->idle_timer) > wait_ms)) {
        uv_timer_start(&plane->idle_timer, on_idle_timer, wait_ms, 0);
    }
}

/* Everything is sent. Shut our side and wait for the client's end: closing with unread input would
 * send a reset, and a reset may take replies back that the client has not read yet. */
static void linger(struct session *session)
{
    struct plane *plane = session->plane;
    uv_os_fd_t fd;

    if (session->eof || uv_fileno(&session->io.handle, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        session_close(session);
        return;
    }
    session->state = SESSION_LINGERING;
    session->paused = false;
    session->active_us = plane_now(plane);
    list_remove(&session->waiting);
    list_append(&plane->lingering_sessions, &session->waiting);
    set_reading(session);
    arm_linger(plane);
}

static void close_overflowed(struct session *session)
{
    counter_add(&session->plane->feedback->clients_overflowed, 1);
    log_debug("client %s closed: too many bytes wait for it", session_peer(session));
    session_close(session);
}

/* Does more output wait for this client than limits.client_output allows? One answer alone, a large
 * multi-get, may use more: its client had no chance to read any of it yet. Replies that wait for a
 * slow shard are not the client's fault; they have a bound of their own. */
static bool is_over(const struct session *session)
{
    uint64_t limit = session->plane->config->client_output_bytes;
    uint64_t waiting = session->out.queue.bytes;
    uint64_t largest = session->largest_bytes > session->first_bytes ? session->largest_bytes
                                                                     : session->first_bytes;

    if (session->held_bytes > FANOUT_HELD_MAX) {
        return true;
    }
    return waiting > limit && (waiting > limit + largest || waiting > limit + FANOUT_HELD_MAX);
}

/* Output waits for the client to read: a drain that ends now cuts a reply. */
static void set_blocked(struct session *session, bool blocked)
{
    if (blocked != session->blocked) {
        session->blocked = blocked;
        gauge_add(&session->plane->feedback->clients_blocked, blocked ? 1 : -1);
    }
}

static bool has_ended(const struct session *session)
{
    if (session->first != NULL || session->out.queue.bytes > 0) {
        return false;
    }
    if (session->state == SESSION_OPEN) { /* a drain waits for the client's request to be whole */
        return session->plane->draining && session->in.len == 0 && session->swallow == 0;
    }
    return session->state == SESSION_ENDING;
}

void session_flush(struct session *session)
{
    struct plane *plane = session->plane;
    int err;

    list_remove(&session->dirty);
    if (session->state == SESSION_CLOSED) {
        return;
    }
    err = outlet_flush(&session->out);
    if (session->out.n_sent > 0) {
        counter_add(&plane->feedback->client_bytes_sent, session->out.n_sent);
        session->out.n_sent = 0;
        note_activity(session);
    }
    set_blocked(session, session->out.queue.bytes > 0);
    if (session->out.queue.bytes == 0) {
        session->largest_bytes = 0;
    }
    if (err < 0) {
        session_close(session);
    } else if (is_over(session)) {
        close_overflowed(session);
    } else if (has_ended(session)) {
        linger(session);
    } else if (session->paused && may_resume(session) && list_empty(&session->waiting)) {
        list_append(&plane->waiting_sessions, &session->waiting);
    }
}

static void on_written(struct outlet *outlet, int status)
{
    struct session *session = LIST_ENTRY(outlet, struct session, out);

    if (session->state == SESSION_CLOSED) {
        return;
    }
    if (status < 0) {
        session_close(session);
    } else {
        session_touch(session);
    }
}

/* ---- beginning --------------------------------------------------------------------------- */

static int open_handle(struct session *session, int fd)
{
    int err;

    if (session->listener->config->bind.kind == CONFIG_ADDRESS_TCP) {
        (void)uv_tcp_init(&session->plane->loop, &session->io.tcp); /* no descriptor: cannot fail */
        err = uv_tcp_open(&session->io.tcp, fd);
    } else {
        (void)uv_pipe_init(&session->plane->loop, &session->io.pipe, 0);
        err = uv_pipe_open(&session->io.pipe, fd);
    }
    session->io.handle.data = session;
    if (err != 0) {
        (void)close(fd);
    }
    return err;
}

static void set_options(struct session *session)
{
    if (session->listener->config->bind.kind == CONFIG_ADDRESS_TCP) {
        uv_tcp_nodelay(&session->io.tcp, 1);
        uv_tcp_keepalive(&session->io.tcp, 1, SESSION_KEEPALIVE_S);
    }
}

static bool is_refused(struct session *session)
{
    struct plane *plane = session->plane;
    uint32_t before = atomic_fetch_add_explicit(plane->options.n_clients, 1, memory_order_relaxed);
    uv_buf_t text;

    if (before < plane->options.max_clients) {
        return false;
    }
    atomic_fetch_sub_explicit(plane->options.n_clients, 1, memory_order_relaxed);
    counter_add(&plane->feedback->clients_refused, 1);
    text.base = (char *)(uintptr_t)session_codec(session)->refusal;
    text.len = strlen(text.base);
    (void)uv_try_write(&session->io.stream, &text, 1); /* a courtesy, it may fail */
    return true;
}

void session_accept(struct plane *plane, const struct listener *listener, int fd)
{
    struct session *session = freelist_get(&plane->sessions);

    memset(session, 0, sizeof(*session));
    session->plane = plane;
    session->listener = listener;
    list_init(&session->all);
    list_init(&session->dirty);
    list_init(&session->waiting);
    if (open_handle(session, fd) != 0 || is_refused(session)) {
        session->state = SESSION_CLOSED;
        uv_close(&session->io.handle, on_closed); /* at once: it may be the last descriptor */
        return;
    }
    set_options(session);
    session->id = plane->next_session_id++;
    session->active_us = plane_now(plane);
    session->out = (struct outlet){.stream = &session->io.stream,
                                   .pool = &plane->segments,
                                   .writes = &plane->writes,
                                   .on_written = on_written};
    list_append(&plane->all_sessions, &session->all);
    gauge_add(&plane->feedback->clients, 1);
    counter_add(&plane->feedback->clients_accepted, 1);
    set_reading(session);
}

/* ---- time -------------------------------------------------------------------------------- */

static uint64_t close_older(struct plane *plane, struct list *sessions, bool idle, uint64_t age_us)
{
    uint64_t now_us = plane_now(plane);
    struct list *link, *next;

    for (link = sessions->next; link != sessions; link = next) {
        struct session *session = idle ? LIST_ENTRY(link, struct session, all)
                                       : LIST_ENTRY(link, struct session, waiting);

        next = link->next;
        if (now_us < session->active_us + age_us) {
            return session->active_us + age_us - now_us;
        }
        if (idle && (session->first != NULL || session->out.queue.bytes > 0)) {
            continue; /* not idle: it waits for us, or reads */
        }
        if (idle) {
            counter_add(&plane->feedback->clients_idle_closed, 1);
        }
        session_close(session);
    }
    return age_us;
}

static void on_idle_timer(uv_timer_t *timer)
{
    struct plane *plane = timer->data;

    session_check_idle(plane);
    plane_flush(plane);
}

void session_check_idle(struct plane *plane)
{
    uint64_t wait_us = UINT64_MAX;

    if (plane->config->idle_us > 0) {
        wait_us = close_older(plane, &plane->all_sessions, true, plane->config->idle_us);
    }
    if (!list_empty(&plane->lingering_sessions)) {
        uint64_t linger_us =
            close_older(plane, &plane->lingering_sessions, false, SESSION_LINGER_US);

        wait_us = linger_us < wait_us ? linger_us : wait_us;
    }
    if (wait_us != UINT64_MAX && !plane->stopping) {
        uv_timer_start(&plane->idle_timer, on_idle_timer, wait_us / 1000 + 1, 0);
    }
}
