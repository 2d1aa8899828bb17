/*
 * Addresses as people write them: host:port, [v6]:port, unix:/path. No name is looked up.
 */
#ifndef RINGWAY_CONFIG_ADDRESS_H
#define RINGWAY_CONFIG_ADDRESS_H

#include <stdbool.h>

#include "config/config.h"

/** Longest path of a Unix socket: sun_path without its closing NUL. */
#define ADDRESS_MAX_PATH_BYTES 107u
#define ADDRESS_FORMS          "host:port, [v6]:port or unix:/path"

/**
 * Read all of [text].
 *
 * [out]        Set on success only; free with address_deinit(). The text becomes canonical:
 *              numeric hosts and ports are written in their one usual form.
 * [allow_any]  May the port be 0 (the system chooses)?
 *
 * Returns NULL, or what is wrong with it, as a constant: "no port".
 */
const char *address_parse(struct config_address *out, const char *text, bool allow_any);

void address_deinit(struct config_address *address);

#endif
