/*
 * From an HTTP request to a route of its listener and the key that the ring is asked for.
 *
 * Knows nothing of connections: the data plane uses it for every request, `ringway --route-url` and
 * GET /route to explain one. Not here: from the key to a shard (hashring, data/router.h).
 */
#ifndef RINGWAY_TOPOLOGY_HTTP_ROUTE_H
#define RINGWAY_TOPOLOGY_HTTP_ROUTE_H

#include "config/config.h"
#include "wire/http1.h"

/**
 * The first route of [listener] that matches, or NULL.
 *
 * path_prefix is compared with the path as received (after normalisation if the route says so), host
 * without its port and without case, method exactly.
 */
const struct config_http_route *http_route_match(const struct config_listener *listener,
                                                 const struct http1_request *request);

/**
 * Write the key of [request] by the first template of [route] whose variables are all present and
 * not empty.
 *
 * [client_ip] For {client_ip}, see http_route_client_ip(); may be empty.
 * [room]   At least http_route_key_max() bytes.
 * [key]    Receives the key: a part of the request where one variable stands alone, else in [room].
 * [which]  Receives the number of the template, from 0. May be NULL.
 *
 * Returns false if there is none: see route->key_missing. Cost: O(head); no allocation.
 */
bool http_route_key(const struct config_http_route *route, const struct http1_request *request,
                    struct slice client_ip, uint8_t *room, struct slice *key, size_t *which);

/** What http_route_key() needs at most for a head of [head_max] bytes, over all routes. */
size_t http_route_key_max(const struct config *config);

/** Is [address] (text, IPv4 or IPv6) in one of the listener's trusted networks? A Unix socket's
 * empty address is. */
bool http_route_is_trusted(const struct config_listener *listener, struct slice address);

/**
 * Who the client is: [peer], or, if that is trusted, the last address in X-Forwarded-For that is not
 * (going from the right; the first one if all are trusted, and [peer] if there is none or it is not
 * an address). Ports and brackets are taken off. Borrowed from the arguments.
 */
struct slice http_route_client_ip(const struct config_listener *listener, struct slice peer,
                                  const struct http1_request *request);

#endif
