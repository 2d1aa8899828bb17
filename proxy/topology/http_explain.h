/*
 * Where an HTTP request would go, without sending it: for `ringway --route-url` and GET /route?url=.
 * A request head is put together and read by the parser of the proxy, so that what is said here is
 * what the proxy does. Health, retries and bounded loads are not looked at: the answer is the home.
 */
#ifndef RINGWAY_TOPOLOGY_HTTP_EXPLAIN_H
#define RINGWAY_TOPOLOGY_HTTP_EXPLAIN_H

#include "topology/http_route.h"
#include "topology/topology.h"

#define HTTP_EXPLAIN_PROBLEM_BYTES 512u

/* Who asks, when nobody is named and the listener is not a Unix socket. */
#define HTTP_EXPLAIN_CLIENT "127.0.0.1"

/* What becomes of a request. X(NAME, reason): reason is NULL where it is made up, see
 * http_explain_reason(). */
#define HTTP_EXPLAIN_RESULTS(X)                                                                    \
    X(HOME, "home")                                                                                \
    X(RANDOM, "no key: any shard, by key_missing: random")                                         \
    X(NO_KEY, "no key: answered with 400, by key_missing: error")                                  \
    X(NO_ROUTE, "no route: answered with 404")                                                     \
    X(REFUSED, NULL)

enum http_explain_result {
#define X(name, reason) HTTP_EXPLAIN_##name,
    HTTP_EXPLAIN_RESULTS(X)
#undef X
};

/* A request as a person describes it. All borrowed. */
struct http_explain_query {
    struct slice method;         /* empty: GET */
    struct slice url;            /* http://HOST[:PORT][/PATH][?QUERY][#FRAGMENT], /PATH... or * */
    const struct slice *headers; /* n_headers: `Name: value`; a Host takes the place of the URL's */
    size_t n_headers;
    struct slice client;   /* the address that connects; empty: HTTP_EXPLAIN_CLIENT */
    struct slice listener; /* its option bind, as in the file; empty: the first that speaks HTTP */
};

struct http_explain {
    enum http_explain_result result;
    const struct config_listener *listener;
    const struct config_http_route *route; /* NULL: NO_ROUTE, REFUSED */
    size_t route_number;                   /* from 1, as they stand in the file; 0: none */
    const struct topology_pool *pool;      /* NULL: as route */
    uint32_t pool_index;
    const struct config_key *template; /* what made the key; NULL: not HOME */
    struct slice key;                  /* empty: not HOME */
    uint64_t hash;                     /* HOME */
    uint32_t shard;                    /* HOME: an index into the pool's shards */
    struct http1_request request;      /* REFUSED: status and error only */
    uint8_t *memory;                   /* what the slices point into */
};

/**
 * Explain [query].
 *
 * [out]     Set on success; http_explain_deinit() frees what it owns. Points into [topology].
 * [problem] On failure receives what is wrong with [query] and what is accepted.
 *
 * Returns 0, also for a request that the proxy would refuse or has no route for; or -1 if [query]
 * is no description of a request. Allocates; threads may do it at the same time.
 */
int http_explain(struct http_explain *out, const struct topology *topology,
                 const struct http_explain_query *query, char problem[HTTP_EXPLAIN_PROBLEM_BYTES]);

void http_explain_deinit(struct http_explain *explain);

/** Why the request goes where it goes, or that it does not; one line. */
void http_explain_reason(const struct http_explain *explain, char out[HTTP_EXPLAIN_PROBLEM_BYTES]);

#endif
