/*
 * Strings of their own memory; the caller frees them. Running out of memory ends the process.
 */
#ifndef RINGWAY_CONFIG_TEXT_H
#define RINGWAY_CONFIG_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/** [len] bytes of [bytes] and a closing NUL. */
char *text_copy(const void *bytes, size_t len);

/** What printf would print. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_format_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

#endif
