/*
 * A rig (plane_rig.h) of one HTTP shard with the corpus' pages, on one replica or two, and what its
 * tests do again and again.
 */
#ifndef RINGWAY_TESTS_SUPPORT_HTTP_RIG_H
#define RINGWAY_TESTS_SUPPORT_HTTP_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "codec_corpus_http.h"
#include "plane_rig.h"

#define HTTP_RIG_NEVER_US (1ull << 60)

static const char start_of_yaml[] =
    "workers: 1\n"
    "admin: off\n"
    "log: {level: error}\n"
    "limits: {stream_buffer: 8KiB, max_request_header: 2KiB}\n"
    "listeners: [{bind: 'unix:${DIR}/listener', protocol: http, routes: [\n"
    "  {match: {path_prefix: /}, upgrade: true, pool: p}]}]\n"
    "pools: [{name: p, protocol: http, balance_factor: 150,\n"
    "  timeouts: {request: 60s, response: 60s, connect: 10s, keep_alive: 1h},\n"
    "  health: {eject_after: 0, retry_after: 1h}, shards: [{name: a, replicas: ";

static struct rig rig;
static struct bytes answer; /* of the client asked last, in canonical form */

static inline void start_with(const char *replicas, size_t n_shards)
{
    char yaml[1024];

    snprintf(yaml, sizeof(yaml), "%s%s}]}]\n", start_of_yaml, replicas);
    rig_init(&rig, yaml, n_shards);
    for (size_t i = 0; i < n_shards; i++) {
        fake_http_init(&rig.shards[i], corpus_http_pages);
        rig.shards[i].records = true;
    }
    RIG_UNTIL(&rig, rig_is_connected(&rig));
}

static inline int start(void **state)
{
    (void)state;
    start_with("'unix:${DIR}/s0'", 1);
    return 0;
}

static inline int start_two(void **state)
{
    (void)state;
    start_with("['unix:${DIR}/s0', 'unix:${DIR}/s1']", 2);
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < rig.n_shards; i++) {
        assert_null(rig.shards[i].cache.violation);
    }
    rig_deinit(&rig);
    bytes_free(&answer);
    return 0;
}

/* ---- helpers ----------------------------------------------------------------------------- */

static inline void ask(struct rig_client *client, const char *request)
{
    client->received.len = 0;
    rig_send(&rig, client, slice_of(request));
    rig_settle(&rig);
    http_text_canonical(slice_make(client->received.data, client->received.len), false, 0, &answer);
}

static inline bool has_status(const struct bytes *in, const char *status)
{
    return in->len >= 12 && memcmp(in->data + 9, status, 3) == 0;
}

/* No request is left, the client is gone, and the books agree. */
static inline void check_nothing_is_left(struct rig_client *client)
{
    rig_hang_up(client);
    RIG_UNTIL(&rig, rig.feedback->clients == 0);
    rig_settle(&rig);
    rig_check_http(&rig, true);
}

/* Nothing is open, nobody dies; of two replicas the first is asked first, because the other one has
 * failed and is only used when there is no better. */
static inline void forget(void)
{
    for (size_t i = 0; i < rig.n_shards; i++) {
        fake_shard_reset(&rig.shards[i]);
        rig.shards[i].n_requests = 0;
        rig.shards[i].n_deaths = 0;
        rig.shards[i].piece = 0;
        rig.shards[i].mute = false;
        rig_upstream(&rig, 0, (uint32_t)i)->http->retry_us = i == 0 ? 0 : HTTP_RIG_NEVER_US;
    }
}

/* Pools without a connection, or with one that has served a request. */
static inline void set_connections(bool kept)
{
    struct rig_client *client;

    forget();
    for (size_t i = 0; i < rig.n_shards; i++) {
        fake_shard_close_conns(&rig.shards[i]);
    }
    rig_settle(&rig);
    rig_check_http(&rig, true);
    if (kept) {
        client = rig_connect(&rig);
        ask(client, "GET /len HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_true(has_status(&answer, "200"));
        check_nothing_is_left(client);
        assert_int_equal(rig_upstream(&rig, 0, 0)->http->n_idle, 1);
        forget();
    }
}

/* How often the shards were sent a request's head. */
static inline unsigned n_heads(void)
{
    unsigned n = 0;

    for (size_t i = 0; i < rig.n_shards; i++) {
        struct slice in = slice_make(rig.shards[i].received.data, rig.shards[i].received.len);
        const uint8_t *at;

        while ((at = http_text_find(in, "X-Forwarded-For: ")) != NULL) {
            in = slice_skip(in, (size_t)(at - in.data) + 1);
            n++;
        }
    }
    return n;
}

#endif
