/*
 * GET /pools: pools, shards and replicas with their state and figures, as JSON.
 */
#ifndef RINGWAY_CONTROL_POOLS_JSON_H
#define RINGWAY_CONTROL_POOLS_JSON_H

#include <jansson.h>

#include "control/body.h"
#include "control/view.h"

void pools_json_write(const struct control_view *view, struct body *out);

/** Address and state of one replica, for other documents. The caller owns the object. */
json_t *pools_json_replica_state(const struct control_view *view, struct view_place at);

#endif
