#include "data/session.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

#define SESSION_LINGER_BYTES (64u * 1024u * 1024u) /* of input that comes meanwhile */
#define SESSION_LINGER_US    2000000u              /* for the client to close, after we have */

const struct codec *session_codec(const struct session *session)
{
    return session->listener->codec;
}

static bool is_http(const struct listener *listener)
{
    return listener->config->protocol == CONFIG_HTTP;
}

static struct freelist *sessions_of(struct plane *plane, const struct listener *listener)
{
    return is_http(listener) ? &plane->http_sessions : &plane->sessions;
}

/* ---- the end of a session ---------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct session *session = handle->data;
    struct plane *plane = session->plane;

    outq_clear(&session->out.queue, &plane->segments);
    free(inbuf_take(&session->in));
    freelist_put(sessions_of(plane, session->listener), session);
}

void session_close(struct session *session)
{
    struct plane *plane = session->plane;

    if (session->state == SESSION_CLOSED) {
        return;
    }
    session->state = SESSION_CLOSED;
    session_codec(session)->cancel(session);
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

static uint64_t phase_limit_us(const struct plane *plane, enum session_phase phase)
{
    switch (phase) {
    case SESSION_PHASE_QUEUE:
        return plane->config->idle_us;
    case SESSION_PHASE_IDLE:
        return plane->config->keep_alive_us;
    case SESSION_PHASE_HEAD:
        return plane->config->head_us;
    case SESSION_PHASE_BODY:
        return plane->config->body_us;
    case SESSION_PHASE_LINGER:
        return SESSION_LINGER_US;
    case SESSION_PHASE_WAIT:
    case SESSION_N_PHASES:
        break;
    }
    return 0;
}

static void on_phase_timer(uv_timer_t *timer)
{
    struct plane *plane = timer->data;

    session_check_phases(plane);
    plane_flush(plane);
}

/* Look at the sessions in [wait_us] or before. */
static void arm(struct plane *plane, uint64_t wait_us)
{
    uint64_t due_us = plane_now(plane) + wait_us;

    if (!plane->stopping && (plane->phase_due_us == 0 || due_us < plane->phase_due_us)) {
        plane->phase_due_us = due_us;
        uv_update_time(&plane->loop);
        uv_timer_start(&plane->phase_timer, on_phase_timer, wait_us / 1000 + 1, 0);
    }
}

/* Each phase's list is in the order of time, so that only its first sessions are looked at. */
void session_enter(struct session *session, enum session_phase phase)
{
    struct plane *plane = session->plane;
    uint64_t limit_us = phase_limit_us(plane, phase);

    if (session->state == SESSION_CLOSED) {
        return;
    }
    session->active_us = plane_now(plane);
    if (phase != session->phase || limit_us > 0) {
        session->phase = (uint8_t)phase;
        list_remove(&session->all);
        list_append(&plane->phases[phase], &session->all);
    }
    if (limit_us > 0) {
        arm(plane, limit_us);
    }
}

/* Bytes came or went: the time limit begins anew, where it is one of progress. */
static void note_activity(struct session *session)
{
    if (session->phase == SESSION_PHASE_QUEUE || session->phase == SESSION_PHASE_BODY) {
        session_enter(session, session->phase);
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
    if (session_codec(session)->streams && buf->len > session->plane->config->stream_buffer_bytes) {
        buf->len = session->plane->config->stream_buffer_bytes;
    }
}

static size_t swallow(struct session *session, struct slice in)
{
    size_t n = session->swallow < in.len ? (size_t)session->swallow : in.len;

    session->swallow -= n;
    return n;
}

/* Returns how much of [in] was consumed. */
static ssize_t parse(void *owner, struct slice in, bool stable)
{
    struct session *session = owner;
    const struct codec *codec = session_codec(session);
    size_t done = 0;

    while (done < in.len && session->state == SESSION_OPEN) {
        size_t used;

        if (session->swallow > 0) {
            done += swallow(session, slice_skip(in, done));
            continue;
        }
        if (codec->is_busy(session)) {
            session->paused = true;
            break;
        }
        used = codec->on_input(session, slice_skip(in, done), stable);
        if (used == 0) {
            break;
        }
        done += used;
    }
    return (ssize_t)(session->state == SESSION_OPEN ? done : in.len);
}

static void set_reading(struct session *session);

/* libuv reports the end of input for a reset, too, when bytes came before it. A client that has only
 * closed its own side can still be written to. */
static bool is_gone(const struct session *session)
{
    struct pollfd client = {.events = 0};
    uv_os_fd_t fd;

    if (uv_fileno(&session->io.handle, &fd) != 0) {
        return true;
    }
    client.fd = fd;
    return poll(&client, 1, 0) > 0 && (client.revents & (POLLHUP | POLLERR)) != 0;
}

static void on_input_end(struct session *session, ssize_t status)
{
    session->eof = true;
    if (status != UV_EOF || session->state == SESSION_LINGERING ||
        (session_codec(session)->is_open(session) && is_gone(session))) {
        session_close(session);
    } else if (!session->paused) {
        session_codec(session)->on_input_end(session);
    }
}

/* Input after our end, so that the client can finish and read; but not for ever. */
static void discard_input(struct session *session, size_t n)
{
    session->swallow += n;
    if (session->swallow > SESSION_LINGER_BYTES) {
        session_close(session);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct session *session = stream->data;
    struct plane *plane = session->plane;
    bool in_place = inbuf_is_in_place(&session->in, buf);

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
        discard_input(session, (size_t)n);
        return;
    }
    note_activity(session);
    (void)inbuf_feed(&session->in, slice_make(buf->base, (size_t)n), in_place, parse, session);
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
    if (session->state != SESSION_OPEN) {
        return;
    }
    session->paused = false;
    (void)inbuf_feed(&session->in, slice_make(NULL, 0), true, parse, session);
    if (session->eof && !session->paused && session->state == SESSION_OPEN) {
        session_codec(session)->on_input_end(session);
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

/* Everything is sent. Shut our side and wait for the client's end: closing with unread input would
 * send a reset, and a reset may take replies back that the client has not read yet. */
static void linger(struct session *session)
{
    uv_os_fd_t fd;

    if (session->eof || (session->closes_plainly && session->in.len == 0) ||
        uv_fileno(&session->io.handle, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        session_close(session);
        return;
    }
    session->state = SESSION_LINGERING;
    session->paused = false;
    list_remove(&session->waiting);
    session_enter(session, SESSION_PHASE_LINGER);
    set_reading(session);
}

void session_close_overflowed(struct session *session)
{
    counter_add(&session->plane->feedback->clients_overflowed, 1);
    log_debug("client %s closed: too many bytes wait for it", session_peer(session));
    session_close(session);
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
    if (session->out.queue.bytes > 0 || session_codec(session)->is_open(session)) {
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
    if (err < 0) {
        session_close(session);
        return;
    }
    session_codec(session)->on_flushed(session);
    if (session->state == SESSION_CLOSED) {
        return;
    }
    if (has_ended(session)) {
        linger(session);
    } else if (session->paused && session_codec(session)->may_resume(session) &&
               list_empty(&session->waiting)) {
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

    (void)uv_tcp_init(&session->plane->loop, &session->io.tcp); /* no descriptor: cannot fail */
    err = uv_tcp_open(&session->io.tcp, fd);
    session->io.handle.data = session;
    if (err != 0) {
        (void)close(fd);
    }
    return err;
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

void session_accept(struct plane *plane, const struct listener *listener, int fd,
                    const struct session_address *address)
{
    struct freelist *sessions = sessions_of(plane, listener);
    struct session *session = freelist_get(sessions);

    memset(session, 0, sessions->size);
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
    if (!is_http(listener)) {
        session->id = plane->next_session_id++;
    }
    session->address = *address;
    session->phase = SESSION_N_PHASES;
    session->out = (struct outlet){
        .stream = &session->io.stream, .pool = &plane->segments, .on_written = on_written};
    session_enter(session, session_codec(session)->first_phase);
    gauge_add(&plane->feedback->clients, 1);
    counter_add(&plane->feedback->clients_accepted, 1);
    set_reading(session);
}

/* ---- time -------------------------------------------------------------------------------- */

/* Returns when to look again; 0: never. */
static uint64_t check_phase(struct plane *plane, enum session_phase phase, uint64_t now_us)
{
    uint64_t limit_us = phase_limit_us(plane, phase);
    struct list *sessions = &plane->phases[phase], *link, *next;

    for (link = sessions->next; limit_us > 0 && link != sessions; link = next) {
        struct session *session = LIST_ENTRY(link, struct session, all);

        next = link->next;
        if (now_us < session->active_us + limit_us) {
            return session->active_us + limit_us;
        }
        if (phase == SESSION_PHASE_LINGER) {
            session_close(session);
        } else {
            session_codec(session)->on_expired(session);
        }
    }
    return limit_us > 0 && !list_empty(sessions) ? now_us + limit_us : 0;
}

void session_check_phases(struct plane *plane)
{
    uint64_t now_us = plane_now(plane);

    plane->phase_due_us = 0;
    for (unsigned phase = 0; phase < SESSION_N_PHASES; phase++) {
        uint64_t due_us = check_phase(plane, (enum session_phase)phase, now_us);

        if (due_us != 0) {
            arm(plane, due_us - now_us);
        }
    }
}
