/*
 * Allocation that cannot fail: everything is bounded by configuration before it is allocated, so
 * running out of memory means that the machine is out of it, and the process aborts.
 */
#ifndef RINGWAY_BASE_MEMORY_H
#define RINGWAY_BASE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static inline void *xcalloc(size_t n, size_t size)
{
    void *memory = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

static inline void *xmalloc(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

static inline void *xrealloc(void *old, size_t size)
{
    void *memory = realloc(old, size > 0 ? size : 1);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

static inline char *xstrdup(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        abort();
    }
    return copy;
}

#endif
