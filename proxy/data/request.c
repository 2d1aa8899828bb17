#include "data/request.h"

#include <assert.h>

#include "data/access_log.h"
#include "data/fanout.h"
#include "data/session.h"
#include "data/upstream.h"

struct request *request_create(struct plane *plane, struct session *session, unsigned command,
                               uint32_t pool, struct slice key)
{
    struct request *request = freelist_get(&plane->requests);

    memset(request, 0, offsetof(struct request, key));
    request->session = session;
    request->start_us = plane_now(plane);
    request->command = (uint8_t)command;
    request->work = 1;
    request->pool = (uint16_t)pool;
    request->shard_pool = (uint16_t)pool;
    request->shard = REQUEST_NO_SHARD;
    request->key_len = (uint8_t)key.len;
    if (key.len > 0) {
        memcpy(request->key, key.data, key.len);
    }
    return request;
}

void request_write(struct plane *plane, struct request *request, struct slice bytes, bool stable)
{
    struct session *session = request->session;

    if (session == NULL || request->done || request->noreply || bytes.len == 0) {
        return;
    }
    if (session->first != request) {
        outq_copy(&request->reply, &plane->segments, bytes);
        session->held_bytes += bytes.len;
        if (session->held_bytes > FANOUT_HELD_MAX) {
            session_touch(session); /* it has to be closed */
        }
    } else {
        request->emitted = true;
        session->first_bytes += bytes.len;
        if (stable) {
            outq_borrow(&session->out.queue, &plane->segments, bytes);
        } else {
            outq_copy(&session->out.queue, &plane->segments, bytes);
        }
        session_touch(session);
    }
}

void request_finish(struct plane *plane, struct request *request, enum feedback_outcome outcome)
{
    struct feedback_pool *pool = &plane->feedback->pools[request->pool];

    request->done = true;
    request->outcome = (uint8_t)outcome;
    if (request->command != REQUEST_NO_COMMAND) {
        counter_add(&pool->requests[request->command][outcome], 1);
        histogram_record(&pool->latency[request->command], plane_now(plane) - request->start_us);
    }
    if (plane->access != NULL) {
        access_log_request(plane->access, request, plane_now(plane));
    }
    if (!request->in_session) {
        request_release(plane, request);
        return;
    }
    assert(request->session != NULL);
    if (request->session->first == request) {
        session_advance(request->session);
    }
}

void request_fail(struct plane *plane, struct request *request, enum feedback_outcome why)
{
    struct session *session = request->session;

    if (request->done) { /* expired or cancelled before */
        request_release(plane, request);
        return;
    }
    if (request->is_leg) {
        fanout_leg_done(plane, request, why, slice_make(NULL, 0));
        return;
    }
    if (session != NULL && request->emitted) {
        counter_add(&plane->feedback->clients_cut, 1);
        session_close(session);
        return;
    }
    if (session != NULL) {
        session->held_bytes -= request->reply.bytes;
        outq_clear(&request->reply, &plane->segments);
        session_codec(session)->pipeline->write_failure(plane, request, why);
    }
    request_finish(plane, request, why);
}

void request_release(struct plane *plane, struct request *request)
{
    if (request->in_session || request->in_conn || !request->done) {
        return;
    }
    outq_clear(&request->reply, &plane->segments);
    if (request->fanout != NULL) {
        fanout_destroy(request);
    }
    freelist_put(&plane->requests, request);
}
