#include "http_loader.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "http_body.h"
#include "http_reply.h"

enum {
    HEAD_MAX_BYTES = 512,
    READ_MAX_BYTES = 256 * 1024,
    N_EVENTS = 256,
    TICK_MS = 20,
    CONNECT_TIMEOUT_MS = 10000,
    /* A burst above the proxy's listen backlog would wait a second for the lost SYN. */
    CONNECT_BURST = 100,
    CONNECT_PAUSE_US = 2000,
};

enum conn_state {
    CONN_IDLE,    /* nothing is asked: the measurement ends */
    CONN_ASKED,   /* a request is out, or a part of it */
    CONN_CLOSING, /* answered; the server is to close */
    CONN_LOST,
};

struct conn {
    enum conn_state state;
    int fd; /* -1: none */
    uint64_t sent_ns;
    size_t n_sent; /* bytes of head and body */
    struct http_reply reply;
    char head[HEAD_MAX_BYTES]; /* of the request; only the key in it changes */
};

struct http_loader {
    const struct http_loader_options *options;
    struct figures *figures;
    struct pace pace;
    struct http_reply_rules rules;
    int epoll_fd;
    uint32_t n_alive;
    uint64_t random;
    size_t key_at; /* where in a head the key is */
    size_t n_head;
    size_t n_request; /* head and body */
    char *body;       /* owned: of requests and responses */
    char *in;         /* owned */
    struct conn *conns;
};

static uint32_t next_key(struct http_loader *loader)
{
    /* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators". */
    loader->random ^= loader->random >> 12;
    loader->random ^= loader->random << 25;
    loader->random ^= loader->random >> 27;
    return (uint32_t)(((loader->random * UINT64_C(2685821657736338717) >> 32) *
                       loader->options->keys->n) >>
                      32);
}

/* Write a head with the first key to [head], HEAD_MAX_BYTES long, and say where the key is. */
static void write_head(struct http_loader *loader, char *head)
{
    const struct http_loader_options *options = loader->options;
    char length[96] = "";
    int n;

    if (options->posts) {
        snprintf(length, sizeof(length),
                 "Content-Type: application/octet-stream\r\nContent-Length: %llu\r\n",
                 (unsigned long long)options->request_bytes);
    }
    loader->key_at =
        (size_t)snprintf(head, HEAD_MAX_BYTES, "%s /%llu/", options->posts ? "POST" : "GET",
                         (unsigned long long)options->response_bytes);
    n = snprintf(head + loader->key_at, HEAD_MAX_BYTES - loader->key_at,
                 "%.*s HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: ringway-bench-http-load\r\n"
                 "Accept: */*\r\n%s%s\r\n",
                 (int)options->keys->size, keys_text(options->keys, 0), length,
                 options->closes ? "Connection: close\r\n" : "");
    loader->n_head = loader->key_at + (size_t)n;
    if (loader->n_head >= HEAD_MAX_BYTES) {
        util_die("the key is too long");
    }
    loader->n_request = loader->n_head + (options->posts ? options->request_bytes : 0);
}

/* The last bytes of the path, which the response's body starts with. */
static const char *tag_of(const struct http_loader *loader, const char *head)
{
    return head + loader->key_at + loader->options->keys->size - HTTP_BODY_TAG_BYTES;
}

static void conn_lose(struct http_loader *loader, struct conn *conn, const char *what,
                      const char *text)
{
    figures_note_error(loader->figures, what, text);
    loader->figures->errors++;
    loader->figures->lost++;
    if (conn->state == CONN_ASKED) {
        loader->pace.n_in_flight--;
    }
    loader->n_alive--;
    conn->state = CONN_LOST;
    if (conn->fd >= 0) {
        close(conn->fd);
    }
    conn->fd = -1;
}

/* Write what is left of the request. Returns false when the connection is lost. */
static bool conn_send(struct http_loader *loader, struct conn *conn)
{
    size_t head_left = conn->n_sent < loader->n_head ? loader->n_head - conn->n_sent : 0;
    size_t body_at = conn->n_sent > loader->n_head ? conn->n_sent - loader->n_head : 0;
    struct iovec iov[2] = {
        {.iov_base = conn->head + loader->n_head - head_left, .iov_len = head_left},
        {.iov_base = loader->body + body_at,
         .iov_len = loader->n_request - loader->n_head - body_at},
    };
    ssize_t n = iov[1].iov_len == 0 ? write(conn->fd, iov[0].iov_base, iov[0].iov_len)
                                    : writev(conn->fd, iov, 2);

    if (n < 0 && errno != EAGAIN) {
        conn_lose(loader, conn, "write", strerror(errno));
        return false;
    }
    conn->n_sent += n > 0 ? (size_t)n : 0;
    return true;
}

static void conn_watch(struct http_loader *loader, struct conn *conn)
{
    struct epoll_event event = {.data.ptr = conn};

    /* A connection for one request that is sent already would be told of room to write at once. */
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    if (!loader->options->closes || conn->n_sent < loader->n_request) {
        event.events |= EPOLLOUT;
    }
    if (epoll_ctl(loader->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) != 0) {
        util_die("epoll_ctl: %s", strerror(errno));
    }
}

/* Ask for the next key. The time just read is the end of the last request, if there was one. */
static void conn_start(struct http_loader *loader, struct conn *conn)
{
    bool is_new = conn->fd < 0;

    if (pace_allowance(&loader->pace) == 0) {
        conn->state = CONN_IDLE;
        return;
    }
    memcpy(conn->head + loader->key_at, keys_text(loader->options->keys, next_key(loader)),
           loader->options->keys->size);
    conn->state = CONN_ASKED;
    conn->n_sent = 0;
    conn->sent_ns = loader->pace.now_ns;
    pace_sent(&loader->pace, 1);
    if (is_new) {
        conn->fd = util_connect_start(&loader->options->addr);
        if (conn->fd < 0) {
            int error = -conn->fd;
            conn->fd = -1;
            conn_lose(loader, conn, "connect", strerror(error));
            return;
        }
    }
    if (conn_send(loader, conn) && is_new) {
        conn_watch(loader, conn);
    }
}

/* The server has closed. */
static void conn_on_end(struct http_loader *loader, struct conn *conn)
{
    if (conn->state != CONN_CLOSING) {
        conn_lose(loader, conn, "read", "closed by the server");
        return;
    }
    close(conn->fd);
    conn->fd = -1;
    conn_start(loader, conn);
}

/* Check what was read. Returns false when the connection is lost. */
static bool conn_check(struct http_loader *loader, struct conn *conn, const char *at,
                       const char *end)
{
    enum http_reply_result result;

    if (conn->state != CONN_ASKED) {
        conn_lose(loader, conn, "unasked response", "");
        return false;
    }
    result = http_reply_feed(&conn->reply, &loader->rules, tag_of(loader, conn->head), &at, end);
    if (result == HTTP_REPLY_BROKEN) {
        conn_lose(loader, conn, "response", conn->reply.head);
        return false;
    }
    if (at < end) {
        conn_lose(loader, conn, "unasked response", "more than one");
        return false;
    }
    if (result == HTTP_REPLY_DONE && conn->n_sent < loader->n_request) {
        conn_lose(loader, conn, "response", "before the request was sent");
        return false;
    }
    if (result == HTTP_REPLY_DONE) {
        pace_answered(&loader->pace, conn->sent_ns);
        conn->state = loader->options->closes ? CONN_CLOSING : CONN_IDLE;
    }
    return true;
}

static void conn_on_event(struct http_loader *loader, struct conn *conn, uint32_t events)
{
    bool closing = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    ssize_t n;

    if (conn->state == CONN_ASKED && conn->n_sent < loader->n_request && !conn_send(loader, conn)) {
        return;
    }
    /* Edge-triggered: a short read has emptied the socket, unless its end is there too. */
    do {
        n = read(conn->fd, loader->in, READ_MAX_BYTES);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n < 0) {
            conn_lose(loader, conn, "read", strerror(errno));
            return;
        }
        loader->pace.now_ns = util_now_ns();
        if (n == 0) {
            conn_on_end(loader, conn);
            return;
        }
        loader->pace.progress_ns = loader->pace.now_ns;
        if (!conn_check(loader, conn, loader->in, loader->in + n)) {
            return;
        }
        if (conn->state == CONN_IDLE) {
            conn_start(loader, conn);
        }
    } while (conn->state != CONN_LOST && (n == READ_MAX_BYTES || closing));
}

static void open_conns(struct http_loader *loader)
{
    const struct http_loader_options *options = loader->options;

    for (uint32_t i = 0; i < options->n_connections; i++) {
        struct conn *conn = &loader->conns[i];

        write_head(loader, conn->head);
        http_reply_init(&conn->reply);
        conn->state = CONN_IDLE;
        conn->fd = options->closes ? -1 : util_connect(&options->addr, CONNECT_TIMEOUT_MS);
        if (conn->fd < 0 && !options->closes) {
            util_die("cannot connect: %s", strerror(-conn->fd));
        }
        if (conn->fd >= 0) {
            conn_watch(loader, conn);
        }
        loader->n_alive++;
        if (i % CONNECT_BURST == CONNECT_BURST - 1) {
            usleep(CONNECT_PAUSE_US);
        }
    }
}

static void run(struct http_loader *loader)
{
    struct epoll_event events[N_EVENTS];

    pace_start(&loader->pace, &loader->options->pace, loader->figures);
    for (uint32_t i = 0; i < loader->options->n_connections; i++) {
        loader->pace.now_ns = util_now_ns();
        conn_start(loader, &loader->conns[i]);
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

static void loader_init(struct http_loader *loader, const struct http_loader_options *options)
{
    uint64_t n_body = options->posts && options->request_bytes > options->response_bytes
                          ? options->request_bytes
                          : options->response_bytes;

    memset(loader, 0, sizeof(*loader));
    loader->options = options;
    loader->random = options->seed;
    loader->body = util_alloc(1, n_body + 1);
    http_body_fill(loader->body, n_body);
    loader->rules = (struct http_reply_rules){
        .body = loader->body, .size = options->response_bytes, .closes = options->closes};
    loader->in = util_alloc(1, READ_MAX_BYTES);
}

static void loader_deinit(struct http_loader *loader)
{
    free(loader->body);
    free(loader->in);
}

void http_loader_run(const struct http_loader_options *options, struct figures *figures)
{
    struct http_loader loader;

    loader_init(&loader, options);
    loader.figures = figures;
    loader.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loader.conns = util_alloc(options->n_connections, sizeof(*loader.conns));
    open_conns(&loader);
    run(&loader);
    for (uint32_t i = 0; i < options->n_connections; i++) {
        if (loader.conns[i].fd >= 0) {
            close(loader.conns[i].fd);
        }
    }
    close(loader.epoll_fd);
    free(loader.conns);
    loader_deinit(&loader);
}

/* One request on a fresh connection, waited for. */
static void ask_once(struct http_loader *loader, struct conn *conn)
{
    enum http_reply_result result = HTTP_REPLY_MORE;

    http_reply_init(&conn->reply);
    conn->n_sent = 0;
    while (conn->n_sent < loader->n_request) {
        struct pollfd poll_fd = {.fd = conn->fd, .events = POLLOUT};
        if (poll(&poll_fd, 1, CONNECT_TIMEOUT_MS) != 1 || !conn_send(loader, conn)) {
            util_die("cannot write to an idle connection");
        }
    }
    while (result == HTTP_REPLY_MORE) {
        struct pollfd poll_fd = {.fd = conn->fd, .events = POLLIN};
        const char *at = loader->in;
        ssize_t n = poll(&poll_fd, 1, CONNECT_TIMEOUT_MS) == 1
                        ? read(conn->fd, loader->in, READ_MAX_BYTES)
                        : 0;
        if (n <= 0) {
            util_die("no response on an idle connection");
        }
        result = http_reply_feed(&conn->reply, &loader->rules, tag_of(loader, conn->head), &at,
                                 loader->in + n);
    }
    if (result != HTTP_REPLY_DONE) {
        util_die("wrong response on an idle connection: %s", conn->reply.head);
    }
}

void http_loader_hold(const struct http_loader_options *options, uint32_t n, int *fds)
{
    struct figures *figures = util_alloc(1, sizeof(*figures));
    struct conn *conn = util_alloc(1, sizeof(*conn));
    struct http_loader loader;

    loader_init(&loader, options);
    loader.figures = figures;
    write_head(&loader, conn->head);
    for (uint32_t i = 0; i < n; i++) {
        fds[i] = util_connect(&options->addr, CONNECT_TIMEOUT_MS);
        if (fds[i] < 0) {
            util_die("cannot connect idle connection %u: %s", i, strerror(-fds[i]));
        }
        conn->fd = fds[i];
        ask_once(&loader, conn);
    }
    free(conn);
    free(figures);
    loader_deinit(&loader);
}
