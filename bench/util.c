#include "util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void util_die(const char *format, ...)
{
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, message);
    exit(2);
}

uint64_t util_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void *util_alloc(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (p == NULL && n > 0 && size > 0) {
        util_die("out of memory");
    }
    return p;
}

uint64_t util_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
    char *end = NULL;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value < min || value > max) {
        util_die("--%s must be a number from %llu to %llu, not '%s'", option,
                 (unsigned long long)min, (unsigned long long)max, text);
    }
    return value;
}

uint64_t util_seconds(const char *option, const char *text)
{
    char *end = NULL;
    double value;

    errno = 0;
    value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !isfinite(value) || value < 0 ||
        value > 86400) {
        util_die("--%s must be a number of seconds, not '%s'", option, text);
    }
    return (uint64_t)(value * 1e9);
}

void util_need_files(size_t needed)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        util_die("cannot read the limit of open files: %s", strerror(errno));
    }
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < needed) {
        util_die("%zu open files needed, the hard limit is %llu", needed,
                 (unsigned long long)limit.rlim_max);
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        util_die("cannot raise the limit of open files: %s", strerror(errno));
    }
}

void util_addr_tcp(struct util_addr *addr, const char *host, uint16_t port)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    memset(addr, 0, sizeof(*addr));
    if (inet_pton(AF_INET, host, &in4.sin_addr) == 1) {
        memcpy(&addr->sa, &in4, sizeof(in4));
        addr->len = sizeof(in4);
    } else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
        memcpy(&addr->sa, &in6, sizeof(in6));
        addr->len = sizeof(in6);
    } else {
        util_die("'%s' is not a numeric address", host);
    }
}

void util_addr_unix(struct util_addr *addr, const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(un.sun_path)) {
        util_die("'%s' does not fit a socket path", path);
    }
    memcpy(un.sun_path, path, len);
    memset(addr, 0, sizeof(*addr));
    memcpy(&addr->sa, &un, sizeof(un));
    addr->len = sizeof(un);
}

static int wait_connected(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof(error);
    int n = poll(&poll_fd, 1, timeout_ms);

    if (n == 0) {
        return -ETIMEDOUT;
    }
    if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        return -errno;
    }
    return -error;
}

int util_connect_start(const struct util_addr *addr)
{
    int one = 1;
    int error = 0;
    int fd = socket(addr->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    if (addr->sa.ss_family != AF_UNIX &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0) {
        error = -errno;
    }
    if (error == 0 && connect(fd, (const struct sockaddr *)&addr->sa, addr->len) != 0 &&
        errno != EINPROGRESS) {
        error = -errno;
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    return fd;
}

int util_connect(const struct util_addr *addr, int timeout_ms)
{
    int fd = util_connect_start(addr);
    int error = fd < 0 ? fd : wait_connected(fd, timeout_ms);

    if (fd >= 0 && error != 0) {
        close(fd);
        return error;
    }
    return fd;
}

int util_listen(const struct util_addr *addr, uint16_t *port)
{
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    } bound;
    socklen_t len = sizeof(bound);
    int one = 1;
    int fd = socket(addr->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memset(&bound, 0, sizeof(bound));
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (const struct sockaddr *)&addr->sa, addr->len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, &bound.sa, &len) != 0) {
        util_die("cannot listen: %s", strerror(errno));
    }
    *port = ntohs(bound.sa.sa_family == AF_INET6 ? bound.in6.sin6_port : bound.in4.sin_port);
    return fd;
}
