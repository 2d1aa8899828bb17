/*
 * The keys that a memcached holds: "lru_crawler metadump all", which goes through every slab class
 * in the background and does not stop the server. A line is
 *
 *     key=user%3A1 exp=-1 la=1732416000 cas=2 fetch=no cls=1 size=64
 *
 * with the key URL-encoded, and the end is END. What the server says instead (it is busy with
 * another crawl, or an old version) is reported as it is. A server that is silent for too long ends
 * it.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.h"
#include "config/address.h"
#include "key_source_kind.h"
#include "util.h"

enum {
    CONNECT_TIMEOUT_MS = 5000,
    SILENCE_MS = 30000,
    BUFFER_BYTES = 1 << 18,
    PORT_BYTES = 8,
    SHOWN_BYTES = 80, /* of a line that is not understood */
};

#define COMMAND "lru_crawler metadump all\r\n"

struct key_memcached {
    int fd;
    const char *address;
    size_t at, end;
    bool is_over;
    char buffer[BUFFER_BYTES];
};

static int complain(const char *address, const char *problem)
{
    fprintf(stderr, "ringway-bench: memcached %s: %s\n", address, problem);
    return COMMAND_FAILED;
}

/* Each address of the name in turn. Returns a descriptor, or negative with the last error in [problem]. */
static int connect_tcp(const struct config_address *address, const char **problem)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char port[PORT_BYTES];
    int fd = -1, result;

    snprintf(port, sizeof(port), "%u", (unsigned)address->port);
    result = getaddrinfo(address->host, port, &hints, &found);
    if (result != 0) {
        *problem = gai_strerror(result);
        return -1;
    }
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        struct util_addr peer = {.len = at->ai_addrlen};

        memcpy(&peer.sa, at->ai_addr, at->ai_addrlen);
        fd = util_connect(&peer, CONNECT_TIMEOUT_MS);
        *problem = fd < 0 ? strerror(-fd) : NULL;
    }
    freeaddrinfo(found);
    return fd;
}

static int connect_unix(const struct config_address *address, const char **problem)
{
    struct util_addr peer;
    int fd;

    util_addr_unix(&peer, address->host);
    fd = util_connect(&peer, CONNECT_TIMEOUT_MS);
    *problem = fd < 0 ? strerror(-fd) : NULL;
    return fd;
}

static int connect_to(const char *text, int *fd)
{
    struct config_address address = {0};
    const char *problem = address_parse(&address, text, false);

    if (problem != NULL) {
        fprintf(stderr, "ringway-bench: --memcached: found \"%s\"; accepted: %s\n", text,
                ADDRESS_FORMS);
        return COMMAND_USAGE;
    }
    *fd = address.kind == CONFIG_ADDRESS_UNIX ? connect_unix(&address, &problem)
                                              : connect_tcp(&address, &problem);
    address_deinit(&address);
    return *fd < 0 ? complain(text, problem) : COMMAND_OK;
}

int key_memcached_open(void **state, const char *address)
{
    struct key_memcached *server;
    int fd = -1;
    int code = connect_to(address, &fd);

    if (code != COMMAND_OK) {
        return code;
    }
    if (send(fd, COMMAND, strlen(COMMAND), MSG_NOSIGNAL) != (ssize_t)strlen(COMMAND)) {
        code = complain(address, strerror(errno));
        close(fd);
        return code;
    }
    server = util_alloc(1, sizeof(*server));
    server->fd = fd;
    server->address = address;
    *state = server;
    return COMMAND_OK;
}

static void memcached_close(void *state)
{
    struct key_memcached *server = state;

    close(server->fd);
    free(server);
}

static int fill(struct key_memcached *server)
{
    struct pollfd poll_fd = {.fd = server->fd, .events = POLLIN};
    size_t kept = server->end - server->at;
    ssize_t n;

    if (kept == BUFFER_BYTES) {
        return complain(server->address, "a line that does not end");
    }
    memmove(server->buffer, server->buffer + server->at, kept);
    server->at = 0;
    server->end = kept;
    if (poll(&poll_fd, 1, SILENCE_MS) == 0) {
        return complain(server->address, "no answer");
    }
    n = recv(server->fd, server->buffer + kept, BUFFER_BYTES - kept, 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return COMMAND_OK;
    }
    if (n <= 0) {
        return complain(server->address, n < 0 ? strerror(errno) : "closed before the end");
    }
    server->end += (size_t)n;
    return COMMAND_OK;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Decode %XX in place; a percent sign that no two digits follow stays. Returns the new length. */
static size_t decode(char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%' && i + 2 < len && hex_value(text[i + 1]) >= 0 &&
            hex_value(text[i + 2]) >= 0) {
            text[n++] = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            text[n++] = text[i];
        }
    }
    return n;
}

/* A line of [len] bytes without its end: a key, END, or what the server has against it. */
static int take_line(struct key_memcached *server, char *line, size_t len,
                     struct key_source_batch *batch)
{
    static const char prefix[] = "key=";
    const size_t prefix_len = sizeof(prefix) - 1;
    char shown[SHOWN_BYTES];
    char *space;

    len -= len > 0 && line[len - 1] == '\r';
    if (len > prefix_len && memcmp(line, prefix, prefix_len) == 0) {
        space = memchr(line, ' ', len);
        len = (space != NULL ? (size_t)(space - line) : len) - prefix_len;
        batch->keys[batch->n++] = slice_make(line + prefix_len, decode(line + prefix_len, len));
        return COMMAND_OK;
    }
    if (len == 3 && memcmp(line, "END", 3) == 0) {
        server->is_over = true;
        return COMMAND_OK;
    }
    snprintf(shown, sizeof(shown), "answered \"%.*s\"", (int)(len < 60 ? len : 60), line);
    return complain(server->address, shown);
}

static int memcached_next(void *state, struct key_source_batch *batch, size_t max)
{
    struct key_memcached *server = state;
    int code = COMMAND_OK;

    while (code == COMMAND_OK && batch->n < max && !server->is_over) {
        char *line = server->buffer + server->at;
        char *newline = memchr(line, '\n', server->end - server->at);

        if (newline != NULL) {
            server->at += (size_t)(newline - line) + 1;
            code = take_line(server, line, (size_t)(newline - line), batch);
        } else if (batch->n > 0) {
            break; /* filling would move the keys of this batch */
        } else {
            code = fill(server);
        }
    }
    return code;
}

const struct key_source_kind key_memcached_kind = {.next = memcached_next,
                                                   .close = memcached_close};
