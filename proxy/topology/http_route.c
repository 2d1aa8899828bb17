#include "topology/http_route.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "config/key_template.h"

/* Longer paths that are not in their normal form are rare enough to allocate for. */
#define MATCH_ROOM_BYTES 2048u

/* The path and uri that the route sees, with what of [room] they and the host have used. */
struct subject {
    const struct http1_request *request;
    struct slice client_ip;
    struct slice path, uri, host;
    uint8_t *room;
    size_t used;
    bool normalize, has_uri, has_host;
};

static struct slice slice_cut(struct slice text, size_t from, size_t to)
{
    return slice_make(text.data + from, to - from);
}

/* Where [byte] is in [text] at [from] or later; its length if it is not. */
static size_t find_byte(struct slice text, uint8_t byte, size_t from)
{
    const uint8_t *found = from < text.len ? memchr(text.data + from, byte, text.len - from) : NULL;

    return found != NULL ? (size_t)(found - text.data) : text.len;
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20u) : byte;
}

/* ---- path and host ------------------------------------------------------------------------- */

/* Would http1_path_normalize() leave [path] as it is? May say no when it would. */
static bool is_normal(struct slice path)
{
    size_t dot;

    if (find_byte(path, '%', 0) < path.len) {
        return false;
    }
    for (dot = find_byte(path, '.', 0); dot < path.len; dot = find_byte(path, '.', dot + 1)) {
        if (dot > 0 && path.data[dot - 1] == '/') {
            return false;
        }
    }
    return true;
}

/* The path as received: "/" for an empty one, "*" for the form without any. */
static struct slice received_path(const struct http1_request *request)
{
    if (request->path.len > 0) {
        return request->path;
    }
    return slice_is(request->target, "*") ? request->target : slice_of("/");
}

static struct slice without_port(struct slice host)
{
    bool is_bracketed = host.len > 0 && host.data[0] == '[';
    size_t end = is_bracketed ? find_byte(host, ']', 0) : 0;

    return slice_make(host.data, find_byte(host, ':', end));
}

static void put(struct subject *subject, struct slice bytes)
{
    if (bytes.len > 0) {
        memcpy(subject->room + subject->used, bytes.data, bytes.len);
        subject->used += bytes.len;
    }
}

static void find_uri(struct subject *subject)
{
    const struct http1_request *request = subject->request;
    struct slice path = received_path(request);
    bool is_whole = request->path.len > 0; /* the query stands behind the path, after '?' */
    size_t begin = subject->used;

    if (subject->normalize && !is_normal(path)) {
        subject->used += http1_path_normalize(path, subject->room + begin);
        path = slice_make(subject->room + begin, subject->used - begin);
        is_whole = false;
    }
    subject->path = path;
    subject->uri = path;
    if (request->has_query && is_whole) {
        subject->uri.len += 1 + request->query.len;
    } else if (request->has_query) {
        if (subject->used == begin) {
            put(subject, path);
        }
        put(subject, slice_of("?"));
        put(subject, request->query);
        subject->uri = slice_make(subject->room + begin, subject->used - begin);
    }
}

static void need_uri(struct subject *subject)
{
    if (!subject->has_uri) {
        find_uri(subject);
        subject->has_uri = true;
    }
}

/* Copied only if there is something to change. */
static struct slice find_host(struct subject *subject)
{
    struct slice host = without_port(subject->request->host);
    size_t i;

    if (subject->has_host) {
        return subject->host;
    }
    for (i = 0; i < host.len && lower(host.data[i]) == host.data[i]; i++) {
    }
    subject->has_host = true;
    subject->host = host;
    if (i < host.len) {
        uint8_t *copy = subject->room + subject->used;

        for (i = 0; i < host.len; i++) {
            copy[i] = lower(host.data[i]);
        }
        subject->used += host.len;
        subject->host.data = copy;
    }
    return subject->host;
}

/* ---- variables ----------------------------------------------------------------------------- */

/* The [n]th segment of [path], and where it ends. Empty if there is none. */
static struct slice find_segment(struct slice path, uint32_t n)
{
    size_t begin = 0, end = 0;

    for (; n > 0; n--) {
        if (end == path.len || path.data[end] != '/') {
            return slice_make(NULL, 0);
        }
        begin = end + 1;
        end = find_byte(path, '/', begin);
    }
    return slice_cut(path, begin, end);
}

/* The first [n] segments; empty if one of them is. */
static struct slice find_segments(struct slice path, uint32_t n)
{
    size_t end = 0;

    for (; n > 0; n--) {
        size_t begin = end + 1;

        if (end == path.len || path.data[end] != '/') {
            return slice_make(NULL, 0);
        }
        end = find_byte(path, '/', begin);
        if (end == begin) {
            return slice_make(NULL, 0);
        }
    }
    return slice_cut(path, 1, end);
}

static struct slice find_cookie(const struct http1_fields *fields, const char *name)
{
    struct slice value = {0};
    size_t i;

    for (i = 0; i < fields->n; i++) {
        const struct http1_field *field = &fields->list[i];

        if (field->id == HTTP1_NAME_COOKIE &&
            http1_cookie_find(field->value, slice_of(name), &value)) {
            return value;
        }
    }
    return value;
}

static struct slice find_argument(struct slice query, const char *name)
{
    struct slice value = {0};

    (void)http1_query_find(query, slice_of(name), &value);
    return value;
}

static struct slice find_header(const struct http1_fields *fields, const char *name)
{
    struct slice value = {0};

    (void)http1_find_field(fields, name, &value);
    return value;
}

/* What [part] stands for; empty if it is not present. */
static struct slice find_value(struct subject *subject, const struct config_key_part *part)
{
    const struct http1_request *request = subject->request;

    switch (part->kind) {
    case CONFIG_KEY_LITERAL:
        return slice_of(part->text);
    case CONFIG_KEY_PATH:
        need_uri(subject);
        return subject->path;
    case CONFIG_KEY_SEGMENT:
        need_uri(subject);
        return find_segment(subject->path, part->n);
    case CONFIG_KEY_SEGMENTS:
        need_uri(subject);
        return find_segments(subject->path, part->n);
    case CONFIG_KEY_URI:
        need_uri(subject);
        return subject->uri;
    case CONFIG_KEY_QUERY:
        return request->query;
    case CONFIG_KEY_ARGUMENT:
        return find_argument(request->query, part->text);
    case CONFIG_KEY_FRAGMENT:
        return request->fragment;
    case CONFIG_KEY_HOST:
        return find_host(subject);
    case CONFIG_KEY_METHOD:
        return request->method;
    case CONFIG_KEY_HEADER:
        return find_header(&request->fields, part->text);
    case CONFIG_KEY_COOKIE:
        return find_cookie(&request->fields, part->text);
    case CONFIG_KEY_CLIENT_IP:
        return subject->client_ip;
    }
    return slice_make(NULL, 0);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static bool fill_in(struct subject *subject, const struct config_key *template, struct slice *key)
{
    struct slice values[KEY_TEMPLATE_MAX_PARTS];
    size_t i, begin;

    assert(template->n_parts >= 1 && template->n_parts <= KEY_TEMPLATE_MAX_PARTS);
    for (i = 0; i < template->n_parts; i++) {
        values[i] = find_value(subject, &template->parts[i]);
        if (values[i].len == 0) {
            return false;
        }
    }
    *key = values[0];
    if (template->n_parts > 1) {
        begin = subject->used;
        for (i = 0; i < template->n_parts; i++) {
            put(subject, values[i]);
        }
        *key = slice_make(subject->room + begin, subject->used - begin);
    }
    return true;
}

bool http_route_key(const struct config_http_route *route, const struct http1_request *request,
                    struct slice client_ip, uint8_t *room, struct slice *key, size_t *which)
{
    struct subject subject;
    size_t i;

    subject.request = request;
    subject.client_ip = client_ip;
    subject.room = room;
    subject.used = 0;
    subject.normalize = route->normalize;
    subject.has_uri = subject.has_host = false;
    for (i = 0; i < route->n_keys; i++) {
        if (fill_in(&subject, &route->keys[i], key)) {
            if (which != NULL) {
                *which = i;
            }
            return true;
        }
    }
    return false;
}

/* Of what is put together by [template]; nothing is for one part. */
static size_t template_max(const struct config_key *template, size_t value_max)
{
    size_t i, sum = 0;

    for (i = 0; template->n_parts > 1 && i < template->n_parts; i++) {
        const struct config_key_part *part = &template->parts[i];

        sum += part->kind == CONFIG_KEY_LITERAL ? strlen(part->text) : value_max;
    }
    return sum;
}

static size_t route_max(const struct config_http_route *route, size_t value_max)
{
    size_t i, max = 0;

    for (i = 0; i < route->n_keys; i++) {
        size_t here = template_max(&route->keys[i], value_max);

        max = here > max ? here : max;
    }
    return max;
}

size_t http_route_key_max(const struct config *config)
{
    /* The uri and the host are disjoint parts of the head; an empty path gains a byte. */
    size_t copies_max = config->request_head_bytes + 1;
    size_t i, j, max = 0;

    for (i = 0; i < config->n_listeners; i++) {
        for (j = 0; j < config->listeners[i].n_http_routes; j++) {
            size_t here = route_max(&config->listeners[i].http_routes[j], copies_max);

            max = here > max ? here : max;
        }
    }
    return copies_max + max;
}

/* ---- routes -------------------------------------------------------------------------------- */

/* [host] is in lower case. */
static bool host_matches(const char *host, const struct http1_request *request)
{
    struct slice found = without_port(request->host);
    size_t i;

    if (strlen(host) != found.len) {
        return false;
    }
    for (i = 0; i < found.len && lower(found.data[i]) == (uint8_t)host[i]; i++) {
    }
    return i == found.len;
}

/* Apart from http_route_match() so that only those who need it have the room on their stack. */
static bool normal_path_matches(const char *prefix, struct slice path)
{
    uint8_t room[MATCH_ROOM_BYTES];
    uint8_t *normal = path.len <= sizeof room ? room : xmalloc(path.len);
    size_t len = http1_path_normalize(path, normal);
    bool result = slice_starts_with(slice_make(normal, len), slice_of(prefix));

    if (normal != room) {
        free(normal);
    }
    return result;
}

static bool path_matches(const struct config_http_route *route, const struct http1_request *request)
{
    struct slice path = received_path(request);

    if (route->normalize && !is_normal(path)) {
        return normal_path_matches(route->path_prefix, path);
    }
    return slice_starts_with(path, slice_of(route->path_prefix));
}

const struct config_http_route *http_route_match(const struct config_listener *listener,
                                                 const struct http1_request *request)
{
    size_t i;

    for (i = 0; i < listener->n_http_routes; i++) {
        const struct config_http_route *route = &listener->http_routes[i];

        if ((route->method == NULL || slice_is(request->method, route->method)) &&
            (route->host == NULL || host_matches(route->host, request)) &&
            (route->path_prefix == NULL || path_matches(route, request))) {
            return route;
        }
    }
    return NULL;
}
