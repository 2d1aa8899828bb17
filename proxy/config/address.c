#include "config/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/text.h"
#include "config/units.h"

#define MAX_HOST_BYTES 253u /* RFC 1035: 255 with the length bytes */
#define MAX_ZONE_BYTES 15u  /* an interface name, IFNAMSIZ - 1 */

static const char name_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

static const char *parse_port(const char *text, bool allow_any, uint16_t *out)
{
    uint64_t port;

    if (!units_parse_number(text, &port) || port > UINT16_MAX) {
        return "the port is not a number up to 65535";
    }
    if (port == 0 && !allow_any) {
        return "port 0";
    }
    *out = (uint16_t)port;
    return NULL;
}

static const char *parse_unix(struct config_address *out, const char *path)
{
    if (path[0] != '/') {
        return "the path does not begin with /";
    }
    if (path[1] == '\0') {
        return "no path";
    }
    if (strlen(path) > ADDRESS_MAX_PATH_BYTES) {
        return "the path is longer than 107 bytes";
    }
    for (const char *at = path; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return "a control character in the path";
        }
    }
    *out = (struct config_address){.kind = CONFIG_ADDRESS_UNIX};
    out->host = xstrdup(path);
    out->text = text_format("unix:%s", path);
    return NULL;
}

/* Takes [host] without brackets, an IPv6 address and perhaps %zone; replaces it in canonical form. */
static const char *check_v6(char **host)
{
    struct in6_addr binary;
    char canonical[INET6_ADDRSTRLEN];
    char *zone = strchr(*host, '%');

    if (zone != NULL) {
        *zone++ = '\0';
        size_t n = strspn(zone, name_characters);
        if (n == 0 || zone[n] != '\0' || n > MAX_ZONE_BYTES) {
            return "the zone is not the name of an interface";
        }
    }
    if (inet_pton(AF_INET6, *host, &binary) != 1) {
        return "not an IPv6 address between the brackets";
    }
    inet_ntop(AF_INET6, &binary, canonical, sizeof(canonical));
    char *replaced =
        text_format("%s%s%s", canonical, zone != NULL ? "%" : "", zone != NULL ? zone : "");
    free(*host);
    *host = replaced;
    return NULL;
}

static const char *check_name(const char *host, bool *is_numeric)
{
    struct in_addr binary;

    *is_numeric = inet_pton(AF_INET, host, &binary) == 1;
    if (*is_numeric) {
        return NULL;
    }
    if (host[0] == '\0') {
        return "no host";
    }
    if (strchr(host, ':') != NULL) {
        return "an IPv6 address needs brackets";
    }
    if (strspn(host, name_characters) != strlen(host)) {
        return "the host has a character that no name has";
    }
    if (strspn(host, "0123456789.") == strlen(host)) {
        return "not an IPv4 address";
    }
    if (strlen(host) > MAX_HOST_BYTES || host[0] == '-' || host[0] == '.' ||
        strstr(host, "..") != NULL) {
        return "not a host name";
    }
    return NULL;
}

/* [host] is set to a copy of what stands before the last colon, without brackets. */
static const char *split_host(const char *text, char **host, const char **port, bool *is_v6)
{
    *is_v6 = text[0] == '[';
    if (*is_v6) {
        const char *end = strchr(text, ']');
        if (end == NULL || end[1] != ':') {
            return end == NULL ? "no closing bracket" : "no port";
        }
        *host = text_copy(text + 1, (size_t)(end - text) - 1);
        *port = end + 2;
        return NULL;
    }
    const char *colon = strrchr(text, ':');
    if (colon == NULL) {
        return "no port";
    }
    *host = text_copy(text, (size_t)(colon - text));
    *port = colon + 1;
    return NULL;
}

const char *address_parse(struct config_address *out, const char *text, bool allow_any)
{
    struct config_address address = {.kind = CONFIG_ADDRESS_TCP};
    const char *port = NULL;
    bool is_v6 = false;

    if (strncmp(text, "unix:", 5) == 0) {
        return parse_unix(out, text + 5);
    }
    const char *wrong = split_host(text, &address.host, &port, &is_v6);
    if (wrong == NULL) {
        wrong = is_v6 ? check_v6(&address.host) : check_name(address.host, &address.is_numeric);
    }
    if (wrong == NULL) {
        wrong = parse_port(port, allow_any, &address.port);
    }
    if (wrong != NULL) {
        free(address.host);
        return wrong;
    }
    address.is_numeric = address.is_numeric || is_v6;
    address.text = text_format(is_v6 ? "[%s]:%u" : "%s:%u", address.host, address.port);
    *out = address;
    return NULL;
}

void address_deinit(struct config_address *address)
{
    free(address->text);
    free(address->host);
    *address = (struct config_address){0};
}
