/*
 * memcached's text protocol as a load speaks it: get, get of many, set.
 */
#include <string.h>

#include "cmd_load_protocol.h"
#include "wire/memcache_reply.h"

enum { AT_LINE, IN_VALUE, AFTER_VALUE };

static char *put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

static char *put_number(char *to, uint64_t number)
{
    char digits[20];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (n > 0) {
        *to++ = digits[--n];
    }
    return to;
}

static size_t request_max(const struct load_wire *wire, const struct load_request *request)
{
    size_t value = request->is_set ? wire->items->max_value_bytes : 0;

    return 64 + value + request->n_keys * (size_t)(LOAD_ITEMS_MAX_KEY_BYTES + 1);
}

static char *write_set(const struct load_wire *wire, const struct load_request *request, char *to)
{
    size_t len;
    const char *value = load_items_value(wire->items, request->keys[0], &len);

    to = put(to, "set ", 4);
    to += load_items_key(wire->items, request->keys[0], to);
    to = put(to, " 0 0 ", 5);
    to = put_number(to, len);
    to = put(to, "\r\n", 2);
    to = put(to, value, len);
    return put(to, "\r\n", 2);
}

static char *write_request(const struct load_wire *wire, const struct load_request *request,
                           char *to)
{
    if (request->is_set) {
        return write_set(wire, request, to);
    }
    to = put(to, "get", 3);
    for (uint32_t i = 0; i < request->n_keys; i++) {
        *to++ = ' ';
        to += load_items_key(wire->items, request->keys[i], to);
    }
    return put(to, "\r\n", 2);
}

/* The position of [key] among the keys asked for, or n_keys. They mostly come in order. */
static uint32_t find_key(struct load_parser *parser, const struct load_request *request,
                         uint64_t key)
{
    for (uint32_t i = 0; i < request->n_keys; i++) {
        uint32_t at = (parser->next + i) % request->n_keys;

        if (request->keys[at] == key) {
            parser->next = at + 1;
            return at;
        }
    }
    return request->n_keys;
}

static enum load_feed broken(struct load_parser *parser, const char *what, struct slice text)
{
    load_parser_fail(parser, LOAD_ERROR_PROTOCOL, what, text);
    return LOAD_FEED_BROKEN;
}

static enum load_feed begin_value(const struct load_wire *wire, struct load_parser *parser,
                                  const struct load_request *request,
                                  const struct memcache_reply *reply)
{
    uint32_t position;
    size_t len;

    parser->key = load_items_find(wire->items, (const char *)reply->key.data, reply->key.len);
    position = parser->key == UINT64_MAX ? request->n_keys : find_key(parser, request, parser->key);
    if (position == request->n_keys || load_parser_has(parser, position)) {
        return broken(parser, "not asked for: ", reply->line);
    }
    parser->seen[position / 64] |= UINT64_C(1) << (position % 64);
    parser->n_hits++;
    load_items_value(wire->items, parser->key, &len);
    if (wire->verify && reply->value_len != len) {
        load_parser_fail(parser, LOAD_ERROR_VALUE, "a value of another size", slice_of(""));
    }
    parser->left = reply->value_len;
    parser->at = 0;
    parser->state = reply->value_len > 0 ? IN_VALUE : AFTER_VALUE;
    return LOAD_FEED_MORE;
}

static enum load_feed on_line(const struct load_wire *wire, struct load_parser *parser,
                              const struct load_request *request,
                              const struct memcache_reply *reply)
{
    if (memcache_reply_is_error(reply->type)) {
        load_parser_fail(parser, LOAD_ERROR_REPLY, "", reply->line);
        return LOAD_FEED_DONE;
    }
    if (request->is_set) {
        if (reply->type == MEMCACHE_REPLY_STORED) {
            return LOAD_FEED_DONE;
        }
        return broken(parser, "answer to set: ", reply->line);
    }
    if (reply->type == MEMCACHE_REPLY_END) {
        return LOAD_FEED_DONE;
    }
    if (reply->type == MEMCACHE_REPLY_VALUE) {
        return begin_value(wire, parser, request, reply);
    }
    return broken(parser, "answer to get: ", reply->line);
}

static void on_value(const struct load_wire *wire, struct load_parser *parser, struct slice in)
{
    if (!load_parser_compare(wire, parser, in.data, in.len)) {
        load_parser_fail(parser, LOAD_ERROR_VALUE, "a value with other bytes", slice_of(""));
    }
    parser->left -= in.len;
    if (parser->left == 0) {
        parser->state = AFTER_VALUE;
    }
}

static enum load_feed feed_line(const struct load_wire *wire, struct load_parser *parser,
                                const struct load_request *request, struct slice in, size_t *used)
{
    struct memcache_reply reply;
    int parsed = memcache_reply_parse(in, &reply);

    if (parsed < 0) {
        return broken(parser, "no memcached reply: ", in);
    }
    if (parsed > 0) {
        *used += reply.line.len;
        return on_line(wire, parser, request, &reply);
    }
    return LOAD_FEED_MORE;
}

static enum load_feed feed(const struct load_wire *wire, struct load_parser *parser,
                           const struct load_request *request, struct slice in, size_t *used)
{
    enum load_feed result = LOAD_FEED_MORE;
    size_t before;

    *used = 0;
    do {
        struct slice rest = slice_skip(in, *used);

        before = *used;
        if (parser->state == IN_VALUE) {
            rest.len = rest.len < parser->left ? rest.len : parser->left;
            on_value(wire, parser, rest);
            *used += rest.len;
        } else if (parser->state == AFTER_VALUE && rest.len >= 2) {
            if (memcmp(rest.data, "\r\n", 2) != 0) {
                return broken(parser, "no line end after a value: ", rest);
            }
            *used += 2;
            parser->state = AT_LINE;
        } else if (parser->state == AT_LINE && rest.len > 0) {
            result = feed_line(wire, parser, request, rest, used);
        }
    } while (result == LOAD_FEED_MORE && *used > before && *used < in.len);
    return result;
}

static bool at_end(const struct load_wire *wire, struct load_parser *parser)
{
    (void)wire;
    (void)parser;
    return false;
}

const struct load_protocol load_memcached = {
    .name = "memcached",
    .has_mget = true,
    .request_max = request_max,
    .write = write_request,
    .feed = feed,
    .at_end = at_end,
};
