/* Who the client is; see http_route.h. */
#include <arpa/inet.h>

#include "topology/http_route.h"

#define V4_OFFSET 12u

/* IPv4 is a part of IPv6 here, as in struct config_network. RFC 4291 2.5.5.2 */
static const uint8_t v4_prefix[V4_OFFSET] = {[10] = 0xff, [11] = 0xff};

static bool has_byte(struct slice text, uint8_t byte)
{
    return text.len > 0 && memchr(text.data, byte, text.len) != NULL;
}

/* Where the last [byte] of [text] is; -1 if there is none. */
static ptrdiff_t find_last(struct slice text, uint8_t byte)
{
    const uint8_t *found = text.len > 0 ? memrchr(text.data, byte, text.len) : NULL;

    return found != NULL ? found - text.data : -1;
}

static bool parse_address(struct slice text, uint8_t out[16])
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof copy || has_byte(text, '\0')) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (has_byte(text, ':')) {
        return inet_pton(AF_INET6, copy, out) == 1;
    }
    memcpy(out, v4_prefix, V4_OFFSET);
    return inet_pton(AF_INET, copy, out + V4_OFFSET) == 1;
}

static bool is_within(const uint8_t address[16], const struct config_network *network)
{
    size_t whole = network->prefix_bits / 8u;
    unsigned rest = network->prefix_bits % 8u;
    uint8_t mask = (uint8_t)(0xff00u >> rest);

    return memcmp(address, network->address, whole) == 0 &&
           (rest == 0 || (address[whole] & mask) == network->address[whole]);
}

static bool is_in_networks(const struct config_listener *listener, const uint8_t address[16])
{
    size_t i;

    for (i = 0; i < listener->n_trusted; i++) {
        if (is_within(address, &listener->trusted[i])) {
            return true;
        }
    }
    return false;
}

bool http_route_is_trusted(const struct config_listener *listener, struct slice address)
{
    uint8_t bytes[16];

    if (address.len == 0) {
        return true;
    }
    return listener->n_trusted > 0 && parse_address(address, bytes) &&
           is_in_networks(listener, bytes);
}

/* ::ffff:192.0.2.1 as 192.0.2.1; everything else as it is. */
static struct slice show_address(struct slice text)
{
    uint8_t bytes[16];

    if (has_byte(text, ':') && has_byte(text, '.') && parse_address(text, bytes) &&
        memcmp(bytes, v4_prefix, V4_OFFSET) == 0) {
        return slice_skip(text, (size_t)find_last(text, ':') + 1);
    }
    return text;
}

/* 192.0.2.1:80, [2001:db8::1]:80 and [2001:db8::1] without what is not the address. */
static struct slice strip_port(struct slice text)
{
    ptrdiff_t colon = find_last(text, ':');
    ptrdiff_t bracket = find_last(text, ']');

    if (text.data[0] == '[' && bracket > 0 && (colon < bracket || colon == bracket + 1)) {
        return slice_make(text.data + 1, (size_t)bracket - 1);
    }
    if (has_byte(text, '.') && colon > 0 && !has_byte(slice_make(text.data, (size_t)colon), ':')) {
        return slice_make(text.data, (size_t)colon);
    }
    return text;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* Take the last element off a comma-separated list, without the white space around it. */
static struct slice take_last(struct slice *list)
{
    ptrdiff_t comma = find_last(*list, ',');
    struct slice element = slice_skip(*list, (size_t)(comma + 1));

    list->len = comma < 0 ? 0 : (size_t)comma;
    while (element.len > 0 && is_space(element.data[0])) {
        element = slice_skip(element, 1);
    }
    while (element.len > 0 && is_space(element.data[element.len - 1])) {
        element.len--;
    }
    return element;
}

/* Go through one X-Forwarded-For from the right. [*client] becomes the last address looked at, or
 * empty at what is no address. Returns whether to go on to the field before. */
static bool walk_forwarded(const struct config_listener *listener, struct slice list,
                           struct slice *client)
{
    uint8_t bytes[16];

    while (list.len > 0) {
        struct slice element = take_last(&list);

        if (element.len == 0) {
            continue; /* RFC 9110 5.6.1.2 */
        }
        *client = strip_port(element);
        if (!parse_address(*client, bytes)) {
            client->len = 0;
            return false;
        }
        if (!is_in_networks(listener, bytes)) {
            return false;
        }
    }
    return true;
}

struct slice http_route_client_ip(const struct config_listener *listener, struct slice peer,
                                  const struct http1_request *request)
{
    struct slice client = {0};
    bool go_on = http_route_is_trusted(listener, peer);
    size_t i;

    for (i = request->fields.n; go_on && i > 0; i--) {
        const struct http1_field *field = &request->fields.list[i - 1];

        if (field->id == HTTP1_NAME_X_FORWARDED_FOR) {
            go_on = walk_forwarded(listener, field->value, &client);
        }
    }
    return show_address(client.len > 0 ? client : peer);
}
