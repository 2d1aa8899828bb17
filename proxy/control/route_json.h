/*
 * GET /route?pool=P&key=K: where a key goes and why, as JSON.
 */
#ifndef RINGWAY_CONTROL_ROUTE_JSON_H
#define RINGWAY_CONTROL_ROUTE_JSON_H

#include "control/body.h"
#include "control/view.h"

/**
 * Answer [query], the raw text after '?': `key`, percent-encoded, and `pool`, which may be left
 * out if there is only one. A '+' in a key is a plus, not a space.
 *
 * Returns the HTTP status: 200; 400 if the query is malformed; 404 if there is no such pool.
 */
int route_json_write(const struct control_view *view, struct slice query, struct body *out);

#endif
