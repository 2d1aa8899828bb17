#include "config/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "config/units.h"

#define V6_BITS 128u
#define V4_BITS 32u

/* IPv4 is a part of IPv6 here. RFC 4291 2.5.5.2 */
static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const struct config_network *network)
{
    return network->prefix_bits >= V6_BITS - V4_BITS &&
           memcmp(network->address, v4_prefix, sizeof(v4_prefix)) == 0;
}

static void clear_rest(struct config_network *network)
{
    for (unsigned bit = network->prefix_bits; bit < V6_BITS; bit++) {
        network->address[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
    }
}

const char *network_parse(struct config_network *out, const char *text)
{
    struct config_network network = {.prefix_bits = V6_BITS};
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/");
    unsigned width = strchr(text, ':') != NULL ? V6_BITS : V4_BITS;
    uint64_t bits = width;

    if (len >= sizeof(address)) {
        return "too long for an address";
    }
    memcpy(address, text, len);
    address[len] = '\0';
    memcpy(network.address, v4_prefix, sizeof(v4_prefix));
    if (inet_pton(width == V6_BITS ? AF_INET6 : AF_INET, address,
                  width == V6_BITS ? network.address : network.address + sizeof(v4_prefix)) != 1) {
        return "not an IP address";
    }
    if (text[len] == '/' && (!units_parse_number(text + len + 1, &bits) || bits > width)) {
        return width == V6_BITS ? "the prefix length is not a number up to 128"
                                : "the prefix length is not a number up to 32";
    }
    network.prefix_bits = (uint8_t)(V6_BITS - width + bits);
    clear_rest(&network);
    *out = network;
    return NULL;
}

void network_write(const struct config_network *network, char out[NETWORK_TEXT_BYTES])
{
    char address[INET6_ADDRSTRLEN];
    bool v4 = is_v4(network);
    const uint8_t *bytes = network->address + (v4 ? sizeof(v4_prefix) : 0);

    inet_ntop(v4 ? AF_INET : AF_INET6, bytes, address, sizeof(address));
    if (network->prefix_bits == V6_BITS) {
        snprintf(out, NETWORK_TEXT_BYTES, "%s", address);
    } else {
        snprintf(out, NETWORK_TEXT_BYTES, "%s/%u", address,
                 (unsigned)network->prefix_bits - (v4 ? V6_BITS - V4_BITS : 0));
    }
}
