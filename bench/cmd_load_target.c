#include "cmd_load_target.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/address.h"

static char *copy(const char *text, size_t len)
{
    char *result = util_alloc(len + 2, 1);

    memcpy(result, text, len);
    return result;
}

/* The path with the key behind it: it ends in a slash. */
static char *copy_path(const char *path)
{
    size_t len = strlen(path);
    char *result = copy(path, len);

    if (len == 0 || path[len - 1] != '/') {
        result[len] = '/';
    }
    return result;
}

static bool is_path(const char *path)
{
    for (; *path != '\0'; path++) {
        if (*path <= ' ' || *path > '~' || *path == '#' || *path == '?') {
            return false;
        }
    }
    return true;
}

const char *load_target_parse(struct load_target *target, const char *text)
{
    static const char memcached[] = "memcached://";
    static const char http[] = "http://";
    struct config_address address;
    const char *rest;
    size_t len;
    const char *problem;

    *target = (struct load_target){.text = text};
    if (strncmp(text, memcached, sizeof(memcached) - 1) == 0) {
        target->protocol = &load_memcached;
        rest = text + sizeof(memcached) - 1;
        len = strlen(rest);
    } else if (strncmp(text, http, sizeof(http) - 1) == 0) {
        target->protocol = &load_http;
        rest = text + sizeof(http) - 1;
        len = strncmp(rest, "unix:", 5) == 0 ? strlen(rest) : strcspn(rest, "/");
    } else {
        return "no protocol that is known";
    }
    if (!is_path(rest + len)) {
        return "a prefix with blanks, '?' or '#'";
    }
    target->authority = copy(rest, len);
    problem = address_parse(&address, target->authority, false);
    if (problem != NULL) {
        load_target_deinit(target);
        return problem;
    }
    target->path = copy_path(rest + len);
    target->host = copy(address.host, strlen(address.host));
    target->port = address.kind == CONFIG_ADDRESS_TCP ? address.port : 0;
    if (target->port == 0) {
        /* A path is no name of a host. */
        snprintf(target->authority, len + 1, "%s", "localhost");
    }
    address_deinit(&address);
    return NULL;
}

bool load_target_resolve(struct load_target *target, char *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    int status;

    if (target->port == 0) {
        util_addr_unix(&target->addr, target->host);
        return true;
    }
    snprintf(port, sizeof(port), "%u", (unsigned)target->port);
    status = getaddrinfo(target->host, port, &hints, &found);
    if (status != 0) {
        snprintf(error, LOAD_TARGET_MAX_ERROR, "cannot find %s: %s", target->host,
                 gai_strerror(status));
        return false;
    }
    memcpy(&target->addr.sa, found->ai_addr, found->ai_addrlen);
    target->addr.len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

void load_target_deinit(struct load_target *target)
{
    free(target->host);
    free(target->authority);
    free(target->path);
    target->host = NULL;
    target->authority = NULL;
    target->path = NULL;
}
