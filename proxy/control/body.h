/*
 * The body of an answer: bytes that grow while a document is written. Aborts when out of memory:
 * what is written is bounded by the configuration.
 */
#ifndef RINGWAY_CONTROL_BODY_H
#define RINGWAY_CONTROL_BODY_H

#include <stddef.h>

/* Begin with all zero bytes. */
struct body {
    char *data; /* NULL when empty; no NUL at the end */
    size_t len, size;
};

void body_add_bytes(struct body *body, const char *bytes, size_t len);
void body_add(struct body *body, const char *string);

/** As printf; one call may add at most 1023 bytes, what is longer is cut. */
void body_add_format(struct body *body, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void body_deinit(struct body *body);

#endif
