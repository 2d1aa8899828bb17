#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX 2048u
/* Time, level and punctuation, then a message of which every byte may become "\u0000". */
#define LINE_MAX_BYTES (128u + 6u * MESSAGE_MAX)

/*
 * Set by log_init() before other threads start and read only after that. Reopening replaces what
 * stands behind the descriptor, not its number, so writers need no lock.
 */
static struct {
    enum log_level level;
    bool json;
    const char *file;
    int fd;
    bool is_own;              /* fd was opened here */
    bool is_socket;           /* standard error is a socket, as under systemd */
    _Atomic uint64_t dropped; /* lines that a reader was too slow for, not yet told */
} state = {.level = LOG_INFO, .fd = STDERR_FILENO};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

static int open_file(const char *file)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

    return fd < 0 ? -errno : fd;
}

/* Standard error, so that writing never waits for who reads it: a pipe is opened anew, because the
 * flag of the old description is shared with other processes. */
static int open_stderr(bool *is_own, bool *is_socket)
{
    struct stat target;
    int fd;

    if (fstat(STDERR_FILENO, &target) != 0) {
        return STDERR_FILENO;
    }
    *is_socket = S_ISSOCK(target.st_mode);
    if (!S_ISFIFO(target.st_mode)) {
        return STDERR_FILENO;
    }
    fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    *is_own = fd >= 0;
    return fd >= 0 ? fd : STDERR_FILENO;
}

int log_init(const struct log_options *options)
{
    bool is_own = options->file != NULL, is_socket = false;
    int fd = is_own ? open_file(options->file) : open_stderr(&is_own, &is_socket);

    if (fd < 0) {
        return fd;
    }
    log_deinit();
    state.is_own = is_own;
    state.is_socket = is_socket;
    state.level = options->level;
    state.json = options->json;
    state.file = options->file;
    state.fd = fd;
    return 0;
}

int log_reopen(void)
{
    int fd, result = 0;

    if (state.file == NULL) {
        return 0;
    }
    fd = open_file(state.file);
    if (fd < 0) {
        return fd;
    }
    if (dup3(fd, state.fd, O_CLOEXEC) < 0) {
        result = -errno;
    }
    (void)close(fd);
    return result;
}

void log_deinit(void)
{
    if (state.is_own) {
        (void)close(state.fd);
    }
    state.is_own = false;
    state.is_socket = false;
    state.level = LOG_INFO;
    state.json = false;
    state.file = NULL;
    state.fd = STDERR_FILENO;
}

bool log_enabled(enum log_level level)
{
    return level >= state.level;
}

bool log_is_json(void)
{
    return state.json;
}

static ssize_t write_once(const char *bytes, size_t len)
{
    ssize_t n;

    do {
        n = state.is_socket ? send(state.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                            : write(state.fd, bytes, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Say how much was lost, as soon as there is room. Returns false when there is none. */
static bool tell_dropped(void)
{
    uint64_t dropped = atomic_exchange(&state.dropped, 0);
    char line[96];
    int len;

    if (dropped == 0) {
        return true;
    }
    len = snprintf(line, sizeof(line),
                   state.json ? "{\"event\":\"log dropped\",\"writes\":%llu}\n"
                              : "log: %llu writes were dropped, the reader is too slow\n",
                   (unsigned long long)dropped);
    if (write_once(line, (size_t)len) < 0) {
        atomic_fetch_add(&state.dropped, dropped);
        return false;
    }
    return true;
}

void log_write_raw(const char *lines, size_t len)
{
    /* Another failure than a full pipe has nowhere to be told. */
    if (!tell_dropped() || (write_once(lines, len) < 0 && errno == EAGAIN)) {
        atomic_fetch_add(&state.dropped, 1);
    }
}

/* Length of the well-formed UTF-8 sequence at [text], 0 if there is none. RFC 3629. */
static size_t utf8_len(const unsigned char *text, size_t len)
{
    size_t n = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    size_t i;

    if (n > len || (text[0] >= 0x80 && text[0] < 0xc2) || text[0] > 0xf4) {
        return 0;
    }
    for (i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f)) {
        return 0;
    }
    return n;
}

/* Write one byte that may not stand as it is: at most 6 bytes to [out]. */
static size_t escape_byte(char *out, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    const char *prefix = state.json ? "\\u00" : "\\x";
    size_t n;

    if (state.json && byte >= 0x80) { /* not UTF-8: JSON has no way to say which byte it was */
        memcpy(out, "\\ufffd", 6);
        return 6;
    }
    if (byte == '\n' || byte == '\r' || byte == '\t') {
        out[0] = '\\';
        out[1] = byte == '\n' ? 'n' : byte == '\r' ? 'r' : 't';
        return 2;
    }
    n = strlen(prefix);
    memcpy(out, prefix, n);
    out[n] = hex[byte >> 4];
    out[n + 1] = hex[byte & 15];
    return n + 2;
}

/* Copy [text] so that it is one line, and a JSON string where the log is JSON. */
static size_t escape(char *out, const char *text, size_t len)
{
    const unsigned char *in = (const unsigned char *)text;
    size_t used = 0, i = 0;

    while (i < len) {
        size_t n = utf8_len(in + i, len - i);

        if (state.json && (in[i] == '"' || in[i] == '\\')) {
            out[used++] = '\\';
        }
        if (n == 0 || in[i] < 0x20 || in[i] == 0x7f) {
            used += escape_byte(out + used, in[i]);
            i++;
            continue;
        }
        memcpy(out + used, in + i, n);
        used += n;
        i += n;
    }
    return used;
}

/* What stands before the message, at most 128 bytes. */
static size_t write_prefix(char *out, size_t max, enum log_level level)
{
    struct timespec now;
    struct tm utc;
    char date[32];
    int n;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    if (state.json) {
        n = snprintf(out, max, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":\"", date,
                     now.tv_nsec / 1000000, level_names[level]);
    } else {
        n = snprintf(out, max, "%s.%03ldZ %-5s ", date, now.tv_nsec / 1000000, level_names[level]);
    }
    return n < 0 ? 0 : (size_t)n;
}

void log_write(enum log_level level, const char *format, ...)
{
    char message[MESSAGE_MAX], line[LINE_MAX_BYTES];
    int saved_errno = errno;
    const char *end;
    size_t used, len;
    va_list args;
    int n;

    if (!log_enabled(level)) {
        return;
    }
    va_start(args, format);
    n = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    len = n < 0 ? 0 : (size_t)n < sizeof message ? (size_t)n : sizeof message - 1;
    used = write_prefix(line, 128, level);
    used += escape(line + used, message, len);
    end = state.json ? "\"}\n" : "\n";
    memcpy(line + used, end, strlen(end));
    log_write_raw(line, used + strlen(end));
    errno = saved_errno;
}
