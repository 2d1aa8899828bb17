/*
 * The process log: one line an event, text or JSON, to standard error or a file that can be
 * reopened. Any thread may log; a line is written whole by one write(2). Where standard error is a
 * pipe or a socket, writing never waits: what its reader is too slow for is dropped and counted in
 * the log itself.
 */
#ifndef RINGWAY_BASE_LOG_H
#define RINGWAY_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_options {
    enum log_level level;
    bool json;
    const char *file; /* NULL: standard error. Borrowed until log_deinit(). */
};

/** Start logging as [options] say. Returns 0, or -errno when the file cannot be opened. */
int log_init(const struct log_options *options);

/** Reopen the file under its name (after rotation). Returns 0 or -errno; then the old stays. */
int log_reopen(void);
void log_deinit(void);

bool log_enabled(enum log_level level);

/** Write a line; [format] as printf. Text is escaped so that one event is always one line. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) (log_enabled(LOG_DEBUG) ? log_write(LOG_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

/** Write [len] bytes of finished lines (the access log) as they are; one write(2). */
void log_write_raw(const char *lines, size_t len);

/** True when the log is in JSON. */
bool log_is_json(void);

#endif
