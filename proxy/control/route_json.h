/*
 * GET /route?pool=P&key=K: where a key goes and why, as JSON. GET /route?url=U: the same of an HTTP
 * request, see topology/http_explain.h.
 */
#ifndef RINGWAY_CONTROL_ROUTE_JSON_H
#define RINGWAY_CONTROL_ROUTE_JSON_H

#include "control/body.h"
#include "control/view.h"

/**
 * Answer [query], the raw text after '?', whose values are percent-encoded; a '+' is a plus, not a
 * space. Either `key`, and `pool`, which may be left out if there is only one; or `url`, and any of
 * `method`, `header` (Name: value, any number), `client` and `listener`.
 *
 * Returns the HTTP status: 200; 400 if the query is malformed; 404 if there is no such pool.
 */
int route_json_write(const struct control_view *view, struct slice query, struct body *out);

#endif
