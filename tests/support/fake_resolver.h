/*
 * Name look-ups that the test answers: stands in for libuv's uv_getaddrinfo() in the program that
 * includes this. Nothing comes back before resolver_answer(), and no thread is used.
 */
#ifndef RINGWAY_TESTS_SUPPORT_FAKE_RESOLVER_H
#define RINGWAY_TESTS_SUPPORT_FAKE_RESOLVER_H

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define RESOLVER_MAX 8u

static struct {
    uv_getaddrinfo_t *asked; /* waits for an answer; NULL: nobody asks */
    uv_getaddrinfo_cb callback;
    char host[64], service[16];
    int error;          /* not 0: the next look-up cannot even begin */
    unsigned n_lookups; /* begun */
} resolver;

int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb callback,
                   const char *node, const char *service, const struct addrinfo *hints)
{
    int error = resolver.error;

    (void)loop;
    (void)hints;
    resolver.error = 0;
    if (error != 0) {
        return error;
    }
    if (resolver.asked != NULL) {
        abort(); /* one look-up at a time */
    }
    resolver.asked = request;
    resolver.callback = callback;
    resolver.n_lookups++;
    strncpy(resolver.host, node, sizeof(resolver.host) - 1);
    strncpy(resolver.service, service, sizeof(resolver.service) - 1);
    return 0;
}

void uv_freeaddrinfo(struct addrinfo *found)
{
    while (found != NULL) {
        struct addrinfo *next = found->ai_next;

        free(found->ai_addr);
        free(found);
        found = next;
    }
}

static inline struct addrinfo *resolver_entry(uint16_t port, struct addrinfo *next)
{
    struct sockaddr_in *address = calloc(1, sizeof(*address));
    struct addrinfo *entry = calloc(1, sizeof(*entry));

    if (address == NULL || entry == NULL) {
        abort();
    }
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    entry->ai_addr = (struct sockaddr *)address;
    entry->ai_addrlen = sizeof(*address);
    entry->ai_next = next;
    return entry;
}

/** The look-up comes back: with [status], or when that is 0 with 127.0.0.1 at each of [ports]. */
static inline void resolver_answer(int status, const uint16_t *ports, size_t n_ports)
{
    uv_getaddrinfo_t *request = resolver.asked;
    struct addrinfo *found = NULL;

    if (request == NULL) {
        abort();
    }
    while (n_ports > 0) {
        found = resolver_entry(ports[--n_ports], found);
    }
    resolver.asked = NULL;
    resolver.callback(request, status, found);
}

/** A socket at a free port of 127.0.0.1, not blocking; it refuses connections until listen(). */
static inline int resolver_bind(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        abort();
    }
    *port = ntohs(address.sin_port);
    return fd;
}

#endif
