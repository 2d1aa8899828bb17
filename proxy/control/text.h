/*
 * Text that grows while a document is written. Aborts when out of memory: what is written is
 * bounded by the configuration.
 */
#ifndef RINGWAY_CONTROL_TEXT_H
#define RINGWAY_CONTROL_TEXT_H

#include <stddef.h>

/* Begin with all zero bytes. */
struct text {
    char *data; /* NULL when empty; no NUL at the end */
    size_t len, size;
};

void text_add_bytes(struct text *text, const char *bytes, size_t len);
void text_add(struct text *text, const char *string);

/** As printf; one call may add at most 1023 bytes, what is longer is cut. */
void text_add_format(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void text_deinit(struct text *text);

#endif
