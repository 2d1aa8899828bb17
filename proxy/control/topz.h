/*
 * GET /topz: what top(1) would say about this process, as JSON.
 */
#ifndef RINGWAY_CONTROL_TOPZ_H
#define RINGWAY_CONTROL_TOPZ_H

#include "control/body.h"
#include "control/view.h"

void topz_write(const struct control_view *view, struct body *out);

#endif
