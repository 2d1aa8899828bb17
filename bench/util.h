/*
 * What the measuring programs share: clock, sockets, numbers, and dying with a message.
 *
 * Everything here may exit the process: a measuring tool that cannot set itself up has nothing
 * better to do than to say why. Nothing here is used between the start and the end of a
 * measurement except util_now_ns().
 */
#ifndef RINGWAY_BENCH_UTIL_H
#define RINGWAY_BENCH_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct util_addr {
    struct sockaddr_storage sa;
    socklen_t len;
};

/** Print "program: message" to standard error and exit with status 2. */
void util_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/** Monotonic time in nanoseconds; a vDSO call, about 20 ns. */
uint64_t util_now_ns(void);

/** calloc() that dies instead of returning NULL; the caller owns and frees the result. */
void *util_alloc(size_t n, size_t size);

/** [text] as a decimal number in [min]..[max]; dies naming [option] otherwise. */
uint64_t util_number(const char *option, const char *text, uint64_t min, uint64_t max);

/** [text] as a number of seconds (fractions allowed), in nanoseconds; dies naming [option]. */
uint64_t util_seconds(const char *option, const char *text);

/** Raise the soft limit of open files to the hard one; dies if that is below [needed]. */
void util_need_files(size_t needed);

/** Fill [addr] from a numeric IPv4 or IPv6 [host] and [port]; dies if it is not numeric. */
void util_addr_tcp(struct util_addr *addr, const char *host, uint16_t port);

/** Fill [addr] with the path of a Unix socket; dies if it is too long. */
void util_addr_unix(struct util_addr *addr, const char *path);

/**
 * Connect to [addr], waiting up to [timeout_ms].
 *
 * Returns a non-blocking descriptor (TCP_NODELAY set on TCP) that the caller closes, or a negative
 * errno value.
 */
int util_connect(const struct util_addr *addr, int timeout_ms);

/**
 * Begin to connect to [addr]; what is written before the connection is there fails with EAGAIN.
 *
 * Returns a non-blocking descriptor (TCP_NODELAY set on TCP) that the caller closes, or a negative
 * errno value.
 */
int util_connect_start(const struct util_addr *addr);

/**
 * Listen on [addr], a TCP address whose port may be 0. Dies on failure.
 *
 * Returns a non-blocking descriptor and stores the port in use in [port].
 */
int util_listen(const struct util_addr *addr, uint16_t *port);

#endif
