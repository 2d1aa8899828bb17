/*
 * The bodies of an HTTP measurement. Byte i of a body depends on i only, and does not repeat within
 * short distances, so a byte that is missing, doubled or out of order moves all that follow; the
 * first bytes of a response of eight bytes or more are the end of the path it answers, so an answer
 * to another's request is seen.
 */
#ifndef RINGWAY_BENCH_HTTP_BODY_H
#define RINGWAY_BENCH_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_BODY_TAG_BYTES = 8,
    HTTP_BODY_MAX_BYTES = 64 * 1024 * 1024,
};

/** Fill the first [n] bytes of a body. */
void http_body_fill(char *body, size_t n);

/**
 * Compare [len] bytes that were read at [offset] of a body with [body], made by http_body_fill():
 * the first four KiB and the last 64 bytes of them, so that a body costs little to check whatever
 * its size. [offset] + [len] may not be above the size of [body].
 */
bool http_body_matches(const char *body, uint64_t offset, const char *text, size_t len);

#endif
