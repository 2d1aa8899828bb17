/*
 * ringway-bench-http-stub: an HTTP origin that costs as little as a server can.
 *
 * One thread serves any number of ports. GET /SIZE/... is answered with a body of SIZE bytes whose
 * first eight are the last eight of the path; POST is answered the same when its whole body has
 * come. The text of an answer exists before it is asked for. The happy path of a connection is: an
 * edge-triggered event, one read, one write. Epoll is told about a connection once.
 *
 * What can differ: a read ends inside a head (the part is kept and put before the next read); a
 * body spans reads (only where it is up to is kept); the peer does not take all of an answer (how
 * much it took is kept, and nothing more is read until it is gone). A path of another form and a
 * chunked body are answered 404, a body with wrong bytes 400, and the connection is closed.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "http_body.h"
#include "http_request.h"
#include "util.h"

enum {
    READ_MAX_BYTES = 256 * 1024,
    HEAD_MAX_BYTES = 32 * 1024,
    N_EVENTS = 256,
    MAX_PORTS = 64,
    MAX_ANSWERS = 64,
};

struct answer {
    uint64_t size;
    int status;
    bool closes;
    char *text; /* owned: head and body */
    size_t n_text;
    size_t n_head;
};

struct conn {
    int fd;
    bool is_listener;
    bool in_body;    /* the request's head is read */
    bool more_input; /* the kept input may hold a whole request */
    bool is_wrong;   /* the request's body */
    struct http_request request;
    uint64_t body_at;
    struct answer *answer; /* that is being sent, NULL for none */
    size_t answer_at;
    char *input; /* owned: what did not make a head yet */
    size_t n_input;
};

/* One thread, so one of each. */
static struct {
    int epoll_fd;
    char date[64];
    char *buffer;  /* what was kept, and then one read */
    char *pattern; /* HTTP_BODY_MAX_BYTES would take long to fill: as much as was asked for */
    size_t n_pattern;
    struct answer answers[MAX_ANSWERS];
    int n_answers;
} stub;

static const char *pattern_of(size_t n)
{
    if (n > stub.n_pattern) {
        free(stub.pattern);
        stub.pattern = util_alloc(1, n);
        stub.n_pattern = n;
        http_body_fill(stub.pattern, n);
    }
    return stub.pattern;
}

static const char *reason_of(int status)
{
    return status == 200 ? "OK" : status == 404 ? "Not Found" : "Bad Request";
}

static void make_answer(struct answer *answer)
{
    char head[512];
    int n =
        snprintf(head, sizeof(head),
                 "HTTP/1.1 %d %s\r\nServer: ringway-bench-http-stub\r\nDate: %s\r\n"
                 "Content-Type: application/octet-stream\r\nContent-Length: %llu\r\n%s\r\n",
                 answer->status, reason_of(answer->status), stub.date,
                 (unsigned long long)answer->size, answer->closes ? "Connection: close\r\n" : "");

    answer->n_head = (size_t)n;
    answer->n_text = answer->n_head + answer->size;
    answer->text = util_alloc(1, answer->n_text);
    memcpy(answer->text, head, answer->n_head);
    memcpy(answer->text + answer->n_head, pattern_of(answer->size), answer->size);
}

/* The answer of this kind, made when it is asked for first. */
static struct answer *find_answer(int status, uint64_t size, bool closes)
{
    struct answer *answer;

    for (int i = 0; i < stub.n_answers; i++) {
        answer = &stub.answers[i];
        if (answer->size == size && answer->status == status && answer->closes == closes) {
            return answer;
        }
    }
    if (stub.n_answers == MAX_ANSWERS) {
        util_die("answers of more than %d sizes were asked for", MAX_ANSWERS / 2);
    }
    answer = &stub.answers[stub.n_answers++];
    *answer = (struct answer){.size = size, .status = status, .closes = closes};
    make_answer(answer);
    return answer;
}

static void choose_answer(struct conn *conn)
{
    const struct http_request *request = &conn->request;

    if (!request->is_known) {
        conn->answer = find_answer(404, 0, true);
    } else if (conn->is_wrong) {
        conn->answer = find_answer(400, 0, true);
    } else {
        conn->answer = find_answer(200, request->answer_size, request->closes);
    }
    conn->answer_at = 0;
}

/* Write the answer or what is left of it. Returns false when the connection is to be closed. */
static bool send_answer(struct conn *conn)
{
    struct answer *answer = conn->answer;
    ssize_t n;

    /* All answers of a size are one text, so the start of the body is written each time. */
    if (conn->request.has_tag && answer->size >= HTTP_BODY_TAG_BYTES &&
        conn->answer_at < answer->n_head + HTTP_BODY_TAG_BYTES) {
        memcpy(answer->text + answer->n_head, conn->request.tag, HTTP_BODY_TAG_BYTES);
    }
    n = write(conn->fd, answer->text + conn->answer_at, answer->n_text - conn->answer_at);
    if (n < 0) {
        return errno == EAGAIN;
    }
    conn->answer_at += (size_t)n;
    if (conn->answer_at == answer->n_text) {
        conn->answer = NULL;
        return !answer->closes;
    }
    return true;
}

static void conn_close(struct conn *conn)
{
    close(conn->fd);
    free(conn->input);
    free(conn);
}

/* Read a head at the start of [text]. Returns its length, 0 if it is not complete. */
static size_t take_head(struct conn *conn, const char *text, size_t len)
{
    const char *blank = memmem(text, len, "\r\n\r\n", 4);
    size_t n_head;

    if (blank == NULL) {
        return 0;
    }
    n_head = (size_t)(blank - text) + 4;
    http_request_parse(&conn->request, text, n_head);
    conn->in_body = true;
    conn->is_wrong = conn->request.body_size > HTTP_BODY_MAX_BYTES;
    conn->body_at = 0;
    return n_head;
}

/* Take as much of the request's body as [text] has; answer when that is all. */
static size_t take_body(struct conn *conn, const char *text, size_t len)
{
    uint64_t left = conn->request.body_size - conn->body_at;
    size_t n = len < left ? len : (size_t)left;

    if (!conn->is_wrong && n > 0) {
        const char *pattern = pattern_of(conn->request.body_size);
        conn->is_wrong = !http_body_matches(pattern, conn->body_at, text, n);
    }
    conn->body_at += n;
    if (conn->body_at == conn->request.body_size || conn->is_wrong || !conn->request.is_known) {
        conn->in_body = false;
        choose_answer(conn);
    }
    return n;
}

/* Answer the whole requests in [text] up to where the peer stops taking answers. Returns how many
 * bytes are used, or SIZE_MAX when the connection is to be closed. */
static size_t answer_input(struct conn *conn, const char *text, size_t len)
{
    size_t used = 0;

    while (conn->answer == NULL && (used < len || conn->in_body)) {
        if (!conn->in_body) {
            size_t n = take_head(conn, text + used, len - used);
            if (n == 0) {
                break;
            }
            used += n;
        }
        used += take_body(conn, text + used, len - used);
        if (conn->answer == NULL) {
            break;
        }
        if (!send_answer(conn)) {
            return SIZE_MAX;
        }
    }
    return used;
}

/* Replace the kept input by [text]. Returns false when it is too long to be a head. */
static bool keep_input(struct conn *conn, const char *text, size_t len)
{
    if (len > HEAD_MAX_BYTES) {
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
    conn->more_input = len > 0 && conn->answer != NULL;
    return true;
}

/* One round: send what is left, read once, answer. Returns false to close. */
static bool serve_round(struct conn *conn, bool *again)
{
    size_t kept = conn->n_input;
    size_t used;
    ssize_t n;

    *again = false;
    if (conn->answer != NULL && !send_answer(conn)) {
        return false;
    }
    if (conn->answer != NULL) {
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
    return used != SIZE_MAX && keep_input(conn, stub.buffer + used, kept - used);
}

static void serve(struct conn *conn, uint32_t events)
{
    bool closing = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    bool again = true;

    /* A short read means that the socket is empty and the next byte is a new edge. */
    while (again) {
        if (!serve_round(conn, &again)) {
            conn_close(conn);
            return;
        }
        again = (again || closing || conn->more_input) && conn->answer == NULL;
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

static const char usage[] =
    "usage: ringway-bench-http-stub [--ports A,B,... | --n N] [options]\n"
    "  --ports A,B,...  ports to serve; 0 lets the system choose\n"
    "  --n N            number of ports that the system chooses (1)\n"
    "  --host ADDRESS   address to listen on (127.0.0.1)\n"
    "Prints 'ports A,B,...' when it is ready and serves until it is killed.\n";

struct settings {
    const char *host;
    size_t n_ports;
    uint16_t ports[MAX_PORTS];
};

static void parse_ports(struct settings *settings, char *list)
{
    char *save = NULL;

    settings->n_ports = 0;
    for (char *text = strtok_r(list, ",", &save); text; text = strtok_r(NULL, ",", &save)) {
        if (settings->n_ports == MAX_PORTS) {
            util_die("at most %d ports", MAX_PORTS);
        }
        settings->ports[settings->n_ports++] = (uint16_t)util_number("ports", text, 0, 65535);
    }
}

static void parse_args(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {
        {"ports", required_argument, NULL, 'P'},
        {"n", required_argument, NULL, 'n'},
        {"host", required_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'P') {
            parse_ports(settings, optarg);
        } else if (c == 'n') {
            settings->n_ports = util_number("n", optarg, 1, MAX_PORTS);
        } else if (c == 'h') {
            settings->host = optarg;
        } else {
            fputs(usage, stderr);
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    struct settings settings = {.host = "127.0.0.1", .n_ports = 1};
    time_t now = time(NULL);
    struct tm tm;

    parse_args(argc, argv, &settings);
    util_need_files(1024);
    signal(SIGPIPE, SIG_IGN);
    if (gmtime_r(&now, &tm) == NULL ||
        strftime(stub.date, sizeof(stub.date), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0) {
        util_die("cannot tell the date");
    }
    stub.buffer = util_alloc(1, HEAD_MAX_BYTES + READ_MAX_BYTES);
    stub.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_all(settings.host, settings.ports, settings.n_ports);
    run();
}
