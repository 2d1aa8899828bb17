#include "cmd_load_spread.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"
#include "cmd_load_target.h"
#include "util.h"
#include "wire/http1.h"

enum {
    PATIENCE_MS = 10000,
    MAX_HEAD_BYTES = 16 * 1024,
    MAX_METRICS_BYTES = 64 * 1024 * 1024,
};

/* The value of [label] in a line of metrics; empty if it is not there. */
static struct slice label_of(struct slice labels, const char *label)
{
    size_t n_label = strlen(label);

    for (size_t i = 0; i + n_label + 2 < labels.len; i++) {
        const char *at = (const char *)labels.data + i;

        if ((i == 0 || at[-1] == ',') && memcmp(at, label, n_label) == 0 && at[n_label] == '=' &&
            at[n_label + 1] == '"') {
            struct slice value = slice_skip(labels, i + n_label + 2);
            size_t len = 0;

            while (len < value.len && (value.data[len] != '"' || value.data[len - 1] == '\\')) {
                len++;
            }
            value.len = len;
            return value;
        }
    }
    return slice_make("", 0);
}

static char *copy(struct slice text)
{
    char *result = util_alloc(text.len + 1, 1);

    memcpy(result, text.data, text.len);
    return result;
}

static struct load_spread_shard *find_shard(const struct load_spread *spread, struct slice pool,
                                            struct slice shard)
{
    for (size_t i = 0; i < spread->n_shards; i++) {
        struct load_spread_shard *entry = &spread->shards[i];

        if (slice_is(shard, entry->shard) && slice_is(pool, entry->pool)) {
            return entry;
        }
    }
    return NULL;
}

static struct load_spread_shard *add_shard(struct load_spread *spread, struct slice pool,
                                           struct slice shard)
{
    struct load_spread_shard *entry = find_shard(spread, pool, shard);

    if (entry != NULL) {
        return entry;
    }
    if (spread->n_shards == spread->max_shards) {
        size_t max = spread->max_shards > 0 ? spread->max_shards * 2 : 16;
        struct load_spread_shard *more = util_alloc(max, sizeof(*more));

        if (spread->n_shards > 0) {
            memcpy(more, spread->shards, spread->n_shards * sizeof(*more));
        }
        free(spread->shards);
        spread->shards = more;
        spread->max_shards = max;
    }
    entry = &spread->shards[spread->n_shards++];
    *entry = (struct load_spread_shard){.pool = copy(pool), .shard = copy(shard)};
    return entry;
}

/* NAME{LABELS} VALUE */
static void parse_line(struct load_spread *spread, struct slice line)
{
    const char *open = memchr(line.data, '{', line.len);
    const char *close = memrchr(line.data, '}', line.len);
    struct slice name, labels, pool, shard;
    struct load_spread_shard *entry;
    double value;

    if (open == NULL || close == NULL || close < open) {
        return;
    }
    name = slice_make(line.data, (size_t)(open - (const char *)line.data));
    labels = slice_make(open + 1, (size_t)(close - open - 1));
    pool = label_of(labels, "pool");
    shard = label_of(labels, "shard");
    value = strtod(close + 1, NULL);
    if (slice_is(name, "ringway_shard_ring_share_ratio")) {
        entry = add_shard(spread, pool, shard);
        entry->ring_share = value;
    } else if (slice_is(name, "ringway_shard_requests_total") ||
               slice_is(name, "ringway_shard_http_requests_total")) {
        entry = add_shard(spread, pool, shard);
        entry->n_requests += value;
    } else if (slice_is(name, "ringway_shard_keys_total")) {
        entry = add_shard(spread, pool, shard);
        entry->n_keys += value;
    }
}

void load_spread_parse(struct load_spread *spread, const char *text)
{
    *spread = (struct load_spread){0};
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        if (*text != '#') {
            parse_line(spread, slice_make(text, len));
        }
        text += len + (text[len] == '\n' ? 1 : 0);
    }
}

/* Everything until the server closes, terminated; NULL with errno set when that takes too long. */
static char *read_all(int fd, size_t *len)
{
    uint64_t end_ns = util_now_ns() + UINT64_C(1000000) * PATIENCE_MS;
    size_t max = 64 * 1024;
    char *text = util_alloc(max + 1, 1);
    ssize_t n = 1;

    *len = 0;
    while (n > 0) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

        if (*len == max) {
            char *more = util_alloc(max * 2 + 1, 1);

            memcpy(more, text, *len);
            free(text);
            text = more;
            max *= 2;
        }
        if (util_now_ns() > end_ns || max > MAX_METRICS_BYTES ||
            poll(&poll_fd, 1, PATIENCE_MS) != 1) {
            errno = ETIMEDOUT;
            n = -1;
            break;
        }
        n = recv(fd, text + *len, max - *len, 0);
        *len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        free(text);
        return NULL;
    }
    text[*len] = '\0';
    return text;
}

/* The body of a response that ends with the connection, in place; NULL if it is not a good one. */
static char *find_body(char *text, size_t len)
{
    struct http1_scan scan = {0};
    struct http1_response response;

    if (http1_response_parse(slice_make(text, len), &scan, MAX_HEAD_BYTES, &response) !=
            HTTP1_PARSE_DONE ||
        response.status != 200 || response.body == HTTP1_BODY_CHUNKED) {
        return NULL;
    }
    return text + response.head_len;
}

static bool ask(struct load_spread *spread, const struct load_target *target, char *error)
{
    int fd = util_connect(&target->addr, PATIENCE_MS);
    char request[512];
    char *text;
    char *body;
    size_t len;
    int n = snprintf(request, sizeof(request),
                     "GET /metrics HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                     target->authority);

    if (fd < 0) {
        snprintf(error, LOAD_SPREAD_MAX_ERROR, "%s", strerror(-fd));
        return false;
    }
    if (n < 0 || (size_t)n >= sizeof(request) || send(fd, request, (size_t)n, MSG_NOSIGNAL) != n) {
        snprintf(error, LOAD_SPREAD_MAX_ERROR, "cannot send");
        close(fd);
        return false;
    }
    text = read_all(fd, &len);
    close(fd);
    body = text != NULL ? find_body(text, len) : NULL;
    if (body != NULL) {
        load_spread_parse(spread, body);
    } else {
        snprintf(error, LOAD_SPREAD_MAX_ERROR, "%s",
                 text == NULL ? strerror(errno) : "no metrics in the answer");
    }
    free(text);
    return body != NULL;
}

bool load_spread_read(struct load_spread *spread, const char *address, char *error)
{
    struct load_target target;
    char url[280];
    const char *problem;
    bool good;

    *spread = (struct load_spread){0};
    snprintf(url, sizeof(url), "http://%s", address);
    problem = load_target_parse(&target, url);
    if (problem != NULL) {
        snprintf(error, LOAD_SPREAD_MAX_ERROR, "%s", problem);
        return false;
    }
    good = load_target_resolve(&target, error) && ask(spread, &target, error);
    load_target_deinit(&target);
    return good;
}

void load_spread_subtract(struct load_spread *spread, const struct load_spread *before)
{
    for (size_t i = 0; i < spread->n_shards; i++) {
        struct load_spread_shard *entry = &spread->shards[i];
        const struct load_spread_shard *old =
            find_shard(before, slice_of(entry->pool), slice_of(entry->shard));

        if (old != NULL && old->n_requests <= entry->n_requests) {
            entry->n_requests -= old->n_requests;
            entry->n_keys -= old->n_keys;
        }
    }
}

void load_spread_deinit(struct load_spread *spread)
{
    for (size_t i = 0; i < spread->n_shards; i++) {
        free(spread->shards[i].pool);
        free(spread->shards[i].shard);
    }
    free(spread->shards);
    *spread = (struct load_spread){0};
}
