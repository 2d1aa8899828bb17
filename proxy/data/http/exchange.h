/*
 * One HTTP request of a client and its response.
 *
 * Story: the request's head is parsed, matched with a route, and its key placed on the ring; a new
 * head is written, and sent on a connection of the shard's replica. The request's body follows as it
 * comes, as fast as the replica takes it; the response comes back the same way, as fast as the client
 * takes it. When both are complete the connection goes back to its pool and the client's next request
 * is looked at.
 *
 * And when it does not go well:
 *  - Nothing of the response has been passed on: the request is sent once more, to another replica if
 *    there is one, when the first has seen nothing of it, or when the method is idempotent and no
 *    body was sent; else the client is answered 502, 503 or 504.
 *  - A part has been passed on: the client's connection is closed, so that the response is seen to be
 *    incomplete. It is never completed on the shard's behalf.
 *  - The final response comes before the request's body is complete: it is passed on, the rest of the
 *    body is not, and both connections end.
 *  - The client goes away: the shard's connection is closed. A client that has only closed its own
 *    side gets its response.
 *  - After 101 (Switching Protocols) bytes are passed on both ways. When the client has closed its side
 *    the shard is told so, and may go on; when the shard closes the tunnel ends.
 *
 * exchange.c begins, routes and ends; exchange_request.c takes the client's body; exchange_response.c
 * the shard's answer; http_head.c writes heads, http_answer.c answers of our own.
 */
#ifndef RINGWAY_DATA_HTTP_EXCHANGE_H
#define RINGWAY_DATA_HTTP_EXCHANGE_H

#include "data/http/http_conn.h"
#include "data/session.h"

#define EXCHANGE_HEAD_BYTES 1536u /* a longer head has memory of its own */

enum exchange_state {
    EXCHANGE_WAITING,    /* for the final response's head */
    EXCHANGE_RESPONDING, /* its body is being passed on */
    EXCHANGE_TUNNEL,     /* after 101 */
};

/* How far a body has come, in one direction. */
struct exchange_body {
    enum http1_body kind;
    bool done;        /* all of it has been passed on, the last chunk too */
    bool in_trailers; /* CHUNKED: the last chunk has come */
    uint64_t left;    /* LENGTH: bytes to come */
    uint64_t n_bytes; /* passed on so far, without framing */
    struct http1_chunks chunks;
    struct http1_scan scan; /* of the trailer section */
};

struct exchange {
    struct session *session;
    struct http_conn *conn; /* NULL: none yet, or no more */
    const struct config_http_route *route;
    struct upstream *upstream;               /* the one that was tried last */
    uint64_t start_us, sent_us, upstream_us; /* upstream_us: sent_us to the response's head */
    uint64_t hash;                           /* of the key, in its pool's ring */
    uint32_t shard_pool, shard;              /* REQUEST_NO_SHARD: not routed */
    enum exchange_state state;
    enum http1_method method;
    int status; /* of the response passed on, or of our answer; 0: none yet */
    struct exchange_body request, response;
    unsigned client_minor;
    bool keep_alive;       /* the client's connection can have another request after this one */
    bool chunked_out;      /* the response's body is passed on in chunks */
    bool response_keeps;   /* the shard's connection can have another request after this one */
    bool upgrades;         /* an upgrade was asked for and passed on */
    bool has_key;          /* else the hash is random */
    bool on_kept_conn;     /* and went there on a connection that had been used before */
    bool expects_continue; /* the body may wait for an interim response */
    uint32_t n_interim;    /* 1xx responses so far */
    bool has_answer;       /* bytes of a response have come */
    bool is_loaded;        /* counted in the pool's load */
    bool output_lost;      /* the replica takes no more of the request */
    uint32_t retries;
    /* The request's head as it is sent: a line, Host, the rest; then the key. */
    struct http1_writer head;
    size_t method_len, target_len, host_at, host_len, head_len, key_len;
    uint8_t room[EXCHANGE_HEAD_BYTES];
};

/** Begin to serve [request] of [session], which has no exchange. The slices of [request] are needed
 * during the call only. */
void exchange_begin(struct session *session, const struct http1_request *request);

/** May a part of the request's body, or of a tunnel's bytes, be taken now? */
bool exchange_takes_input(const struct exchange *exchange);

/** Take what comes after the request's head. Returns the bytes consumed; 0: more are needed. */
size_t exchange_on_input(struct exchange *exchange, struct slice in, bool stable);

/** The client will send nothing more. */
void exchange_on_input_end(struct exchange *exchange);

/** The client's output was sent; what waits still is in the session. */
void exchange_on_flushed(struct exchange *exchange);

/** The client's time is up: it sends or reads too slowly. */
void exchange_on_client_late(struct exchange *exchange);

/** The client has gone. Frees the exchange. */
void exchange_cancel(struct exchange *exchange);

/* ---- called by its connection ------------------------------------------------------------ */

/** The connection is open, and ours. */
void exchange_on_open(struct exchange *exchange);

/** Take what the shard sent. Returns the bytes consumed, 0 when more are needed, -1 when it is no
 * HTTP response. The exchange may have ended, and the connection been given back, afterwards. */
ssize_t exchange_on_response(struct exchange *exchange, struct slice in, bool stable);

/** Bytes of the response were taken. When they are many they are sent now, and no more is read if the
 * client does not take them: a turn may read many times. */
void exchange_pass_on(struct exchange *exchange);

/** The shard has closed its side. Returns whether that ends the response as it should; the exchange
 * has then given the connection up. */
bool exchange_on_response_end(struct exchange *exchange);

/** What was queued for the shard has been sent, as far as the kernel takes it. */
void exchange_on_request_flushed(struct exchange *exchange);

/** The shard takes no more of the request; it may have answered. */
void exchange_on_output_lost(struct exchange *exchange);

/** The connection is no more. [why] A literal. */
void exchange_on_lost(struct exchange *exchange, enum http_conn_loss loss, const char *why);

/** Is the shard, or the whole exchange, late? Deals with it. Returns when to look again; 0: never. */
uint64_t exchange_check_time(struct exchange *exchange, uint64_t now_us);

/** Would the loss of its connection be the shard's failure? Not of a tunnel: either side ends it. */
bool exchange_needs_conn(const struct exchange *exchange);

/** May the request be sent again without another effect? */
bool exchange_is_idempotent(const struct exchange *exchange);

/* ---- among its files --------------------------------------------------------------------- */

/** A part of the head that was written for the shard. */
static inline struct slice exchange_head_part(const struct exchange *exchange, size_t at,
                                              size_t len)
{
    return slice_make(exchange->head.data + at, len);
}

/** What the ring was asked for; empty without a key. */
static inline struct slice exchange_key(const struct exchange *exchange)
{
    return exchange_head_part(exchange, exchange->head_len, exchange->key_len);
}

/** It has ended: a line for the access log, which is on, if it wants one. [is_own] We answered. */
void exchange_log(const struct exchange *exchange, enum feedback_http_result result, bool is_own);

/** Answer with an error of our own, and end the exchange. */
void exchange_fail(struct exchange *exchange, int status, const char *why);

/** The response is complete: end the exchange. Frees it. */
void exchange_finish(struct exchange *exchange);

/** The response cannot be completed: the client is cut off. Frees the exchange. */
void exchange_cut(struct exchange *exchange);

/** Passes bytes of a body on; [stable] as for http_conn_write(). */
typedef void exchange_write_fn(struct exchange *exchange, struct slice bytes, bool stable);

/** Pass [data] on by [write], as a chunk. */
void exchange_write_chunk(struct exchange *exchange, struct slice data, bool stable,
                          exchange_write_fn *write);

/** Take chunks of [body] from [in] up to the last one, and give their data to [take], which may not
 * end the exchange. Returns the bytes consumed, or -1 if they are malformed. */
ssize_t exchange_take_chunks(struct exchange *exchange, struct exchange_body *body, struct slice in,
                             bool stable, exchange_write_fn *take);

/** Take the trailer section behind the last chunk of [body], and write that chunk and what may be
 * passed on to [to]; NULL: nothing is. Returns the bytes consumed, 0 when more are needed, -1 if it is
 * malformed, with the reason in [*error]. */
ssize_t exchange_take_trailers(struct exchange *exchange, struct exchange_body *body,
                               struct slice in, struct outq *to, const char **error);

/** Set which of the client's time limits holds. */
void exchange_set_phase(struct exchange *exchange);

#endif
