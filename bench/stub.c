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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    READ_MAX_BYTES = 128 * 1024,
    LINE_MAX_BYTES = 512 * 1024,
    OUT_MAX_BYTES = 1024 * 1024,
    /* Below this a copy is cheaper than one more iovec for the kernel. */
    COPY_MAX_BYTES = 4096,
    KEY_MAX_BYTES = 250,
    N_IOV = 512,
    N_EVENTS = 256,
    MAX_PORTS = 64,
};

struct conn {
    int fd;
    bool is_listener;
    bool answer_body;   /* a set waits for its body, and its sender for an answer */
    bool meta_body;     /* that set is an ms */
    bool more_input;    /* the kept input may hold whole commands */
    uint64_t body_left; /* bytes of a body, CRLF included, still to come */
    char *input;        /* kept: what did not make a command yet */
    size_t n_input;
    char *unsent; /* owned: what the peer did not take yet */
    size_t n_unsent;
    size_t unsent_at;
};

struct word {
    const char *text;
    size_t len;
};

/* One thread, so one of each. [n_copied] bytes of [out] belong to earlier iovecs. */
struct stub {
    int epoll_fd;
    char *buffer;
    char *out;
    size_t n_out;
    struct iovec iov[N_IOV];
    int n_iov;
    size_t value_size;
    char *hit; /* " 0 SIZE\r\n", the value, "\r\n" */
    size_t n_hit;
    char *hit_cas; /* the same with a CAS id */
    size_t n_hit_cas;
    const char *value; /* in [hit]: the value and its CRLF */
};

static struct stub stub;

static void conn_close(struct conn *conn)
{
    close(conn->fd);
    free(conn->input);
    free(conn->unsent);
    free(conn);
}

/* Keep what writev() left over, in order, behind what is kept already. */
static void out_keep(struct conn *conn, size_t skip)
{
    size_t total = conn->n_unsent;
    char *to;

    for (int i = 0; i < stub.n_iov; i++) {
        total += stub.iov[i].iov_len;
    }
    total -= skip;
    to = realloc(conn->unsent, total);
    if (to == NULL) {
        util_die("out of memory");
    }
    conn->unsent = to;
    for (int i = 0; i < stub.n_iov; i++) {
        size_t len = stub.iov[i].iov_len;
        size_t from = skip < len ? skip : len;
        memcpy(to + conn->n_unsent, (char *)stub.iov[i].iov_base + from, len - from);
        conn->n_unsent += len - from;
        skip -= from;
    }
}

/* Returns false when the connection is broken. */
static bool out_flush(struct conn *conn)
{
    ssize_t n = 0;
    size_t total = 0;
    bool broken = false;

    if (stub.n_iov == 0) {
        return true;
    }
    if (conn->n_unsent == 0) {
        n = writev(conn->fd, stub.iov, stub.n_iov);
        broken = n < 0 && errno != EAGAIN;
    }
    for (int i = 0; i < stub.n_iov; i++) {
        total += stub.iov[i].iov_len;
    }
    if (!broken && (n <= 0 || (size_t)n < total)) {
        out_keep(conn, n < 0 ? 0 : (size_t)n);
    }
    stub.n_iov = 0;
    stub.n_out = 0;
    return !broken;
}

/* Room for [len] copied bytes and two iovecs; errors show at the next write. */
static void out_reserve(struct conn *conn, size_t len)
{
    if (stub.n_out + len > OUT_MAX_BYTES || stub.n_iov + 2 > N_IOV) {
        (void)out_flush(conn);
    }
}

static void out_reference(const char *text, size_t len)
{
    /* iovec has no const; writev() does not write. */
    stub.iov[stub.n_iov].iov_base = (char *)(uintptr_t)text;
    stub.iov[stub.n_iov].iov_len = len;
    stub.n_iov++;
}

static void out_copy(const char *text, size_t len)
{
    char *to = stub.out + stub.n_out;
    struct iovec *last = stub.n_iov > 0 ? &stub.iov[stub.n_iov - 1] : NULL;

    memcpy(to, text, len);
    stub.n_out += len;
    if (last != NULL && (char *)last->iov_base + last->iov_len == to) {
        last->iov_len += len;
    } else {
        out_reference(to, len);
    }
}

static void out_fixed(const char *text, size_t len)
{
    if (len <= COPY_MAX_BYTES) {
        out_copy(text, len);
    } else {
        out_reference(text, len);
    }
}

static void out_text(struct conn *conn, const char *text)
{
    out_reserve(conn, COPY_MAX_BYTES);
    out_copy(text, strlen(text));
}

/* The next word of [line], or an empty one; [line] moves behind it. */
static struct word next_word(struct word *line)
{
    struct word word;
    const char *space;

    while (line->len > 0 && *line->text == ' ') {
        line->text++;
        line->len--;
    }
    space = memchr(line->text, ' ', line->len);
    word.text = line->text;
    word.len = space != NULL ? (size_t)(space - line->text) : line->len;
    line->text += word.len;
    line->len -= word.len;
    return word;
}

static bool word_is(struct word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.text, text, word.len) == 0;
}

static void answer_get(struct conn *conn, struct word line, bool with_cas)
{
    struct word key;

    while ((key = next_word(&line)).len > 0) {
        if (key.len > KEY_MAX_BYTES) {
            continue;
        }
        out_reserve(conn, 2 * COPY_MAX_BYTES);
        out_copy("VALUE ", 6);
        out_copy(key.text, key.len);
        if (with_cas) {
            out_fixed(stub.hit_cas, stub.n_hit_cas);
        } else {
            out_fixed(stub.hit, stub.n_hit);
        }
    }
    out_text(conn, "END\r\n");
}

/* mg: the flags that return something, in the order asked for. */
static void answer_mg(struct conn *conn, struct word line)
{
    struct word key = next_word(&line);
    struct word flags = line;
    struct word flag;
    bool with_value = false;
    char number[48];

    if (key.len == 0 || key.len > KEY_MAX_BYTES) {
        out_text(conn, "CLIENT_ERROR bad command line format\r\n");
        return;
    }
    while ((flag = next_word(&flags)).len > 0) {
        with_value = with_value || word_is(flag, "v");
    }
    out_reserve(conn, 2 * COPY_MAX_BYTES);
    if (with_value) {
        out_copy(number, (size_t)snprintf(number, sizeof(number), "VA %zu", stub.value_size));
    } else {
        out_copy("HD", 2);
    }
    while ((flag = next_word(&line)).len > 0) {
        out_reserve(conn, COPY_MAX_BYTES);
        if (flag.text[0] == 'k') {
            out_copy(" k", 2);
            out_copy(key.text, key.len);
        } else if (flag.text[0] == 'O' || flag.text[0] == 'b') {
            out_copy(" ", 1);
            out_copy(flag.text, flag.len < 64 ? flag.len : 64);
        } else if (flag.text[0] == 's') {
            out_copy(number, (size_t)snprintf(number, sizeof(number), " s%zu", stub.value_size));
        } else if (flag.text[0] == 'f') {
            out_copy(" f0", 3);
        } else if (flag.text[0] == 't') {
            out_copy(" t-1", 4);
        } else if (flag.text[0] == 'c') {
            out_copy(" c1", 3);
        }
    }
    out_reserve(conn, 2 * COPY_MAX_BYTES);
    out_copy("\r\n", 2);
    if (with_value) {
        out_fixed(stub.value, stub.value_size + 2);
    }
}

/* set, add, replace, append, prepend, cas: the size is the fourth word; ms: the second. */
static void begin_body(struct conn *conn, struct word line, bool is_meta)
{
    struct word size = {0};
    uint64_t n = 0;

    for (int i = 0; i < (is_meta ? 2 : 4); i++) {
        size = next_word(&line);
    }
    for (size_t i = 0; i < size.len && size.text[i] >= '0' && size.text[i] <= '9'; i++) {
        n = n * 10 + (uint64_t)(size.text[i] - '0');
    }
    conn->body_left = n + 2;
    conn->meta_body = is_meta;
    conn->answer_body = true;
    for (struct word word = next_word(&line); word.len > 0; word = next_word(&line)) {
        if (word_is(word, "noreply") || (is_meta && word_is(word, "q"))) {
            conn->answer_body = false;
        }
    }
}

static const struct {
    const char *name;
    const char *answer;
} simple_commands[] = {
    {"version", "VERSION 1.6.18-stub\r\n"},
    {"mn", "MN\r\n"},
    {"delete", "DELETED\r\n"},
    {"touch", "TOUCHED\r\n"},
    {"md", "HD\r\n"},
    {"ma", "HD\r\n"},
    {"me", "EN\r\n"},
    {"incr", "1\r\n"},
    {"decr", "0\r\n"},
    {"flush_all", "OK\r\n"},
    {"verbosity", "OK\r\n"},
    {"stats", "END\r\n"},
};

static void answer_simple(struct conn *conn, struct word name)
{
    for (size_t i = 0; i < sizeof(simple_commands) / sizeof(simple_commands[0]); i++) {
        if (word_is(name, simple_commands[i].name)) {
            out_text(conn, simple_commands[i].answer);
            return;
        }
    }
    out_text(conn, "ERROR\r\n");
}

static void answer_line(struct conn *conn, struct word line)
{
    static const char *const stores[] = {"set", "add", "replace", "append", "prepend", "cas"};
    struct word name = next_word(&line);

    if (word_is(name, "get")) {
        answer_get(conn, line, false);
        return;
    }
    if (word_is(name, "gets")) {
        answer_get(conn, line, true);
        return;
    }
    if (word_is(name, "gat") || word_is(name, "gats")) {
        (void)next_word(&line);
        answer_get(conn, line, name.len == 4);
        return;
    }
    if (word_is(name, "mg")) {
        answer_mg(conn, line);
        return;
    }
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        if (word_is(name, stores[i])) {
            begin_body(conn, line, false);
            return;
        }
    }
    if (word_is(name, "ms")) {
        begin_body(conn, line, true);
        return;
    }
    answer_simple(conn, name);
}

/* Answer all whole commands in [text]; returns how many bytes they had. */
static size_t answer_input(struct conn *conn, const char *text, size_t len)
{
    size_t at = 0;

    while (at < len && conn->n_unsent == 0) {
        const char *newline;
        struct word line;

        if (conn->body_left > 0) {
            uint64_t n = conn->body_left < len - at ? conn->body_left : len - at;
            at += n;
            conn->body_left -= n;
            if (conn->body_left == 0 && conn->answer_body) {
                out_text(conn, conn->meta_body ? "HD\r\n" : "STORED\r\n");
            }
            continue;
        }
        line.text = text + at;
        newline = memchr(line.text, '\n', len - at);
        if (newline == NULL) {
            break;
        }
        line.len = (size_t)(newline - line.text);
        at += line.len + 1;
        if (line.len > 0 && line.text[line.len - 1] == '\r') {
            line.len--;
        }
        answer_line(conn, line);
    }
    return at;
}

/* Replace the kept input by [text]. Returns false when it is too long to be a command. */
static bool keep_input(struct conn *conn, const char *text, size_t len)
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
static bool send_unsent(struct conn *conn)
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
static bool serve_round(struct conn *conn, bool *again)
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
    used = answer_input(conn, stub.buffer, kept);
    return out_flush(conn) && keep_input(conn, stub.buffer + used, kept - used);
}

static void serve(struct conn *conn, uint32_t events)
{
    bool closing = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    bool again = true;

    /* A short read means that the socket is empty and the next byte is a new edge. */
    while (again) {
        stub.n_iov = 0;
        stub.n_out = 0;
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
    struct conn *conn = util_alloc(1, sizeof(*conn));
    struct epoll_event event = {.data.ptr = conn};

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
            struct conn *conn = events[i].data.ptr;

            if (conn->is_listener) {
                accept_all(conn->fd);
            } else {
                serve(conn, events[i].events);
            }
        }
    }
}

static void prepare_answers(size_t value_size)
{
    char head[48];
    size_t n_head;

    stub.value_size = value_size;
    n_head = (size_t)snprintf(head, sizeof(head), " 0 %zu\r\n", value_size);
    stub.n_hit = n_head + value_size + 2;
    stub.hit = util_alloc(1, stub.n_hit);
    memcpy(stub.hit, head, n_head);
    memset(stub.hit + n_head, 'v', value_size);
    memcpy(stub.hit + n_head + value_size, "\r\n", 2);
    stub.value = stub.hit + n_head;

    n_head = (size_t)snprintf(head, sizeof(head), " 0 %zu 1\r\n", value_size);
    stub.n_hit_cas = n_head + value_size + 2;
    stub.hit_cas = util_alloc(1, stub.n_hit_cas);
    memcpy(stub.hit_cas, head, n_head);
    memcpy(stub.hit_cas + n_head, stub.value, value_size + 2);

    stub.buffer = util_alloc(1, LINE_MAX_BYTES + 2 * READ_MAX_BYTES);
    stub.out = util_alloc(1, OUT_MAX_BYTES);
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
    prepare_answers(settings.value_size);
    stub.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_all(settings.host, settings.ports, settings.n_ports);
    run();
}
