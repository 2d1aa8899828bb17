/*
 * HTTP/1.1 as a load speaks it: GET and PUT of PATH/KEY. 2xx is a hit, 404 and 410 are misses, any
 * other status is an error answer.
 */
#include <stdio.h>
#include <string.h>

#include "cmd_load_protocol.h"

enum { AT_HEAD, IN_LENGTH, IN_CHUNKS, AT_TRAILERS, UNTIL_CLOSE };

static size_t request_max(const struct load_wire *wire, const struct load_request *request)
{
    size_t value = request->is_set ? wire->items->max_value_bytes : 0;

    return 256 + strlen(wire->path) + strlen(wire->host) + LOAD_ITEMS_MAX_KEY_BYTES + value;
}

static char *write_request(const struct load_wire *wire, const struct load_request *request,
                           char *to)
{
    size_t value_len = 0;
    const char *value = load_items_value(wire->items, request->keys[0], &value_len);
    struct http1_writer writer = {.data = (uint8_t *)to, .max = request_max(wire, request)};
    char key[LOAD_ITEMS_MAX_KEY_BYTES];
    size_t key_len = load_items_key(wire->items, request->keys[0], key);

    http1_put_text(&writer, request->is_set ? "PUT " : "GET ");
    http1_put_text(&writer, wire->path);
    http1_put(&writer, slice_make(key, key_len));
    http1_put_text(&writer, " HTTP/1.1\r\nHost: ");
    http1_put_text(&writer, wire->host);
    http1_put_text(&writer, "\r\nUser-Agent: ringway-bench\r\n");
    if (request->is_set) {
        http1_put_text(&writer, "Content-Length: ");
        http1_put_number(&writer, value_len);
        http1_put_text(&writer, "\r\n\r\n");
        http1_put(&writer, slice_make(value, value_len));
    } else {
        http1_put_text(&writer, "\r\n");
    }
    return to + writer.len;
}

static enum load_feed broken(struct load_parser *parser, const char *what, struct slice text)
{
    load_parser_fail(parser, LOAD_ERROR_PROTOCOL, what, text);
    return LOAD_FEED_BROKEN;
}

/* Is the body that follows the value of the key? */
static bool has_value(const struct load_parser *parser)
{
    return parser->n_hits > 0;
}

static enum load_feed complete(const struct load_wire *wire, struct load_parser *parser)
{
    size_t len;

    load_items_value(wire->items, parser->key, &len);
    if (has_value(parser) && wire->verify && parser->at != len) {
        load_parser_fail(parser, LOAD_ERROR_VALUE, "a body of another size", slice_of(""));
    }
    return LOAD_FEED_DONE;
}

static void on_body(const struct load_wire *wire, struct load_parser *parser, struct slice data)
{
    if (has_value(parser) && !load_parser_compare(wire, parser, data.data, data.len)) {
        load_parser_fail(parser, LOAD_ERROR_VALUE, "a body with other bytes", slice_of(""));
    }
}

static void on_status(struct load_parser *parser, const struct load_request *request,
                      const struct http1_response *response)
{
    char what[16];

    if (response->status >= 200 && response->status <= 299) {
        parser->n_hits = request->is_set ? 0 : 1;
        parser->seen[0] = parser->n_hits;
    } else if (request->is_set || (response->status != 404 && response->status != 410)) {
        snprintf(what, sizeof(what), "%d ", response->status);
        load_parser_fail(parser, LOAD_ERROR_REPLY, what, response->reason);
    }
}

static enum load_feed begin_body(const struct load_wire *wire, struct load_parser *parser,
                                 const struct load_request *request,
                                 const struct http1_response *response)
{
    parser->closes = !response->keep_alive;
    switch (http1_response_body(response, request->is_set ? HTTP1_PUT : HTTP1_GET)) {
    case HTTP1_BODY_NONE:
        return complete(wire, parser);
    case HTTP1_BODY_LENGTH:
        parser->left = response->content_length;
        parser->state = IN_LENGTH;
        break;
    case HTTP1_BODY_CHUNKED:
        parser->state = IN_CHUNKS;
        break;
    case HTTP1_BODY_CLOSE:
        parser->closes = true;
        parser->state = UNTIL_CLOSE;
        break;
    }
    return LOAD_FEED_MORE;
}

static enum load_feed feed_head(const struct load_wire *wire, struct load_parser *parser,
                                const struct load_request *request, struct slice in, size_t *used)
{
    static const char begin[] = "HTTP/";
    struct http1_response response;

    /* The parser looks at whole heads; what is none may never become one. */
    if (memcmp(in.data, begin, in.len < 5 ? in.len : 5) != 0) {
        return broken(parser, "no HTTP response: ", in);
    }
    switch (http1_response_parse(in, &parser->scan, LOAD_MAX_HEAD_BYTES, &response)) {
    case HTTP1_PARSE_MORE:
        return LOAD_FEED_MORE;
    case HTTP1_PARSE_ERROR:
        return broken(parser, "no HTTP response: ", in);
    case HTTP1_PARSE_DONE:
        break;
    }
    *used += response.head_len;
    parser->scan = (struct http1_scan){0};
    if (response.status == 101) {
        return broken(parser, "an upgrade that was not asked for", slice_of(""));
    }
    if (response.status < 200) {
        return LOAD_FEED_MORE;
    }
    parser->key = request->keys[0];
    on_status(parser, request, &response);
    return begin_body(wire, parser, request, &response);
}

static enum load_feed feed_length(const struct load_wire *wire, struct load_parser *parser,
                                  struct slice in, size_t *used)
{
    in.len = in.len < parser->left ? in.len : parser->left;
    on_body(wire, parser, in);
    parser->left -= in.len;
    *used += in.len;
    return parser->left == 0 ? complete(wire, parser) : LOAD_FEED_MORE;
}

static enum load_feed feed_chunks(const struct load_wire *wire, struct load_parser *parser,
                                  struct slice in, size_t *used)
{
    struct slice data;
    size_t n = 0;

    switch (http1_chunks_next(&parser->chunks, in, &n, &data)) {
    case HTTP1_CHUNK_MORE:
        break;
    case HTTP1_CHUNK_DATA:
        on_body(wire, parser, data);
        break;
    case HTTP1_CHUNK_LAST:
        parser->state = AT_TRAILERS;
        break;
    case HTTP1_CHUNK_ERROR:
        return broken(parser, "a malformed chunk: ", in);
    }
    *used += n;
    return LOAD_FEED_MORE;
}

static enum load_feed feed_trailers(const struct load_wire *wire, struct load_parser *parser,
                                    struct slice in, size_t *used)
{
    struct http1_fields fields;
    const char *error = "";
    size_t len = 0;

    switch (http1_trailers_parse(in, &parser->scan, LOAD_MAX_HEAD_BYTES, &fields, &len, &error)) {
    case HTTP1_PARSE_MORE:
        return LOAD_FEED_MORE;
    case HTTP1_PARSE_ERROR:
        return broken(parser, "malformed trailers: ", slice_of(error));
    case HTTP1_PARSE_DONE:
        break;
    }
    *used += len;
    return complete(wire, parser);
}

static enum load_feed feed_some(const struct load_wire *wire, struct load_parser *parser,
                                const struct load_request *request, struct slice in, size_t *used)
{
    switch (parser->state) {
    case AT_HEAD:
        return feed_head(wire, parser, request, in, used);
    case IN_LENGTH:
        return feed_length(wire, parser, in, used);
    case IN_CHUNKS:
        return feed_chunks(wire, parser, in, used);
    case AT_TRAILERS:
        return feed_trailers(wire, parser, in, used);
    default:
        on_body(wire, parser, in);
        *used += in.len;
        return LOAD_FEED_MORE;
    }
}

static enum load_feed feed(const struct load_wire *wire, struct load_parser *parser,
                           const struct load_request *request, struct slice in, size_t *used)
{
    enum load_feed result = LOAD_FEED_MORE;
    size_t before;

    *used = 0;
    if (in.len == 0) {
        return LOAD_FEED_MORE;
    }
    do {
        before = *used;
        result = feed_some(wire, parser, request, slice_skip(in, before), used);
    } while (result == LOAD_FEED_MORE && *used > before && *used < in.len);
    return result;
}

static bool at_end(const struct load_wire *wire, struct load_parser *parser)
{
    return parser->state == UNTIL_CLOSE && complete(wire, parser) == LOAD_FEED_DONE;
}

const struct load_protocol load_http = {
    .name = "http",
    .has_mget = false,
    .request_max = request_max,
    .write = write_request,
    .feed = feed,
    .at_end = at_end,
};
