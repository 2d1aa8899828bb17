#include "data/http/http_head.h"

#include "data/http/http_answer.h"

#define PUT(out, literal) http1_put(out, slice_make(literal, sizeof(literal) - 1))

/* ---- requests ---------------------------------------------------------------------------- */

/* Is [name] a member of the Via field's value: after its version, before what it says about itself?
 * RFC 9110 7.6.3 */
static bool via_has(struct slice value, struct slice name)
{
    const uint8_t *at = value.data, *end = value.data + value.len;

    while ((at = memmem(at, (size_t)(end - at), name.data, name.len)) != NULL) {
        const uint8_t *after = at + name.len;
        bool begins = at > value.data && (at[-1] == ' ' || at[-1] == '\t');
        bool ends = after == end || *after == ',' || *after == ' ' || *after == '\t';

        if (begins && ends) {
            return true;
        }
        at = after;
    }
    return false;
}

bool http_head_is_loop(const struct plane *plane, const struct http1_request *request)
{
    for (size_t i = 0; i < request->fields.n; i++) {
        const struct http1_field *field = &request->fields.list[i];

        if (field->id == HTTP1_NAME_VIA && via_has(field->value, slice_of(plane->via))) {
            return true;
        }
    }
    return false;
}

static bool is_counted_down(const struct http1_request *request)
{
    return request->method_id == HTTP1_TRACE || request->method_id == HTTP1_OPTIONS;
}

/* Max-Forwards as a number, or -1 if it is none. */
static int64_t forwards_left(struct slice value)
{
    int64_t number = 0;

    if (value.len == 0 || value.len > 9) {
        return -1;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return -1;
        }
        number = number * 10 + (value.data[i] - '0');
    }
    return number;
}

bool http_head_is_last(const struct http1_request *request)
{
    struct slice value;

    return is_counted_down(request) && http1_find_field(&request->fields, "max-forwards", &value) &&
           forwards_left(value) == 0;
}

static void put_line(struct http1_writer *out, const struct http1_request *request)
{
    http1_put(out, request->method);
    PUT(out, " ");
    if (request->path.len > 0 || request->has_query) {
        if (request->path.len == 0) {
            PUT(out, "/"); /* http://host?query */
        }
        http1_put(out, request->path);
        if (request->has_query) {
            PUT(out, "?");
            http1_put(out, request->query);
        }
    } else if (request->authority.len > 0 && request->method_id != HTTP1_CONNECT) {
        if (request->method_id == HTTP1_OPTIONS) {
            PUT(out, "*"); /* RFC 9112 3.2.4 */
        } else {
            PUT(out, "/");
        }
    } else {
        http1_put(out, request->target);
    }
}

/* The fields of a request that go on as they are, or changed in their place. */
static void put_request_field(struct http1_writer *out, const struct exchange *exchange,
                              const struct http1_request *request, const struct http1_field *field)
{
    bool trusted = exchange->session->trusted;
    int64_t left;

    switch ((enum http1_name)field->id) {
    case HTTP1_NAME_HOST:
    case HTTP1_NAME_CONTENT_LENGTH:
    case HTTP1_NAME_X_FORWARDED_FOR:
        return; /* written anew */
    case HTTP1_NAME_X_FORWARDED_HOST:
    case HTTP1_NAME_X_FORWARDED_PROTO:
    case HTTP1_NAME_FORWARDED:
        if (!trusted) {
            return;
        }
        break;
    case HTTP1_NAME_EXPECT:
        if (request->minor == 0) {
            return;
        }
        break;
    case HTTP1_NAME_MAX_FORWARDS:
        left = is_counted_down(request) ? forwards_left(field->value) : -1;
        if (left > 0) {
            PUT(out, "Max-Forwards: ");
            http1_put_number(out, (uint64_t)left - 1);
            PUT(out, "\r\n");
            return;
        }
        break;
    default:
        break;
    }
    http1_put_field(out, field->name, field->value);
}

static bool has_field(const struct http1_request *request, enum http1_name id)
{
    for (size_t i = 0; i < request->fields.n; i++) {
        if (request->fields.list[i].id == id) {
            return true;
        }
    }
    return false;
}

/* X-Forwarded-*: continued from a trusted peer, begun anew from any other. */
static void put_forwarded(struct http1_writer *out, const struct exchange *exchange,
                          const struct http1_request *request, struct slice client_ip)
{
    bool trusted = exchange->session->trusted;

    PUT(out, "X-Forwarded-For: ");
    for (size_t i = 0; trusted && i < request->fields.n; i++) {
        const struct http1_field *field = &request->fields.list[i];

        if (field->id == HTTP1_NAME_X_FORWARDED_FOR && field->value.len > 0) {
            http1_put(out, field->value);
            PUT(out, ", ");
        }
    }
    if (client_ip.len > 0) {
        http1_put(out, client_ip);
    } else {
        PUT(out, "unknown"); /* a Unix socket */
    }
    PUT(out, "\r\n");
    if (!trusted || !has_field(request, HTTP1_NAME_X_FORWARDED_PROTO)) {
        PUT(out, "X-Forwarded-Proto: http\r\n");
    }
    if (request->host.len > 0 && (!trusted || !has_field(request, HTTP1_NAME_X_FORWARDED_HOST))) {
        PUT(out, "X-Forwarded-Host: ");
        http1_put(out, request->host);
        PUT(out, "\r\n");
    }
}

static void put_via(struct http1_writer *out, const struct plane *plane, unsigned minor)
{
    if (minor == 0) {
        PUT(out, "Via: 1.0 ");
    } else {
        PUT(out, "Via: 1.1 ");
    }
    http1_put(out, slice_of(plane->via));
    PUT(out, "\r\n");
}

/* Upgrade is the one hop-by-hop field that may be meant for the shard. */
static void put_upgrade(struct http1_writer *out, const struct http1_fields *fields)
{
    PUT(out, "Connection: upgrade\r\n");
    for (size_t i = 0; i < fields->n; i++) {
        if (fields->list[i].id == HTTP1_NAME_UPGRADE) {
            http1_put_field(out, fields->list[i].name, fields->list[i].value);
        }
    }
}

static void put_framing(struct http1_writer *out, enum http1_body body, bool has_length,
                        uint64_t length)
{
    if (body == HTTP1_BODY_CHUNKED) {
        PUT(out, "Transfer-Encoding: chunked\r\n");
    } else if (has_length) {
        PUT(out, "Content-Length: ");
        http1_put_number(out, length);
        PUT(out, "\r\n");
    }
}

void http_head_write_request(struct exchange *exchange, const struct http1_request *request,
                             struct slice client_ip)
{
    const struct plane *plane = exchange->session->plane;
    struct http1_writer *out = &exchange->head;

    put_line(out, request);
    exchange->method_len = request->method.len;
    exchange->target_len = out->len > request->method.len ? out->len - request->method.len - 1 : 0;
    PUT(out, " HTTP/1.1\r\n");
    exchange->host_at = out->len;
    PUT(out, "Host: ");
    http1_put(out, request->host);
    PUT(out, "\r\n");
    exchange->host_len = out->len - exchange->host_at;
    for (size_t i = 0; i < request->fields.n; i++) {
        if (!request->fields.list[i].hop) {
            put_request_field(out, exchange, request, &request->fields.list[i]);
        }
    }
    put_framing(out, request->body, request->has_content_length, request->content_length);
    exchange->upgrades =
        request->has_upgrade && exchange->route != NULL && exchange->route->upgrade;
    if (exchange->upgrades) {
        put_upgrade(out, &request->fields);
    }
    put_forwarded(out, exchange, request, client_ip);
    put_via(out, plane, request->minor);
    PUT(out, "\r\n");
}

/* ---- responses --------------------------------------------------------------------------- */

static void put_connection(struct http1_writer *out, const struct exchange *exchange,
                           const struct http1_response *response)
{
    if (response->status == 101) {
        put_upgrade(out, &response->fields);
    } else if (response->status < 200) {
        return;
    } else if (!exchange->keep_alive) {
        PUT(out, "Connection: close\r\n");
    } else if (exchange->client_minor == 0) {
        PUT(out, "Connection: keep-alive\r\n");
    }
}

static void put_response_framing(struct http1_writer *out, const struct exchange *exchange,
                                 const struct http1_response *response)
{
    enum http1_body body = HTTP1_BODY_NONE;

    if (response->status < 200) {
        return;
    }
    if (response->status == 204 && response->body == HTTP1_BODY_CHUNKED) {
        return; /* RFC 9112 6.1 */
    }
    if (exchange->chunked_out ||
        (exchange->response.kind == HTTP1_BODY_NONE && response->body == HTTP1_BODY_CHUNKED &&
         exchange->client_minor > 0)) {
        body = HTTP1_BODY_CHUNKED; /* also of a body that HEAD leaves out */
    }
    put_framing(out, body, response->has_content_length, response->content_length);
}

/* What a route with debug: true tells. */
static void put_debug(struct http1_writer *out, const struct exchange *exchange)
{
    const struct topology_pool *pool =
        &exchange->session->plane->options.topology->pools[exchange->shard_pool];

    PUT(out, "X-Ringway-Shard: ");
    http1_put(out, slice_of(pool->shards[exchange->shard].config->name));
    PUT(out, "\r\n");
}

static void put_status_line(struct http1_writer *out, const struct http1_response *response)
{
    PUT(out, "HTTP/1.1 ");
    http1_put_number(out, (uint64_t)response->status);
    PUT(out, " ");
    http1_put(out, response->reason);
    PUT(out, "\r\n");
}

void http_head_write_response(struct exchange *exchange, const struct http1_response *response)
{
    struct session *session = exchange->session;
    struct plane *plane = session->plane;
    struct http1_writer out = {.max = response->head_len + HTTP_HEAD_EXTRA_BYTES +
                                      HASHRING_MAX_NAME_BYTES};

    out.data = outq_reserve(&session->out.queue, &plane->segments, out.max);
    put_status_line(&out, response);
    for (size_t i = 0; i < response->fields.n; i++) {
        const struct http1_field *field = &response->fields.list[i];

        if (!field->hop && field->id != HTTP1_NAME_CONTENT_LENGTH) {
            http1_put_field(&out, field->name, field->value);
        }
    }
    put_response_framing(&out, exchange, response);
    put_connection(&out, exchange, response);
    put_via(&out, plane, response->minor);
    if (response->status >= 200 && !response->has_date) {
        PUT(&out, "Date: ");
        http1_put(&out, http_answer_date(plane));
        PUT(&out, "\r\n");
    }
    if (exchange->route->debug && response->status >= 200) {
        put_debug(&out, exchange);
    }
    PUT(&out, "\r\n");
    outq_commit(&session->out.queue, out.len);
}

void http_head_write_trailers(struct http1_writer *out, const struct http1_fields *fields)
{
    for (size_t i = 0; i < fields->n; i++) {
        if (http1_trailer_is_allowed(&fields->list[i])) {
            http1_put_field(out, fields->list[i].name, fields->list[i].value);
        }
    }
    PUT(out, "\r\n");
}
