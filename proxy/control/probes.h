/*
 * Liveness and readiness in words: `ok`, or one reason a line.
 */
#ifndef RINGWAY_CONTROL_PROBES_H
#define RINGWAY_CONTROL_PROBES_H

#include "control/body.h"
#include "control/view.h"

/** Whether every worker answered a ping in the last 5 s; names those that did not. */
bool probes_write_live(const struct control_view *view, struct body *out);

/**
 * Whether to send clients here: every worker listens and the process is not draining.
 *
 * A shard that is down does not count: all routers would leave service at once.
 */
bool probes_write_ready(const struct control_view *view, struct body *out);

#endif
