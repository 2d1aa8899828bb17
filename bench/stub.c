/*
 * ringway-bench-stub: a memcached that costs as little as a server can.
 *
 * One thread serves any number of ports. Every key is a hit with a value of one fixed size, nothing
 * is stored, and the text of an answer exists before it is asked for. The happy path of a
 * connection is: an edge-triggered event, one read of all that has come, an answer appended for
 * each command, one write. Epoll is told about a connection once, when it is accepted.
 *
 * What can differ: a read ends inside a command (the rest is kept in the connection and put before
 * the next read); a set's body spans reads (only the number of bytes left is kept); the peer does
 * not take all of an answer (the rest is copied, and nothing more is read until it is gone). A peer
 * that sends a line of over half a megabyte is disconnected.
 *
 * It answers what a proxy may send to a shard, well enough for a measurement. It is no memcached.
 */
#include "util.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "stub_answer.h"
#include "util.h"

enum {
    READ_MAX_BYTES = 128 * 1024,
    LINE_MAX_BYTES = 512 * 1024,
    N_EVENTS = 256,
    MAX_PORTS = 64,
};

/* One thread, so one of each. */
struct stub {
    int epoll_fd;
    char *buffer; /* what was kept, and then one read */
    struct stub_answers answers;
};

static struct stub stub;

static void conn_close(struct stub_conn *conn)
{
    close(conn->fd);
    free(conn->input);
    free(conn->unsent);
    free(conn);
}

/* Replace the kept input by [text]. Returns false when it is too long to be a command. */
static bool keep_input(struct stub_conn *conn, const char *text, size_t len)
{
    if (len > LINE_MAX_BYTES && conn->n_unsent == 0) {
        return false;
    }
    if (len > 0) {
        char *to = realloc(conn->input, len);
        if (to == NULL) {
            util_die("out of memory");
        }
        memcpy(to, text, len);
        conn->input = to;
    }
    conn->n_input = len;
    conn->more_input = len > 0 && conn->n_unsent > 0;
    return true;
}

/* Write kept output. Returns false when the connection is broken. */
static bool send_unsent(struct stub_conn *conn)
{
    ssize_t n = write(conn->fd, conn->unsent + conn->unsent_at, conn->n_unsent - conn->unsent_at);

    if (n < 0) {
        return errno == EAGAIN;
    }
    conn->unsent_at += (size_t)n;
    if (conn->unsent_at == conn->n_unsent) {
        free(conn->unsent);
        conn->unsent = NULL;
        conn->n_unsent = 0;
        conn->unsent_at = 0;
    }
    return true;
}

/* One round: send what is left, read once, answer, write once. Returns false to close. */
static bool serve_round(struct stub_conn *conn, bool *again)
{
    size_t kept = conn->n_input;
    size_t used;
    ssize_t n;

    *again = false;
    if (conn->n_unsent > 0 && !send_unsent(conn)) {
        return false;
    }
    if (conn->n_unsent > 0) {
        return true;
    }
    if (kept > 0) {
        memcpy(stub.buffer, conn->input, kept);
    }
    n = read(conn->fd, stub.buffer + kept, READ_MAX_BYTES);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        return false;
    }
    if (n < 0 && !conn->more_input) {
        return true;
    }
    *again = n == READ_MAX_BYTES;
    kept += n > 0 ? (size_t)n : 0;
    used = stub_answer_input(conn, stub.buffer, kept);
    return stub_answer_flush(conn) && keep_input(conn, stub.buffer + used, kept - used);
}

static void serve(struct stub_conn *conn, uint32_t events)
{
    bool closing = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    bool again = true;

    /* A short read means that the socket is empty and the next byte is a new edge. */
    while (again) {
        stub_answer_begin(&stub.answers);
        if (!serve_round(conn, &again)) {
            conn_close(conn);
            return;
        }
        again = again || (conn->n_unsent == 0 && (closing || conn->more_input));
        if (conn->n_unsent > 0) {
            again = false;
        }
    }
}

static void conn_watch(int fd, bool is_listener)
{
    struct stub_conn *conn = util_alloc(1, sizeof(*conn));
    struct epoll_event event = {.data.ptr = conn};

    conn->answers = &stub.answers;
    conn->fd = fd;
    conn->is_listener = is_listener;
    event.events = is_listener ? EPOLLIN : EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    if (epoll_ctl(stub.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        util_die("epoll_ctl: %s", strerror(errno));
    }
}

static void accept_all(int listener)
{
    int one = 1;
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        conn_watch(fd, false);
    }
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
        util_die("accept: %s", strerror(errno));
    }
}

static void run(void)
{
    struct epoll_event events[N_EVENTS];

    for (;;) {
        int n = epoll_wait(stub.epoll_fd, events, N_EVENTS, -1);

        if (n < 0 && errno != EINTR) {
            util_die("epoll_wait: %s", strerror(errno));
        }
        for (int i = 0; i < n; i++) {
            struct stub_conn *conn = events[i].data.ptr;

            if (conn->is_listener) {
                accept_all(conn->fd);
            } else {
                serve(conn, events[i].events);
            }
        }
    }
}

static void listen_all(const char *host, const uint16_t *ports, size_t n_ports)
{
    for (size_t i = 0; i < n_ports; i++) {
        struct util_addr addr;
        uint16_t port = 0;
        int fd;

        util_addr_tcp(&addr, host, ports[i]);
        fd = util_listen(&addr, &port);
        conn_watch(fd, true);
        printf("%s%u", i == 0 ? "ports " : ",", port);
    }
    printf("\n");
    fflush(stdout);
}

static size_t parse_ports(char *list, uint16_t *ports)
{
    size_t n = 0;
    char *save = NULL;

    for (char *text = strtok_r(list, ",", &save); text; text = strtok_r(NULL, ",", &save)) {
        if (n == MAX_PORTS) {
            util_die("at most %d ports", MAX_PORTS);
        }
        ports[n++] = (uint16_t)util_number("ports", text, 0, 65535);
    }
    return n;
}

static const char usage[] =
    "usage: ringway-bench-stub [--ports A,B,... | --port BASE --n N] [options]\n"
    "  --ports A,B,...  ports to serve; 0 lets the system choose\n"
    "  --port BASE      first of --n consecutive ports; 0 lets the system choose each\n"
    "  --n N            number of ports with --port (1)\n"
    "  --host ADDRESS   address to listen on (127.0.0.1)\n"
    "  --value-size N   bytes of every value (100)\n"
    "Prints 'ports A,B,...' when it is ready and serves until it is killed.\n";

struct settings {
    const char *host;
    size_t value_size;
    size_t n_ports;
    uint16_t ports[MAX_PORTS];
};

static void parse_args(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {
        {"ports", required_argument, NULL, 'P'},      {"port", required_argument, NULL, 'p'},
        {"n", required_argument, NULL, 'n'},          {"host", required_argument, NULL, 'h'},
        {"value-size", required_argument, NULL, 'v'}, {NULL, 0, NULL, 0},
    };
    size_t n = 1, base = 0;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'P') {
            settings->n_ports = parse_ports(optarg, settings->ports);
        } else if (c == 'p') {
            base = util_number("port", optarg, 0, 65535 - MAX_PORTS);
        } else if (c == 'n') {
            n = util_number("n", optarg, 1, MAX_PORTS);
        } else if (c == 'h') {
            settings->host = optarg;
        } else if (c == 'v') {
            settings->value_size = util_number("value-size", optarg, 0, 64 * 1024 * 1024);
        } else {
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (settings->n_ports == 0) {
        settings->n_ports = n;
        for (size_t i = 0; i < n; i++) {
            settings->ports[i] = (uint16_t)(base == 0 ? 0 : base + i);
        }
    }
}

int main(int argc, char **argv)
{
    struct settings settings = {.host = "127.0.0.1", .value_size = 100};

    parse_args(argc, argv, &settings);
    util_need_files(1024);
    signal(SIGPIPE, SIG_IGN);
    stub_answer_init(&stub.answers, settings.value_size);
    stub.buffer = util_alloc(1, LINE_MAX_BYTES + 2 * READ_MAX_BYTES);
    stub.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_all(settings.host, settings.ports, settings.n_ports);
    run();
}
