/*
 * From an HTTP request to a route of its listener and the key that the ring is asked for.
 *
 * Knows nothing of connections: the data plane uses it for every request, http_explain.h to say
 * where one would go. Not here: from the key to a shard (hashring, data/router.h).
 *
 * What the variables of a key template are:
 *
 *   {path}         the path as received: no decoding. An empty one (of "http://host?x") is "/"
 *   {uri}          the path, and '?' and the query if there is a '?'; not the fragment
 *   {path.N}       what stands between the Nth slash and the next: of "/users/7", {path.1} is "users"
 *   {path.1-N}     the first N segments and the slashes between them, if none of them is empty: of
 *                  "/users/7/x", {path.1-2} is "users/7"
 *   {query}        what follows '?', raw
 *   {query.NAME}   the value of the first argument of that name, raw
 *   {fragment}     what follows '#', raw
 *   {host}         of the target or the field Host: in lower case, without the port
 *   {method}       as received
 *   {header.NAME}  the value of the first field of that name (any case)
 *   {cookie.NAME}  the value of the first cookie of that name (this case) in any Cookie field
 *   {client_ip}    see http_route_client_ip()
 *
 * With `normalize: true`, {path} {uri} {path.N} {path.1-N} and path_prefix see the path with
 * unreserved characters decoded and dot segments removed (http1_path_normalize()). The path and the
 * uri of `OPTIONS *` are "*", which begins with no path_prefix.
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
 *
 * Cost: O(routes), and O(path) if one normalises. Allocates only for a path of more than 2 KiB that
 * is not in its normal form.
 */
const struct config_http_route *http_route_match(const struct config_listener *listener,
                                                 const struct http1_request *request);

/**
 * Write the key of [request] by the first template of [route] whose variables are all present and
 * not empty.
 *
 * [client_ip] For {client_ip}, see http_route_client_ip(); may be empty.
 * [room]   At least http_route_key_max() bytes.
 * [key]    Receives the key: a part of the request or of [client_ip] where one variable stands alone
 *          and is there as such, else in [room] or in the configuration. Never empty.
 * [which]  Receives the number of the template, from 0. May be NULL.
 *
 * Returns false if there is none: see route->key_missing. Cost: O(head); no allocation.
 */
bool http_route_key(const struct config_http_route *route, const struct http1_request *request,
                    struct slice client_ip, uint8_t *room, struct slice *key, size_t *which);

/** The room that http_route_key() needs at most, over all routes of [config], for a head of up to
 * config->request_head_bytes. */
size_t http_route_key_max(const struct config *config);

/** Is [address] (text, IPv4 or IPv6) in one of the listener's trusted networks? A Unix socket's
 * empty address is; what is no address is not. */
bool http_route_is_trusted(const struct config_listener *listener, struct slice address);

/**
 * Who the client is: [peer], or, if that is trusted, the last address in X-Forwarded-For that is not
 * (going from the right; the first one if all are trusted, and [peer] if there is none or if what
 * stands there is not an address). Ports and brackets are taken off, and an IPv4 address in IPv6
 * (::ffff:192.0.2.1) is shown as IPv4. Borrowed from the arguments; empty if [peer] is, and nothing
 * else is known.
 */
struct slice http_route_client_ip(const struct config_listener *listener, struct slice peer,
                                  const struct http1_request *request);

#endif
