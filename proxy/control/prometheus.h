/*
 * GET /metrics: the counters as Prometheus text, version 0.0.4, from the table metrics.def.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#ifndef RINGWAY_CONTROL_PROMETHEUS_H
#define RINGWAY_CONTROL_PROMETHEUS_H

#include "control/body.h"
#include "control/view.h"

/** Write all metrics. O(workers * (shards + pools * commands)). */
void prometheus_write(const struct control_view *view, struct body *out);

/** Write the table as the reference in Markdown, METRICS.md. */
void prometheus_write_reference(struct body *out);

#endif
