/*
 * Networks as people write them: 10.0.0.0/8, fd00::/8, or one address.
 */
#ifndef RINGWAY_CONFIG_NETWORK_H
#define RINGWAY_CONFIG_NETWORK_H

#include "config/config.h"

#define NETWORK_FORMS      "10.0.0.0/8, fd00::/8 or one address"
#define NETWORK_TEXT_BYTES 64u

/** Read all of [text]. Returns NULL and sets [out], or what is wrong with it, as a constant. */
const char *network_parse(struct config_network *out, const char *text);

/** Write [network] in its one usual form; one address without a prefix length. */
void network_write(const struct config_network *network, char out[NETWORK_TEXT_BYTES]);

#endif
