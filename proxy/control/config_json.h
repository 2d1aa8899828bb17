/*
 * GET /config: the running configuration in the file's own shape and names. JSON is YAML, so the
 * answer can be saved and run. Made from the table of options, like the reader of the file.
 */
#ifndef RINGWAY_CONTROL_CONFIG_JSON_H
#define RINGWAY_CONTROL_CONFIG_JSON_H

#include "config/config.h"
#include "control/body.h"

void config_json_write(const struct config *config, struct body *out);

#endif
