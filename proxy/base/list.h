/*
 * An intrusive doubly linked list: the links live in the element, so adding and removing never
 * allocates. A list head is a link of its own; an empty list points to itself.
 */
#ifndef RINGWAY_BASE_LIST_H
#define RINGWAY_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

/** The element of [type] whose link [member] is [link]. */
#define LIST_ENTRY(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_append(struct list *head, struct list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void list_prepend(struct list *head, struct list *link)
{
    list_append(head->next, link);
}

/** Remove [link] from its list; removing an initialised but unlinked link is harmless. */
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

static inline struct list *list_pop(struct list *head)
{
    struct list *link = head->next;

    if (link == head) {
        return NULL;
    }
    list_remove(link);
    return link;
}

#endif
