/*
 * A shard on a Unix socket, driven in turns by the test: it reads what has come, answers like
 * memcached or as its script says, or like an HTTP server (fake_http.h), and writes as much a turn
 * as it was told to. Nothing blocks and no thread is used, so a test decides who comes first.
 */
#ifndef RINGWAY_TESTS_SUPPORT_FAKE_SHARD_H
#define RINGWAY_TESTS_SUPPORT_FAKE_SHARD_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_memcache.h"
#include "memcache_stream.h"

#define FAKE_CONNS_MAX 8u

struct fake_conn {
    int fd; /* -1: free */
    struct bytes in, out;
    size_t scanned;
    uint64_t sent; /* since fake_shard_reset() */
    bool garbled;  /* what came is no request: nothing more is answered */
    bool ends;     /* closes when everything is written */
    short ready;   /* what poll() said */

    /* HTTP */
    bool heard;   /* the head of the request that is coming has been dealt with */
    bool tunnels; /* what comes is sent back */
    bool eof;     /* nothing more comes */
};

struct fake_shard;

/* Deal with the first request of [conn]; false: it is not whole. */
typedef bool (*fake_take_fn)(struct fake_shard *shard, struct fake_conn *conn);

/* Answer [r] into [out]; false: answer as memcached does. */
typedef bool (*fake_script_fn)(struct fake_shard *shard, const struct memcache_request *r,
                               struct bytes *out);

struct fake_shard {
    char path[100];
    int listen_fd; /* -1: connections are refused */
    short ready;   /* what poll() said of it */
    struct fake_conn conns[FAKE_CONNS_MAX];
    struct fake_memcache cache;
    struct bytes received; /* everything, if [records] */
    bool records;
    bool mute;         /* answers wait */
    bool deaf;         /* nothing is read */
    size_t piece;      /* bytes of an answer written in a turn; 0: all */
    uint64_t cut;      /* pause for a turn before this byte of a connection's answers; 0: never */
    uint64_t die_at;   /* close the connection before this byte of its answers... */
    uint32_t n_deaths; /* ...so many times */
    fake_take_fn take; /* memcached, if a test does not set it */
    fake_script_fn script;
    void *script_context;
    uint32_t n_accepted, n_requests;
};

static inline int fake_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    MUST(fd >= 0);
    return fd;
}

static inline struct sockaddr_un fake_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    MUST(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    return address;
}

static inline int fake_listen(const char *path)
{
    struct sockaddr_un address = fake_address(path);
    int fd = fake_socket();

    (void)unlink(path);
    MUST(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

/** Accept connections (again). */
static inline void fake_shard_start(struct fake_shard *shard)
{
    shard->listen_fd = fake_listen(shard->path);
    MUST(listen(shard->listen_fd, 64) == 0);
}

static inline void fake_conn_close(struct fake_conn *conn)
{
    if (conn->fd >= 0) {
        (void)close(conn->fd);
    }
    bytes_free(&conn->in);
    bytes_free(&conn->out);
    *conn = (struct fake_conn){.fd = -1};
}

static inline void fake_shard_close_conns(struct fake_shard *shard)
{
    for (size_t i = 0; i < FAKE_CONNS_MAX; i++) {
        fake_conn_close(&shard->conns[i]);
    }
}

/** Refuse connections and close those that are open. */
static inline void fake_shard_stop(struct fake_shard *shard)
{
    if (shard->listen_fd >= 0) {
        (void)close(shard->listen_fd);
        (void)unlink(shard->path);
        shard->listen_fd = -1;
    }
    fake_shard_close_conns(shard);
}

static inline void fake_shard_deinit(struct fake_shard *shard)
{
    fake_shard_stop(shard);
    fake_clear(&shard->cache);
    bytes_free(&shard->received);
}

/** Forget every item and what was received; connections stay. */
static inline void fake_shard_reset(struct fake_shard *shard)
{
    fake_clear(&shard->cache);
    shard->received.len = 0;
    for (size_t i = 0; i < FAKE_CONNS_MAX; i++) {
        shard->conns[i].sent = 0;
    }
}

static inline struct fake_conn *fake_free_conn(struct fake_shard *shard)
{
    for (size_t i = 0; i < FAKE_CONNS_MAX; i++) {
        if (shard->conns[i].fd < 0) {
            return &shard->conns[i];
        }
    }
    return NULL;
}

static inline bool fake_accept(struct fake_shard *shard)
{
    struct fake_conn *conn = fake_free_conn(shard);
    int fd = conn != NULL && shard->listen_fd >= 0
                 ? accept4(shard->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)
                 : -1;

    if (fd < 0) {
        return false;
    }
    conn->fd = fd;
    shard->n_accepted++;
    return true;
}

/* The first request of [conn]; false: it is not whole. */
static inline bool fake_take_request(struct fake_shard *shard, struct fake_conn *conn)
{
    struct slice in = slice_make(conn->in.data, conn->in.len), value = {NULL, 0};
    struct memcache_request r;
    enum memcache_parse parse = in.len > 0
                                    ? memcache_request_parse(in, &conn->scanned, 64u << 20, &r)
                                    : MEMCACHE_PARSE_MORE;
    size_t total;

    if (parse == MEMCACHE_PARSE_MORE) {
        return false;
    }
    if (parse != MEMCACHE_PARSE_REQUEST) {
        fake_violate(&shard->cache, "a shard was sent what is no request");
        conn->garbled = true;
        return false;
    }
    total = r.line.len;
    if (memcache_command_class(r.command) == MEMCACHE_CLASS_STORAGE ||
        memcache_command_class(r.command) == MEMCACHE_CLASS_META_SET) {
        total += (size_t)r.value_len + 2;
        if (in.len < total) {
            return false;
        }
        value = slice_make(in.data + r.line.len, (size_t)r.value_len);
        if (memcmp(in.data + total - 2, "\r\n", 2) != 0) {
            fake_violate(&shard->cache, "a shard was sent a value without its end");
        }
    }
    shard->n_requests++;
    if (shard->script == NULL || !shard->script(shard, &r, &conn->out)) {
        fake_answer(&shard->cache, &r, value, &conn->out);
    }
    bytes_drop(&conn->in, total);
    conn->scanned = 0;
    return true;
}

static inline void fake_shard_init(struct fake_shard *shard, const char *folder, size_t number)
{
    memset(shard, 0, sizeof(*shard));
    snprintf(shard->path, sizeof(shard->path), "%s/s%zu", folder, number);
    shard->take = fake_take_request;
    for (size_t i = 0; i < FAKE_CONNS_MAX; i++) {
        shard->conns[i].fd = -1;
    }
    fake_shard_start(shard);
}

static inline bool fake_read(struct fake_shard *shard, struct fake_conn *conn)
{
    static uint8_t room[1u << 18];
    ssize_t n = recv(conn->fd, room, sizeof(room), 0);

    if (n > 0) {
        bytes_add(&conn->in, room, (size_t)n);
        if (shard->records) {
            bytes_add(&shard->received, room, (size_t)n);
        }
        while (!conn->garbled && shard->take(shard, conn)) {
        }
        return true;
    }
    if (n == 0 && conn->tunnels) {
        conn->eof = conn->ends = true;
        return true;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        fake_conn_close(conn);
        return true;
    }
    return false;
}

/* Does the connection end here, at its end or before its time? */
static inline bool fake_ends(struct fake_shard *shard, struct fake_conn *conn)
{
    bool dies = shard->n_deaths > 0 && conn->out.len > 0 && conn->sent >= shard->die_at;

    if (!dies && (!conn->ends || conn->out.len > 0)) {
        return false;
    }
    shard->n_deaths -= dies;
    fake_conn_close(conn);
    return true;
}

static inline bool fake_write(struct fake_shard *shard, struct fake_conn *conn)
{
    size_t len = conn->out.len;
    ssize_t n;

    if (fake_ends(shard, conn)) {
        return true;
    }
    if (shard->n_deaths > 0 && conn->sent + len > shard->die_at) {
        len = (size_t)(shard->die_at - conn->sent);
    }
    if (shard->piece > 0 && len > shard->piece) {
        len = shard->piece;
    }
    if (conn->sent < shard->cut && conn->sent + len > shard->cut) {
        len = (size_t)(shard->cut - conn->sent);
    }
    n = len > 0 ? send(conn->fd, conn->out.data, len, MSG_NOSIGNAL) : 0;
    if (n < 0 && conn->eof && errno != EAGAIN) {
        fake_conn_close(conn);
        return true;
    }
    if (n <= 0) {
        return false; /* a failed connection shows when it is read */
    }
    conn->sent += (uint64_t)n;
    bytes_drop(&conn->out, (size_t)n);
    return true;
}

/** Do what poll() found possible. Returns whether anything was done. */
static inline bool fake_shard_turn(struct fake_shard *shard)
{
    bool any = false;

    for (size_t i = 0; i < FAKE_CONNS_MAX; i++) {
        struct fake_conn *conn = &shard->conns[i];

        if (conn->fd >= 0 && !shard->mute && (conn->out.len > 0 || conn->ends)) {
            any = fake_write(shard, conn) || any;
        }
        if (conn->fd >= 0 && !shard->deaf && !conn->eof && conn->ready != 0) {
            any = fake_read(shard, conn) || any;
        }
        if (conn->fd >= 0 && !shard->mute && shard->piece == 0 && shard->cut == 0) {
            any = fake_write(shard, conn) || any;
        }
    }
    return (shard->ready != 0 && fake_accept(shard)) || any;
}

static inline uint32_t fake_shard_n_conns(const struct fake_shard *shard)
{
    uint32_t n = 0;

    for (size_t i = 0; i < FAKE_CONNS_MAX; i++) {
        n += shard->conns[i].fd >= 0;
    }
    return n;
}

/** Send [text] on every connection, asked for or not. */
static inline void fake_shard_say(struct fake_shard *shard, const char *text, size_t len)
{
    for (size_t i = 0; i < FAKE_CONNS_MAX; i++) {
        if (shard->conns[i].fd >= 0) {
            bytes_add(&shard->conns[i].out, text, len);
        }
    }
}

/** Add the shard's sockets to [fds]; returns how many. Writing is tried without asking. */
static inline size_t fake_shard_ask(const struct fake_shard *shard, struct pollfd *fds)
{
    size_t n = 0;

    fds[n++] = (struct pollfd){.fd = shard->listen_fd, .events = POLLIN};
    for (size_t i = 0; i < FAKE_CONNS_MAX; i++) {
        const struct fake_conn *conn = &shard->conns[i];

        fds[n++] =
            (struct pollfd){.fd = shard->deaf || conn->eof ? -1 : conn->fd, .events = POLLIN};
    }
    return n;
}

/** Take what poll() said of fake_shard_ask()'s sockets; returns how many. */
static inline size_t fake_shard_hear(struct fake_shard *shard, const struct pollfd *fds)
{
    size_t n = 0;

    shard->ready = fds[n++].revents;
    for (size_t i = 0; i < FAKE_CONNS_MAX; i++) {
        shard->conns[i].ready = fds[n++].revents;
    }
    return n;
}

#endif
