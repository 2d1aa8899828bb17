/*
 * Objects of one size, kept for reuse by one thread. Address sanitizer builds keep nothing, so that
 * it sees a use after free.
 */
#ifndef RINGWAY_DATA_FREELIST_H
#define RINGWAY_DATA_FREELIST_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"

#if defined(__SANITIZE_ADDRESS__)
#define FREELIST_KEEPS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FREELIST_KEEPS 0
#endif
#endif
#ifndef FREELIST_KEEPS
#define FREELIST_KEEPS 1
#endif

struct freelist {
    void *first;
    size_t size;   /* bytes of an object */
    uint32_t kept; /* objects in the list now */
    uint32_t max;  /* objects worth keeping; more go back to malloc */
};

static inline void freelist_init(struct freelist *list, size_t size, uint32_t max)
{
    *list = (struct freelist){NULL, size < sizeof(void *) ? sizeof(void *) : size, 0, max};
}

/** An uninitialised object; aborts when out of memory (all uses are bounded). */
static inline void *freelist_get(struct freelist *list)
{
    void *object = list->first;

    if (object != NULL) {
        list->first = *(void **)object;
        list->kept--;
        return object;
    }
    return xmalloc(list->size);
}

static inline void freelist_put(struct freelist *list, void *object)
{
    if (!FREELIST_KEEPS || list->kept >= list->max) {
        free(object);
        return;
    }
    *(void **)object = list->first;
    list->first = object;
    list->kept++;
}

static inline void freelist_deinit(struct freelist *list)
{
    while (list->first != NULL) {
        void *object = list->first;

        list->first = *(void **)object;
        free(object);
    }
    list->kept = 0;
}

#endif
