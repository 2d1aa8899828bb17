/*
 * A memcached in a hundred items: what a well-behaved shard answers to requests that were parsed
 * with the proxy's own parser. A CAS id counts the changes of its key, so that it does not depend
 * on which shard a key lives on.
 *
 * Anything that a shard must never be sent is a violation: the first is kept as a text.
 */
#ifndef RINGWAY_TESTS_SUPPORT_FAKE_MEMCACHE_H
#define RINGWAY_TESTS_SUPPORT_FAKE_MEMCACHE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/memcache_request.h"

#define FAKE_ITEMS_MAX 128u

/* Bytes that grow. */
struct bytes {
    uint8_t *data;
    size_t len, room;
};

static inline void bytes_add(struct bytes *to, const void *data, size_t len)
{
    if (to->len + len > to->room) {
        to->room = (to->len + len) * 2;
        to->data = realloc(to->data, to->room);
        if (to->data == NULL) {
            abort();
        }
    }
    if (len > 0) {
        memcpy(to->data + to->len, data, len);
    }
    to->len += len;
}

static inline void bytes_add_text(struct bytes *to, const char *text)
{
    bytes_add(to, text, strlen(text));
}

static inline void bytes_drop(struct bytes *from, size_t n)
{
    if (n > 0) {
        memmove(from->data, from->data + n, from->len - n);
        from->len -= n;
    }
}

static inline void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

struct fake_item {
    uint8_t key[MEMCACHE_KEY_MAX];
    size_t key_len;
    char flags[16];
    struct bytes value;
    uint64_t cas;
};

struct fake_memcache {
    struct fake_item items[FAKE_ITEMS_MAX];
    size_t n_items;
    const char *violation; /* NULL: none */
};

static inline struct fake_item *fake_find(struct fake_memcache *cache, struct slice key)
{
    for (size_t i = 0; i < cache->n_items; i++) {
        if (slice_equal(slice_make(cache->items[i].key, cache->items[i].key_len), key)) {
            return &cache->items[i];
        }
    }
    return NULL;
}

static inline void fake_remove(struct fake_memcache *cache, struct fake_item *item)
{
    bytes_free(&item->value);
    *item = cache->items[--cache->n_items];
}

static inline void fake_clear(struct fake_memcache *cache)
{
    while (cache->n_items > 0) {
        fake_remove(cache, &cache->items[0]);
    }
}

/* A full table forgets its oldest item, as memcached would. */
static inline struct fake_item *fake_add(struct fake_memcache *cache, struct slice key)
{
    struct fake_item *item;

    if (cache->n_items == FAKE_ITEMS_MAX) {
        fake_remove(cache, &cache->items[0]);
    }
    item = &cache->items[cache->n_items++];
    memset(item, 0, sizeof(*item));
    memcpy(item->key, key.data, key.len);
    item->key_len = key.len;
    memcpy(item->flags, "0", 2);
    return item;
}

static inline void fake_put(struct fake_item *item, struct slice flags, struct slice value)
{
    item->value.len = 0;
    bytes_add(&item->value, value.data, value.len);
    item->cas++;
    snprintf(item->flags, sizeof(item->flags), "%.*s", (int)flags.len, (const char *)flags.data);
}

/* The next word of [rest]. */
static inline struct slice fake_word(struct slice *rest)
{
    struct slice word;

    while (rest->len > 0 && rest->data[0] == ' ') {
        *rest = slice_skip(*rest, 1);
    }
    word = slice_make(rest->data, 0);
    while (rest->len > 0 && rest->data[0] != ' ') {
        *rest = slice_skip(*rest, 1);
        word.len++;
    }
    return word;
}

static inline uint64_t fake_number(struct slice text)
{
    char copy[32];

    snprintf(copy, sizeof(copy), "%.*s", (int)text.len, (const char *)text.data);
    return strtoull(copy, NULL, 10);
}

/* ---- classic ----------------------------------------------------------------------------- */

static inline void fake_retrieve(struct fake_memcache *cache, const struct memcache_request *r,
                                 struct bytes *out)
{
    bool with_cas = r->command == MEMCACHE_GETS || r->command == MEMCACHE_GATS;
    struct slice rest = r->keys, key;
    char text[64];

    while ((key = memcache_keys_next(&rest)).len > 0) {
        const struct fake_item *item = fake_find(cache, key);

        if (item == NULL) {
            continue;
        }
        bytes_add_text(out, "VALUE ");
        bytes_add(out, key.data, key.len);
        snprintf(text, sizeof(text), " %s %zu", item->flags, item->value.len);
        bytes_add_text(out, text);
        if (with_cas) {
            snprintf(text, sizeof(text), " %" PRIu64, item->cas);
            bytes_add_text(out, text);
        }
        bytes_add_text(out, "\r\n");
        bytes_add(out, item->value.data, item->value.len);
        bytes_add_text(out, "\r\n");
    }
    bytes_add_text(out, "END\r\n");
}

/* append, prepend: the flags stay. */
static inline void fake_extend(struct fake_item *item, struct slice value, bool behind)
{
    struct bytes joined = {0};

    bytes_add(&joined, behind ? item->value.data : value.data,
              behind ? item->value.len : value.len);
    bytes_add(&joined, behind ? value.data : item->value.data,
              behind ? value.len : item->value.len);
    bytes_free(&item->value);
    item->value = joined;
    item->cas++;
}

static inline const char *fake_store(struct fake_memcache *cache, const struct memcache_request *r,
                                     struct slice value)
{
    struct fake_item *item = fake_find(cache, r->key);
    struct slice rest = r->args, flags = fake_word(&rest);

    switch ((int)r->command) {
    case MEMCACHE_ADD:
        if (item != NULL) {
            return "NOT_STORED\r\n";
        }
        break;
    case MEMCACHE_REPLACE:
    case MEMCACHE_APPEND:
    case MEMCACHE_PREPEND:
        if (item == NULL) {
            return "NOT_STORED\r\n";
        }
        break;
    case MEMCACHE_CAS:
        (void)fake_word(&rest);
        (void)fake_word(&rest);
        if (item == NULL) {
            return "NOT_FOUND\r\n";
        }
        if (item->cas != fake_number(fake_word(&rest))) {
            return "EXISTS\r\n";
        }
        break;
    }
    if (r->command == MEMCACHE_APPEND || r->command == MEMCACHE_PREPEND) {
        fake_extend(item, value, r->command == MEMCACHE_APPEND);
        return "STORED\r\n";
    }
    fake_put(item != NULL ? item : fake_add(cache, r->key), flags, value);
    return "STORED\r\n";
}

static inline void fake_count(struct fake_item *item, uint64_t by, bool up, struct bytes *out)
{
    uint64_t now = fake_number(slice_make(item->value.data, item->value.len));
    char text[32];
    int len;

    now = up ? now + by : now > by ? now - by : 0;
    len = snprintf(text, sizeof(text), "%" PRIu64, now);
    item->value.len = 0;
    bytes_add(&item->value, text, (size_t)len);
    item->cas++;
    bytes_add(out, text, (size_t)len);
    bytes_add_text(out, "\r\n");
}

static inline bool fake_is_number(const struct fake_item *item)
{
    for (size_t i = 0; i < item->value.len; i++) {
        if (item->value.data[i] < '0' || item->value.data[i] > '9') {
            return false;
        }
    }
    return item->value.len > 0;
}

static inline void fake_single(struct fake_memcache *cache, const struct memcache_request *r,
                               struct bytes *out)
{
    struct fake_item *item = fake_find(cache, r->key);

    if (item == NULL) {
        bytes_add_text(out, "NOT_FOUND\r\n");
    } else if (r->command == MEMCACHE_DELETE) {
        fake_remove(cache, item);
        bytes_add_text(out, "DELETED\r\n");
    } else if (r->command == MEMCACHE_TOUCH) {
        bytes_add_text(out, "TOUCHED\r\n");
    } else if (!fake_is_number(item)) {
        bytes_add_text(out, "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n");
    } else {
        fake_count(item, fake_number(r->args), r->command == MEMCACHE_INCR, out);
    }
}

/* ---- meta -------------------------------------------------------------------------------- */

/* The flag that begins with [letter], as it stands on the line; empty: none. */
static inline struct slice fake_flag(const struct memcache_request *r, char letter)
{
    struct slice rest = r->args, word;

    if (r->command == MEMCACHE_MS) {
        (void)fake_word(&rest); /* the length */
    }
    while ((word = fake_word(&rest)).len > 0) {
        if (word.data[0] == letter) {
            return word;
        }
    }
    return word;
}

static inline void fake_meta_flags(const struct fake_item *item, const struct memcache_request *r,
                                   struct bytes *out)
{
    struct slice rest = r->args, word;
    char text[48];

    if (r->command == MEMCACHE_MS) {
        (void)fake_word(&rest);
    }
    while ((word = fake_word(&rest)).len > 0) {
        text[0] = '\0';
        if (word.data[0] == 'k') {
            bytes_add_text(out, " k");
            bytes_add(out, r->key.data, r->key.len);
        } else if (word.data[0] == 'O' || word.data[0] == 'b') {
            bytes_add_text(out, " ");
            bytes_add(out, word.data, word.len);
        } else if (word.data[0] == 'f' && item != NULL) {
            snprintf(text, sizeof(text), " f%s", item->flags);
        } else if (word.data[0] == 's' && item != NULL) {
            snprintf(text, sizeof(text), " s%zu", item->value.len);
        } else if (word.data[0] == 'c' && item != NULL) {
            snprintf(text, sizeof(text), " c%" PRIu64, item->cas);
        }
        bytes_add_text(out, text);
    }
    bytes_add_text(out, "\r\n");
}

static inline void fake_meta_value(const struct fake_item *item, const struct memcache_request *r,
                                   struct bytes *out)
{
    bool shows = fake_flag(r, 'v').len > 0;
    char text[32];

    snprintf(text, sizeof(text), "VA %zu", item->value.len);
    bytes_add_text(out, shows ? text : "HD");
    fake_meta_flags(item, r, out);
    if (shows) {
        bytes_add(out, item->value.data, item->value.len);
        bytes_add_text(out, "\r\n");
    }
}

static inline void fake_meta(struct fake_memcache *cache, const struct memcache_request *r,
                             struct bytes *out)
{
    struct fake_item *item = fake_find(cache, memcache_request_route_key(r));
    struct slice delta = fake_flag(r, 'D'), mode = fake_flag(r, 'M');
    struct bytes ignored = {0};

    if (item == NULL) {
        bytes_add_text(out, r->command == MEMCACHE_MG || r->command == MEMCACHE_ME ? "EN" : "NF");
        if (r->command == MEMCACHE_MG || r->command == MEMCACHE_ME) {
            bytes_add_text(out, "\r\n");
        } else {
            fake_meta_flags(NULL, r, out);
        }
    } else if (r->command == MEMCACHE_MD) {
        fake_remove(cache, item);
        bytes_add_text(out, "HD");
        fake_meta_flags(NULL, r, out);
    } else if (r->command == MEMCACHE_ME) {
        bytes_add_text(out, "ME ");
        bytes_add(out, r->key.data, r->key.len);
        bytes_add_text(out, " exp=-1 la=0 cas=1 fetch=no cls=1 size=64\r\n");
    } else if (r->command == MEMCACHE_MA && !fake_is_number(item)) {
        bytes_add_text(out, "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n");
    } else if (r->command == MEMCACHE_MA) {
        bool down =
            mode.len > 1 && (mode.data[1] == 'D' || mode.data[1] == 'd' || mode.data[1] == '-');

        fake_count(item, delta.len > 0 ? fake_number(slice_skip(delta, 1)) : 1, !down, &ignored);
        bytes_free(&ignored);
        fake_meta_value(item, r, out);
    } else {
        fake_meta_value(item, r, out);
    }
}

static inline void fake_meta_set(struct fake_memcache *cache, const struct memcache_request *r,
                                 struct slice value, struct bytes *out)
{
    struct slice key = memcache_request_route_key(r), mode = fake_flag(r, 'M');
    struct slice flags = fake_flag(r, 'F'), compare = fake_flag(r, 'C');
    struct fake_item *item = fake_find(cache, key);
    int how = mode.len > 1 ? mode.data[1] & 0x5f : 'S';
    bool adds = how == 'E', needs = how == 'A' || how == 'P' || how == 'R';

    if (compare.len > 0 && item == NULL) {
        bytes_add_text(out, "NF");
    } else if (compare.len > 0 && item->cas != fake_number(slice_skip(compare, 1))) {
        bytes_add_text(out, "EX");
    } else if ((adds && item != NULL) || (needs && item == NULL)) {
        bytes_add_text(out, "NS");
    } else if (how == 'A' || how == 'P') {
        fake_extend(item, value, how == 'A');
        bytes_add_text(out, "HD");
    } else {
        item = item != NULL ? item : fake_add(cache, key);
        fake_put(item, flags.len > 1 ? slice_skip(flags, 1) : slice_of("0"), value);
        bytes_add_text(out, "HD");
    }
    fake_meta_flags(item, r, out);
}

/* ---- all --------------------------------------------------------------------------------- */

static inline void fake_violate(struct fake_memcache *cache, const char *what)
{
    if (cache->violation == NULL) {
        cache->violation = what;
    }
}

/** Answer [r]; [value] is what stood behind a storage command's line, without its CRLF. */
static inline void fake_answer(struct fake_memcache *cache, const struct memcache_request *r,
                               struct slice value, struct bytes *out)
{
    if (r->noreply || r->quiet) {
        fake_violate(cache, "a shard was asked for no reply");
    }
    switch (memcache_command_class(r->command)) {
    case MEMCACHE_CLASS_RETRIEVAL:
        fake_retrieve(cache, r, out);
        break;
    case MEMCACHE_CLASS_STORAGE:
        bytes_add_text(out, fake_store(cache, r, value));
        break;
    case MEMCACHE_CLASS_SINGLE:
        fake_single(cache, r, out);
        break;
    case MEMCACHE_CLASS_META:
        fake_meta(cache, r, out);
        break;
    case MEMCACHE_CLASS_META_SET:
        fake_meta_set(cache, r, value, out);
        break;
    case MEMCACHE_CLASS_FANOUT:
        fake_clear(cache);
        bytes_add_text(out, "OK\r\n");
        break;
    case MEMCACHE_CLASS_LOCAL:
        if (r->command != MEMCACHE_VERSION) { /* which is the probe */
            fake_violate(cache, "a shard was sent a command that the proxy answers");
        }
        bytes_add_text(out, "VERSION 1.6.45\r\n");
        break;
    }
}

#endif
