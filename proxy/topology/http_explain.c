#include "topology/http_explain.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/memory.h"

#define SHOWN_BYTES 100 /* of what was found, in a problem */

/* One explanation in the making. */
struct making {
    const struct http_explain_query *query;
    const struct topology *topology;
    struct http_explain *out;
    struct slice authority, target; /* of the URL; authority is empty if it has none */
    char *problem;
};

static int reject(const struct making *making, const char *what, struct slice found,
                  const char *accepted)
{
    char shown[SHOWN_BYTES + 1];
    size_t i, len = found.len < SHOWN_BYTES ? found.len : SHOWN_BYTES;

    for (i = 0; i < len; i++) {
        shown[i] = found.data[i] < 0x20 || found.data[i] == 0x7f ? '?' : (char)found.data[i];
    }
    shown[len] = '\0';
    (void)snprintf(making->problem, HTTP_EXPLAIN_PROBLEM_BYTES, "%s: found \"%s%s\"; accepted: %s",
                   what, shown, len < found.len ? "..." : "", accepted);
    return -1;
}

/* ---- what is asked ------------------------------------------------------------------------- */

/* The binds of all HTTP listeners, with commas between; what does not fit is left out. */
static void list_listeners(const struct config *config, char *out, size_t size)
{
    size_t i, len = 0;

    out[0] = '\0';
    for (i = 0; i < config->n_listeners; i++) {
        const struct config_listener *listener = &config->listeners[i];
        size_t more = strlen(listener->bind.text) + 2;

        if (listener->protocol == CONFIG_HTTP && len + more < size) {
            len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "",
                                    listener->bind.text);
        }
    }
}

static int find_listener(struct making *making)
{
    const struct config *config = making->topology->config;
    struct slice wanted = making->query->listener;
    char accepted[HTTP_EXPLAIN_PROBLEM_BYTES / 2];
    size_t i;

    for (i = 0; i < config->n_listeners; i++) {
        const struct config_listener *listener = &config->listeners[i];

        if (listener->protocol == CONFIG_HTTP &&
            (wanted.len == 0 || slice_is(wanted, listener->bind.text))) {
            making->out->listener = listener;
            return 0;
        }
    }
    list_listeners(config, accepted, sizeof accepted);
    return reject(making, "listener", wanted,
                  accepted[0] != '\0' ? accepted : "none: no listener of the file speaks HTTP");
}

/* May [text] stand in a line of a head? What is wrong beyond that is the parser's business. */
static bool is_one_line(struct slice text, uint8_t first)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] != '\t' && (text.data[i] < first || text.data[i] == 0x7f)) {
            return false;
        }
    }
    return true;
}

static int split_url(struct making *making)
{
    static const char scheme[] = "http://";
    struct slice url = making->query->url, rest;
    size_t end = 0;

    if (url.len > 0 && is_one_line(url, '!') && memchr(url.data, '\t', url.len) == NULL) {
        making->target = url;
        if (url.data[0] == '/' || slice_is(url, "*")) {
            return 0;
        }
        if (url.len >= sizeof scheme &&
            strncasecmp((const char *)url.data, scheme, sizeof scheme - 1) == 0) {
            rest = slice_skip(url, sizeof scheme - 1);
            while (end < rest.len && memchr("/?#", rest.data[end], 3) == NULL) {
                end++;
            }
            making->authority = slice_make(rest.data, end);
            making->target = slice_skip(rest, end);
        }
    }
    return making->authority.len > 0
               ? 0
               : reject(making, "URL", url, "http://HOST[:PORT]/PATH or /PATH, without spaces");
}

static int check_method(const struct making *making)
{
    struct slice method = making->query->method;

    if (!is_one_line(method, '!') || slice_is(method, "CONNECT")) {
        return reject(making, "method", method, "the name of a method; CONNECT is never routed");
    }
    return 0;
}

static int check_headers(const struct making *making)
{
    size_t i;

    for (i = 0; i < making->query->n_headers; i++) {
        struct slice header = making->query->headers[i];

        if (header.len == 0 || !is_one_line(header, ' ') ||
            memchr(header.data, ':', header.len) == NULL) {
            return reject(making, "header", header, "Name: value");
        }
    }
    return 0;
}

static int check_client(const struct making *making)
{
    struct slice client = making->query->client;
    char text[INET6_ADDRSTRLEN] = "";
    uint8_t address[16];

    if (client.len > 0 && client.len < sizeof text) {
        memcpy(text, client.data, client.len);
    }
    if (client.len > 0 && inet_pton(AF_INET, text, address) != 1 &&
        inet_pton(AF_INET6, text, address) != 1) {
        return reject(making, "client", client, "an IPv4 or IPv6 address");
    }
    return 0;
}

/* ---- the request --------------------------------------------------------------------------- */

static bool is_host(struct slice header)
{
    return header.len >= 5 && strncasecmp((const char *)header.data, "host:", 5) == 0;
}

static void write_head(const struct making *making, struct http1_writer *head)
{
    const struct http_explain_query *query = making->query;
    bool has_host = false;
    size_t i;

    http1_put(head, query->method.len > 0 ? query->method : slice_of("GET"));
    http1_put_text(head, " ");
    if (making->target.len == 0 || memchr("/*", making->target.data[0], 2) == NULL) {
        http1_put_text(head, "/"); /* as clients write the target of http://host?query */
    }
    http1_put(head, making->target);
    http1_put_text(head, " HTTP/1.1\r\n");
    for (i = 0; i < query->n_headers; i++) {
        has_host = has_host || is_host(query->headers[i]);
        http1_put(head, query->headers[i]);
        http1_put_text(head, "\r\n");
    }
    if (!has_host) {
        http1_put_field(head, slice_of("Host"),
                        making->authority.len > 0 ? making->authority : slice_of("localhost"));
    }
    http1_put_text(head, "\r\n");
}

/* More than write_head() writes. */
static size_t head_size(const struct making *making)
{
    size_t i, size = 64 + making->query->method.len + making->query->url.len;

    for (i = 0; i < making->query->n_headers; i++) {
        size += making->query->headers[i].len + 2;
    }
    return size;
}

/* Put the head together and parse it; the key's room follows it in memory. */
static enum http1_parse parse_request(struct making *making, uint8_t **room)
{
    const struct config *config = making->topology->config;
    struct http1_limits limits = {config->request_head_bytes, making->out->listener->uses_fragment};
    struct http1_writer head = {.max = head_size(making)};
    struct http1_scan scan = {0};

    head.data = xmalloc(head.max + http_route_key_max(config));
    making->out->memory = head.data;
    *room = head.data + head.max;
    write_head(making, &head);
    assert(!head.overflowed);
    return http1_request_parse(slice_make(head.data, head.len), &scan, &limits,
                               &making->out->request);
}

static struct slice client_ip(const struct making *making)
{
    const struct http_explain *out = making->out;
    struct slice peer = making->query->client;

    if (peer.len == 0 && out->listener->bind.kind == CONFIG_ADDRESS_TCP) {
        peer = slice_of(HTTP_EXPLAIN_CLIENT);
    }
    return http_route_client_ip(out->listener, peer, &out->request);
}

static void find_key(struct making *making, uint8_t *room)
{
    struct http_explain *out = making->out;
    size_t which;

    if (!http_route_key(out->route, &out->request, client_ip(making), room, &out->key, &which)) {
        out->key = slice_make(NULL, 0);
        out->result = out->route->key_missing == CONFIG_KEY_MISSING_RANDOM ? HTTP_EXPLAIN_RANDOM
                                                                           : HTTP_EXPLAIN_NO_KEY;
        return;
    }
    out->result = HTTP_EXPLAIN_HOME;
    out->template = &out->route->keys[which];
    out->hash = hashring_hash(out->pool->ring, out->key.data, out->key.len);
    out->shard = hashring_home(out->pool->ring, out->hash);
}

static void explain_request(struct making *making)
{
    struct http_explain *out = making->out;
    uint8_t *room;

    out->result = HTTP_EXPLAIN_REFUSED;
    if (parse_request(making, &room) != HTTP1_PARSE_DONE) {
        return;
    }
    out->result = HTTP_EXPLAIN_NO_ROUTE;
    out->route = http_route_match(out->listener, &out->request);
    if (out->route != NULL) {
        out->route_number = (size_t)(out->route - out->listener->http_routes) + 1;
        out->pool_index = out->route->pool;
        out->pool = &making->topology->pools[out->pool_index];
        find_key(making, room);
    }
}

int http_explain(struct http_explain *out, const struct topology *topology,
                 const struct http_explain_query *query, char problem[HTTP_EXPLAIN_PROBLEM_BYTES])
{
    struct making making = {.query = query, .topology = topology, .out = out, .problem = problem};

    memset(out, 0, sizeof *out);
    if (find_listener(&making) < 0 || split_url(&making) < 0 || check_method(&making) < 0 ||
        check_headers(&making) < 0 || check_client(&making) < 0) {
        return -1;
    }
    explain_request(&making);
    return 0;
}

void http_explain_deinit(struct http_explain *explain)
{
    free(explain->memory);
    memset(explain, 0, sizeof *explain);
}

void http_explain_reason(const struct http_explain *explain, char out[HTTP_EXPLAIN_PROBLEM_BYTES])
{
    static const char *const reasons[] = {
#define X(name, reason) [HTTP_EXPLAIN_##name] = reason,
        HTTP_EXPLAIN_RESULTS(X)
#undef X
    };

    if (explain->result == HTTP_EXPLAIN_REFUSED) {
        (void)snprintf(out, HTTP_EXPLAIN_PROBLEM_BYTES, "refused: answered with %d, %s",
                       explain->request.status, explain->request.error);
        return;
    }
    (void)snprintf(out, HTTP_EXPLAIN_PROBLEM_BYTES, "%s", reasons[explain->result]);
}
