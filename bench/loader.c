#include "loader.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "reply.h"

enum {
    READ_MAX_BYTES = 256 * 1024,
    N_EVENTS = 256,
    TICK_MS = 20,
    CONNECT_TIMEOUT_MS = 10000,
    /* A burst above the proxy's listen backlog would wait a second for the lost SYN. */
    CONNECT_BURST = 100,
    CONNECT_PAUSE_US = 2000,
};

struct conn {
    int fd; /* -1: lost */
    uint32_t n_sent;
    uint32_t n_done;
    uint64_t sent_ns;
    struct reply_want *want; /* of each request in the batch */
    char *unsent;            /* owned: what the proxy did not take yet */
    size_t n_unsent;
    size_t unsent_at;
    struct reply_parser parser;
};

struct loader {
    const struct loader_options *options;
    struct figures *figures;
    struct pace pace;
    struct reply_rules rules;
    int epoll_fd;
    uint32_t n_alive;
    uint64_t random;
    uint32_t next_key;
    struct conn *conns;
    struct reply_want *wants;
    char *in;
    char *out;
    char *value; /* a value and its CRLF */
    char set_tail[48];
    size_t n_set_tail;
};

static uint64_t next_random(struct loader *loader)
{
    /* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators". */
    loader->random ^= loader->random >> 12;
    loader->random ^= loader->random << 25;
    loader->random ^= loader->random >> 27;
    return loader->random * UINT64_C(2685821657736338717);
}

static uint32_t next_key(struct loader *loader)
{
    uint32_t n = loader->options->keys->n;
    uint32_t key;

    if (!loader->options->sequential) {
        return (uint32_t)(((next_random(loader) >> 32) * n) >> 32);
    }
    key = loader->next_key;
    loader->next_key = key + 1 < n ? key + 1 : 0;
    return key;
}

static char *append(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

static char *append_key(const struct loader *loader, char *to, uint32_t key)
{
    return append(to, keys_text(loader->options->keys, key), loader->options->keys->size);
}

static char *build_get(struct loader *loader, struct reply_want *want, char *to, uint32_t n_keys)
{
    uint32_t key = next_key(loader);

    *want = (struct reply_want){.form = REPLY_GET, .first = key, .n_keys = n_keys};
    to = append(to, "get", 3);
    for (uint32_t i = 0; i < n_keys; i++) {
        *to++ = ' ';
        to = append_key(loader, to, key);
        key = key + 1 < loader->options->keys->n ? key + 1 : 0;
    }
    return append(to, "\r\n", 2);
}

static char *build_set(struct loader *loader, struct reply_want *want, char *to)
{
    *want = (struct reply_want){.form = REPLY_STORED};
    to = append(to, "set ", 4);
    to = append_key(loader, to, next_key(loader));
    to = append(to, loader->set_tail, loader->n_set_tail);
    return append(to, loader->value, loader->options->value_size + 2);
}

static char *build_mg(struct loader *loader, struct reply_want *want, char *to)
{
    uint32_t key = next_key(loader);

    *want = (struct reply_want){.form = REPLY_META, .first = key, .n_keys = 1};
    to = append(to, "mg ", 3);
    to = append_key(loader, to, key);
    return append(to, " k v\r\n", 6);
}

static char *build_request(struct loader *loader, struct reply_want *want, char *to)
{
    switch (loader->options->op) {
    case LOADER_GET:
        return build_get(loader, want, to, 1);
    case LOADER_MGET:
        return build_get(loader, want, to, loader->options->n_mget_keys);
    case LOADER_SET:
        return build_set(loader, want, to);
    case LOADER_MG:
        return build_mg(loader, want, to);
    case LOADER_MIX:
        return next_random(loader) >> 32 < UINT32_MAX / 10 ? build_set(loader, want, to)
                                                           : build_get(loader, want, to, 1);
    }
    return to;
}

static size_t request_max_bytes(const struct loader_options *options)
{
    size_t key_bytes = options->keys->size + 1;

    return 64 + key_bytes * (options->n_mget_keys + 1u) + options->value_size;
}

static void conn_lose(struct loader *loader, struct conn *conn, const char *what, const char *text)
{
    uint32_t n_open = conn->n_sent - conn->n_done;

    figures_note_error(loader->figures, what, text);
    loader->figures->errors += n_open > 0 ? n_open : 1;
    loader->figures->lost++;
    loader->pace.n_in_flight -= n_open;
    loader->n_alive--;
    close(conn->fd);
    conn->fd = -1;
}

static void conn_keep_unsent(struct conn *conn, const char *text, size_t len)
{
    conn->unsent = util_alloc(1, len);
    memcpy(conn->unsent, text, len);
    conn->n_unsent = len;
    conn->unsent_at = 0;
}

/* Write what the last write left. Returns false when the connection is lost. */
static bool conn_send_unsent(struct loader *loader, struct conn *conn)
{
    ssize_t n;

    if (conn->n_unsent == 0) {
        return true;
    }
    n = write(conn->fd, conn->unsent + conn->unsent_at, conn->n_unsent - conn->unsent_at);
    if (n < 0 && errno != EAGAIN) {
        conn_lose(loader, conn, "write", strerror(errno));
        return false;
    }
    conn->unsent_at += n > 0 ? (size_t)n : 0;
    if (conn->unsent_at == conn->n_unsent) {
        free(conn->unsent);
        conn->unsent = NULL;
        conn->n_unsent = 0;
    }
    return true;
}

/* Send the next batch. The time just read is the end of the last batch and the start of this. */
static void conn_send_batch(struct loader *loader, struct conn *conn)
{
    uint64_t allowed = pace_allowance(&loader->pace);
    uint32_t pipeline = loader->options->pipeline;
    uint32_t n_requests = allowed < pipeline ? (uint32_t)allowed : pipeline;
    char *end = loader->out;
    size_t len;
    ssize_t n;

    conn->n_done = 0;
    conn->n_sent = n_requests;
    if (n_requests == 0) {
        return;
    }
    for (uint32_t i = 0; i < n_requests; i++) {
        end = build_request(loader, &conn->want[i], end);
    }
    pace_sent(&loader->pace, n_requests);
    conn->sent_ns = loader->pace.now_ns;
    len = (size_t)(end - loader->out);
    n = write(conn->fd, loader->out, len);
    if (n < 0 && errno != EAGAIN) {
        conn_lose(loader, conn, "write", strerror(errno));
        return;
    }
    if (n < 0 || (size_t)n < len) {
        size_t sent = n < 0 ? 0 : (size_t)n;
        conn_keep_unsent(conn, loader->out + sent, len - sent);
    }
}

static void count_reply(struct loader *loader, struct conn *conn, enum reply_result reply)
{
    struct figures *figures = loader->figures;

    conn->n_done++;
    pace_answered(&loader->pace, conn->sent_ns);
    if (reply == REPLY_FAILED) {
        figures->errors++;
        figures_note_error(figures, "reply", conn->parser.line);
    } else {
        figures->misses += conn->parser.n_missed;
    }
}

/* Check what was read. Returns false when the connection is lost. */
static bool conn_check(struct loader *loader, struct conn *conn, const char *at, const char *end)
{
    while (at < end) {
        enum reply_result reply;

        if (conn->n_done == conn->n_sent) {
            conn_lose(loader, conn, "unasked reply", "");
            return false;
        }
        reply = reply_feed(&conn->parser, &loader->rules, &conn->want[conn->n_done], &at, end);
        if (reply == REPLY_BROKEN) {
            conn_lose(loader, conn, "broken reply", conn->parser.line);
            return false;
        }
        if (reply != REPLY_MORE) {
            count_reply(loader, conn, reply);
        }
    }
    return true;
}

static void conn_on_event(struct loader *loader, struct conn *conn, uint32_t events)
{
    bool closing = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    ssize_t n;

    if (!conn_send_unsent(loader, conn)) {
        return;
    }
    /* Edge-triggered: a short read has emptied the socket, unless its end is there too. */
    do {
        n = read(conn->fd, loader->in, READ_MAX_BYTES);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            conn_lose(loader, conn, "read", n == 0 ? "closed by the server" : strerror(errno));
            return;
        }
        loader->pace.now_ns = util_now_ns();
        loader->pace.progress_ns = loader->pace.now_ns;
        if (!conn_check(loader, conn, loader->in, loader->in + n)) {
            return;
        }
        if (conn->n_done == conn->n_sent) {
            conn_send_batch(loader, conn);
        }
    } while (conn->fd >= 0 && (n == READ_MAX_BYTES || closing));
}

static void open_conns(struct loader *loader)
{
    const struct loader_options *options = loader->options;

    for (uint32_t i = 0; i < options->n_connections; i++) {
        struct conn *conn = &loader->conns[i];
        struct epoll_event event = {.data.ptr = conn};

        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        conn->want = loader->wants + (size_t)i * options->pipeline;
        reply_init(&conn->parser);
        conn->fd = util_connect(&options->addr, CONNECT_TIMEOUT_MS);
        if (conn->fd < 0) {
            util_die("cannot connect: %s", strerror(-conn->fd));
        }
        if (epoll_ctl(loader->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) != 0) {
            util_die("epoll_ctl: %s", strerror(errno));
        }
        loader->n_alive++;
        if (i % CONNECT_BURST == CONNECT_BURST - 1) {
            usleep(CONNECT_PAUSE_US);
        }
    }
}

static void run(struct loader *loader)
{
    struct epoll_event events[N_EVENTS];

    pace_start(&loader->pace, &loader->options->pace, loader->figures);
    for (uint32_t i = 0; i < loader->options->n_connections; i++) {
        loader->pace.now_ns = util_now_ns();
        conn_send_batch(loader, &loader->conns[i]);
    }
    while (loader->pace.phase != PACE_OVER) {
        int n = epoll_wait(loader->epoll_fd, events, N_EVENTS, TICK_MS);

        if (n < 0 && errno != EINTR) {
            util_die("epoll_wait: %s", strerror(errno));
        }
        for (int i = 0; i < n; i++) {
            struct conn *conn = events[i].data.ptr;
            if (conn->fd >= 0) {
                conn_on_event(loader, conn, events[i].events);
            }
        }
        pace_check(&loader->pace, loader->n_alive);
    }
}

void loader_run(const struct loader_options *options, struct figures *figures)
{
    struct loader loader = {
        .options = options,
        .figures = figures,
        .rules = {.keys = options->keys, .value_size = options->value_size},
        .random = options->seed,
        .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
    };

    loader.conns = util_alloc(options->n_connections, sizeof(*loader.conns));
    loader.wants =
        util_alloc((size_t)options->n_connections * options->pipeline, sizeof(*loader.wants));
    loader.in = util_alloc(1, READ_MAX_BYTES);
    loader.out = util_alloc(options->pipeline, request_max_bytes(options));
    loader.value = util_alloc(1, options->value_size + 2);
    memset(loader.value, 'v', options->value_size);
    memcpy(loader.value + options->value_size, "\r\n", 2);
    loader.n_set_tail = (size_t)snprintf(loader.set_tail, sizeof(loader.set_tail), " 0 0 %llu\r\n",
                                         (unsigned long long)options->value_size);
    open_conns(&loader);
    run(&loader);
    for (uint32_t i = 0; i < options->n_connections; i++) {
        if (loader.conns[i].fd >= 0) {
            close(loader.conns[i].fd);
        }
        free(loader.conns[i].unsent);
    }
    close(loader.epoll_fd);
    free(loader.conns);
    free(loader.wants);
    free(loader.in);
    free(loader.out);
    free(loader.value);
}

/* One get on a fresh connection, so that it has been used like any other. */
static void ask_once(const struct loader_options *options, int fd)
{
    struct reply_rules rules = {.keys = options->keys, .value_size = options->value_size};
    struct reply_want want = {.form = REPLY_GET, .first = 0, .n_keys = 1};
    enum reply_result reply = REPLY_MORE;
    struct reply_parser parser;
    char buffer[16384];
    int len = snprintf(buffer, sizeof(buffer), "get %.*s\r\n", (int)options->keys->size,
                       keys_text(options->keys, 0));

    reply_init(&parser);
    if (write(fd, buffer, (size_t)len) != (ssize_t)len) {
        util_die("cannot write to an idle connection");
    }
    while (reply == REPLY_MORE) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        const char *at = buffer;
        ssize_t n =
            poll(&poll_fd, 1, CONNECT_TIMEOUT_MS) == 1 ? read(fd, buffer, sizeof(buffer)) : 0;
        if (n <= 0) {
            util_die("no reply on an idle connection");
        }
        reply = reply_feed(&parser, &rules, &want, &at, buffer + n);
    }
    if (reply != REPLY_DONE) {
        util_die("wrong reply on an idle connection: %s", parser.line);
    }
}

void loader_hold(const struct loader_options *options, uint32_t n, bool ask, int *fds)
{
    for (uint32_t i = 0; i < n; i++) {
        fds[i] = util_connect(&options->addr, CONNECT_TIMEOUT_MS);
        if (fds[i] < 0) {
            util_die("cannot connect idle connection %u: %s", i, strerror(-fds[i]));
        }
        if (ask) {
            ask_once(options, fds[i]);
        }
        if (i % CONNECT_BURST == CONNECT_BURST - 1) {
            usleep(CONNECT_PAUSE_US);
        }
    }
}
