/*
 * What a gateway changes in a message head on its way: the hop-by-hop fields go, the framing is
 * written anew, Via, Date and X-Forwarded-* are ours. Pure functions on parsed heads.
 */
#ifndef RINGWAY_DATA_HTTP_HTTP_HEAD_H
#define RINGWAY_DATA_HTTP_HTTP_HEAD_H

#include "data/http/exchange.h"

#define HTTP_HEAD_EXTRA_BYTES 512u /* what we add at most to a head, names of shards aside */

/** Write the head of [request] for a shard into exchange->head, and the positions of its parts. */
void http_head_write_request(struct exchange *exchange, const struct http1_request *request,
                             struct slice client_ip);

/** Does [request] carry our own name in Via, or wants to go no further (Max-Forwards: 0)? */
bool http_head_is_loop(const struct plane *plane, const struct http1_request *request);
bool http_head_is_last(const struct http1_request *request);

/** Write the head of [response] for the client: interim (1xx) or final. */
void http_head_write_response(struct exchange *exchange, const struct http1_response *response);

/** Write `name: value` lines of a trailer section and the empty line. */
void http_head_write_trailers(struct http1_writer *out, const struct http1_fields *fields);

#endif
