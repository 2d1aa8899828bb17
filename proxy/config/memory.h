/*
 * Allocation for the configuration: everything is bounded before it is allocated, so running out
 * of memory ends the process.
 */
#ifndef RINGWAY_CONFIG_MEMORY_H
#define RINGWAY_CONFIG_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

/** [n] zeroed elements of [size] bytes; never NULL, also for none. The caller frees. */
void *memory_zeroed(size_t n, size_t size);

/** Resize [old] (may be NULL) to [n] elements of [size] bytes; never NULL. */
void *memory_resize(void *old, size_t n, size_t size);

/** Copies; the caller frees. [len] bytes of [text] and a closing NUL. */
char *memory_copy_text(const char *text);
char *memory_copy_bytes(const void *text, size_t len);

/** A new string as printf would print it; the caller frees. */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *memory_format_list(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

#endif
