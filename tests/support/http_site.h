/*
 * A listener of a configuration, and requests to it, for tests of routes and keys.
 */
#ifndef TESTS_SUPPORT_HTTP_SITE_H
#define TESTS_SUPPORT_HTTP_SITE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology/topology.h"
#include "wire/http1.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* A listener with [routes] and [trusted], and the pool "web" of the shards a, b and c. */
struct site {
    struct config *config;
    struct topology *topology;
    const struct config_listener *listener;
};

static inline void site_open(struct site *site, const char *routes, const char *trusted)
{
    struct config_problems problems = {0};
    char yaml[4096];
    uint32_t bad_pool;
    int len =
        snprintf(yaml, sizeof(yaml),
                 "pools:\n"
                 "  - {name: other, protocol: http, shards: [{name: 'h:9'}]}\n"
                 "  - {name: web, protocol: http, shards: [{name: a, replicas: 'h:1'},\n"
                 "     {name: b, replicas: ['h:2', 'h:3']}, {name: c, replicas: 'h:4'}]}\n"
                 "listeners:\n"
                 "  - {bind: '127.0.0.1:8080', protocol: http, routes: [%s],\n"
                 "     trusted_proxies: %s%s%s}\n"
                 "  - {bind: '127.0.0.1:8081', protocol: http, pool: other}\n",
                 routes, trusted[0] != '\0' ? "[" : "~", trusted, trusted[0] != '\0' ? "]" : "");

    if (config_parse(&site->config, "test.yaml", yaml, (size_t)len, (char *const[]){NULL},
                     &problems) != 0) {
        fail_msg("%s", problems.lines[0]);
    }
    config_problems_deinit(&problems);
    assert_int_equal(topology_create(&site->topology, site->config, &bad_pool), 0);
    site->listener = &site->config->listeners[0];
}

static inline void site_close(struct site *site)
{
    topology_destroy(&site->topology);
    config_destroy(&site->config);
}

/* A request in memory of exactly its size. */
struct message {
    char *bytes;
    struct http1_request request;
};

/* [head] is the request line and field lines, each with its CRLF, without the empty line. */
static inline void message_read(struct message *message, const char *head)
{
    struct http1_limits limits = {16384, true};
    struct http1_scan scan = {0};
    size_t len = strlen(head) + 2;

    message->bytes = malloc(len);
    assert_non_null(message->bytes);
    memcpy(message->bytes, head, len - 2);
    memcpy(message->bytes + len - 2, "\r\n", 2);
    memset(&message->request, 0, sizeof(message->request));
    if (http1_request_parse(slice_make(message->bytes, len), &scan, &limits, &message->request) !=
        HTTP1_PARSE_DONE) {
        fail_msg("%s: %s", head, message->request.error);
    }
}

static inline void assert_slice(struct slice found, const char *wanted, const char *what)
{
    if (!slice_is(found, wanted)) {
        fail_msg("%s: \"%.*s\" instead of \"%s\"", what, (int)found.len, (const char *)found.data,
                 wanted);
    }
}

#define HOST "Host: h\r\n"

#endif
