/*
 * The open requests of a client that pipelines them (memcached): answered in the order in which they
 * came, whatever the order in which shards answer.
 */
#include "data/fanout.h"
#include "data/session.h"

#define MAX_OPEN    1024u          /* requests in flight; beyond it parsing pauses */
#define MAX_WORK    16384u         /* keys and legs in flight; beyond it parsing pauses */
#define BUSY_OUTPUT (256u * 1024u) /* waiting output at which parsing pauses */

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
void session_queue_cancel(struct session *session)
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

bool session_queue_is_busy(const struct session *session)
{
    size_t waiting = session->out.queue.bytes + session->held_bytes;

    return session->n_open >= MAX_OPEN || session->n_work >= MAX_WORK || waiting >= BUSY_OUTPUT ||
           waiting > session->plane->config->client_output_bytes / 2;
}

bool session_queue_may_resume(const struct session *session)
{
    size_t waiting = session->out.queue.bytes + session->held_bytes;

    return session->n_open <= MAX_OPEN / 2 && session->n_work <= MAX_WORK / 2 &&
           waiting < BUSY_OUTPUT / 2 && waiting <= session->plane->config->client_output_bytes / 4;
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

bool session_queue_is_open(const struct session *session)
{
    return session->first != NULL;
}

void session_queue_on_flushed(struct session *session)
{
    if (session->out.queue.bytes == 0) {
        session->largest_bytes = 0;
    }
    if (is_over(session)) {
        session_close_overflowed(session);
    }
}

void session_queue_on_expired(struct session *session)
{
    if (session->first == NULL && session->out.queue.bytes == 0) { /* else it waits for us */
        counter_add(&session->plane->feedback->clients_idle_closed, 1);
        session_close(session);
    }
}
