/*
 * What the admin API answers, without sockets: paths and methods, probes, JSON documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "support/control_fixture.h"

#include "control/endpoints.h"

struct api {
    struct fixture f;
    unsigned n_drains;
    struct endpoints_response response;
    json_t *root;
};

static struct control_view get_view(void *arg)
{
    struct api *api = arg;

    return api->f.view;
}

static void count_drain(void *arg)
{
    struct api *api = arg;

    api->n_drains++;
}

static int set_up(void **state)
{
    struct api *api = calloc(1, sizeof *api);

    assert_non_null(api);
    fixture_init(&api->f);
    *state = api;
    return 0;
}

static int tear_down(void **state)
{
    struct api *api = *state;

    body_deinit(&api->response.body);
    json_decref(api->root);
    fixture_deinit(&api->f);
    free(api);
    return 0;
}

static int ask(struct api *api, const char *method, const char *path, const char *query)
{
    struct endpoints_source source = {api, get_view, count_drain};
    struct endpoints_request request = {slice_of(method), slice_of(path), slice_of(query)};

    body_deinit(&api->response.body);
    endpoints_answer(&source, &request, &api->response);
    return api->response.status;
}

static const char *text_of(struct api *api)
{
    return fixture_text(&api->response.body);
}

/* The answer's body as JSON, valid until the next call. */
static json_t *get_json(struct api *api, const char *path, const char *query)
{
    json_error_t error;

    (void)ask(api, "GET", path, query);
    assert_string_equal(api->response.content_type, "application/json");
    json_decref(api->root);
    api->root = json_loadb(api->response.body.data, api->response.body.len, JSON_ALLOW_NUL, &error);
    assert_non_null(api->root);
    return api->root;
}

/* The member at a path like "pools.0.name". */
static json_t *at(json_t *value, const char *path)
{
    char copy[128], *save, *part;

    (void)strcpy(copy, path);
    for (part = strtok_r(copy, ".", &save); part != NULL; part = strtok_r(NULL, ".", &save)) {
        value = json_is_array(value) ? json_array_get(value, strtoul(part, NULL, 10))
                                     : json_object_get(value, part);
        if (value == NULL) {
            fail_msg("nothing at %s", path);
        }
    }
    return value;
}

static const char *text_at(json_t *value, const char *path)
{
    const char *text = json_string_value(at(value, path));

    assert_non_null(text);
    return text;
}

static long long count_at(json_t *value, const char *path)
{
    assert_true(json_is_integer(at(value, path)));
    return json_integer_value(at(value, path));
}

/* --- Paths and methods --- */

static void test_unknown_paths(void **state)
{
    struct api *api = *state;

    assert_int_equal(ask(api, "GET", "/", ""), 404);
    assert_string_equal(text_of(api), "not found; known paths: /livez /readyz /metrics /pools "
                                      "/route /topz /config /drain\n");
    assert_int_equal(ask(api, "GET", "/livez/", ""), 404);
    assert_int_equal(ask(api, "GET", "", ""), 404);
}

static void test_methods(void **state)
{
    struct api *api = *state;

    assert_int_equal(ask(api, "HEAD", "/livez", ""), 200);
    assert_int_equal(ask(api, "POST", "/livez", ""), 405);
    assert_string_equal(api->response.fields, "Allow: GET, HEAD\r\n");
    assert_int_equal(ask(api, "get", "/livez", ""), 405);
    assert_int_equal(ask(api, "GET", "/drain", ""), 405);
    assert_string_equal(api->response.fields, "Allow: POST\r\n");
    assert_int_equal(ask(api, "HEAD", "/drain", ""), 405);
    assert_int_equal(api->n_drains, 0);
    assert_int_equal(ask(api, "POST", "/drain", ""), 200);
    assert_int_equal(api->n_drains, 1);
}

/* --- Probes --- */

static void test_live_while_workers_answer(void **state)
{
    struct api *api = *state;

    assert_int_equal(ask(api, "GET", "/livez", ""), 200);
    assert_string_equal(text_of(api), "ok\n");
    api->f.feedback[1]->heartbeat = FIXTURE_NOW_US - 5000000;
    assert_int_equal(ask(api, "GET", "/livez", ""), 200);
    api->f.feedback[1]->heartbeat = FIXTURE_NOW_US - 5200000;
    assert_int_equal(ask(api, "GET", "/livez", ""), 503);
    assert_string_equal(text_of(api), "worker 1: no answer for 5.2 s\n");
}

static void test_live_right_after_the_start(void **state)
{
    struct api *api = *state;

    api->f.feedback[0]->heartbeat = 0;
    api->f.view.started_us = FIXTURE_NOW_US - 1000;
    assert_int_equal(ask(api, "GET", "/livez", ""), 200);
    api->f.view.started_us = FIXTURE_NOW_US - 6000000;
    assert_int_equal(ask(api, "GET", "/livez", ""), 503);
}

static void test_ready_when_started_and_not_draining(void **state)
{
    struct api *api = *state;

    assert_int_equal(ask(api, "GET", "/readyz", ""), 200);
    assert_string_equal(text_of(api), "ok\n");
    api->f.feedback[1]->heartbeat = 0;
    api->f.view.draining = true;
    assert_int_equal(ask(api, "GET", "/readyz", ""), 503);
    assert_string_equal(text_of(api), "draining\nworker 1: not started\n");
}

static void test_a_down_shard_keeps_the_router_ready(void **state)
{
    struct api *api = *state;
    uint32_t i;

    for (i = 0; i < 3; i++) {
        api->f.feedback[0]->pools[0].replicas[i].state = FEEDBACK_STATE_EJECTED;
        api->f.feedback[1]->pools[0].replicas[i].state = FEEDBACK_STATE_EJECTED;
    }
    assert_int_equal(ask(api, "GET", "/readyz", ""), 200);
    assert_int_equal(ask(api, "GET", "/livez", ""), 200);
}

/* --- /pools --- */

static void add_traffic(struct fixture *f)
{
    struct feedback_pool *pool = &f->feedback[1]->pools[0];

    counter_add(&pool->requests[MEMCACHE_GET][FEEDBACK_HIT], 9);
    counter_add(&pool->requests[MEMCACHE_SET][FEEDBACK_TIMEOUT], 1);
    counter_add(&pool->requests[MEMCACHE_SET][FEEDBACK_CLIENT_ERROR], 1);
    counter_add(&pool->shards[1].requests[MEMCACHE_GET][FEEDBACK_BUSY], 2);
    counter_add(&pool->shards[1].keys_hit, 5);
    histogram_record(&pool->shards[1].latency, 999);
    f->feedback[0]->pools[0].replicas[2].state = FEEDBACK_STATE_UP;
    f->feedback[1]->pools[0].replicas[2].state = FEEDBACK_STATE_BACKOFF;
    counter_add(&f->feedback[1]->pools[0].replicas[2].connect_failures, 4);
}

static void test_pools(void **state)
{
    struct api *api = *state;
    json_t *root, *shard;
    double p99, share;

    add_traffic(&api->f);
    root = get_json(api, "/pools", "");
    assert_string_equal(text_at(root, "pools.0.name"), "a\"b");
    assert_string_equal(text_at(root, "pools.0.ring.algorithm"), "ketama");
    assert_string_equal(text_at(root, "pools.1.ring.compatible_with"), "twemproxy");
    assert_int_equal(count_at(root, "pools.0.requests"), 11);
    assert_int_equal(count_at(root, "pools.0.errors"), 1);
    shard = at(root, "pools.0.shards.1");
    assert_string_equal(text_at(shard, "name"), "s1");
    assert_int_equal(count_at(shard, "weight"), 3);
    assert_int_equal(count_at(shard, "requests"), 2);
    assert_int_equal(count_at(shard, "errors"), 2);
    assert_int_equal(count_at(shard, "keys_hit"), 5);
    share = json_real_value(at(shard, "ring_share"));
    assert_true(share > 0.6 && share < 0.9);
    p99 = json_real_value(at(shard, "latency_seconds.p99"));
    assert_true(p99 >= 0.000999 && p99 < 0.001125);
    assert_string_equal(text_at(shard, "replicas.0.address"), "[::1]:11312");
    assert_string_equal(text_at(shard, "replicas.0.state"), "backoff");
    assert_int_equal(count_at(shard, "replicas.0.workers.up"), 1);
    assert_int_equal(count_at(shard, "replicas.0.workers.backoff"), 1);
    assert_int_equal(count_at(shard, "replicas.0.connect_failures"), 4);
}

static void add_http_traffic(struct fixture *f)
{
    struct feedback_pool *pool = &f->feedback[1]->pools[2];

    counter_add(&f->feedback[0]->pools[2].http.requests[HTTP1_GET][FEEDBACK_HTTP_SUCCESS], 20);
    counter_add(&pool->http.requests[HTTP1_PUT][FEEDBACK_HTTP_SUCCESS], 1);
    counter_add(&pool->http.requests[HTTP1_GET][FEEDBACK_HTTP_CLIENT_ERROR], 3);
    counter_add(&pool->http.requests[HTTP1_GET][FEEDBACK_HTTP_SERVER_ERROR], 4);
    counter_add(&pool->http.requests[HTTP1_GET][FEEDBACK_HTTP_CUT], 1);
    counter_add(&pool->http.requests[HTTP1_GET][FEEDBACK_HTTP_CANCELLED], 1);
    histogram_record(&pool->http.latency, 1999);
    counter_add(&pool->retries, 2);
    counter_add(&pool->overloaded, 7);
    counter_add(&pool->shards[0].http.requests[HTTP1_GET][FEEDBACK_HTTP_SERVER_ERROR], 5);
    counter_add(&pool->shards[0].bytes_received, 99);
    histogram_record(&pool->shards[0].latency, 999);
}

static void test_pools_of_http(void **state)
{
    struct api *api = *state;
    json_t *pool, *shard;
    double p99;

    add_http_traffic(&api->f);
    pool = at(get_json(api, "/pools", ""), "pools.2");
    assert_string_equal(text_at(pool, "protocol"), "http");
    assert_int_equal(count_at(pool, "balance_factor"), 150);
    assert_int_equal(count_at(pool, "requests"), 30);
    assert_int_equal(count_at(pool, "errors"), 5);
    assert_int_equal(count_at(pool, "results.2xx"), 21);
    assert_int_equal(count_at(pool, "results.cancelled"), 1);
    assert_int_equal(count_at(pool, "retries"), 2);
    assert_int_equal(count_at(pool, "overloaded"), 7);
    assert_int_equal(count_at(pool, "failovers"), 0);
    p99 = json_real_value(at(pool, "latency_seconds.p99"));
    assert_true(p99 >= 0.001999 && p99 < 0.00225);
    assert_null(json_object_get(pool, "partial_misses"));
    shard = at(pool, "shards.0");
    assert_string_equal(text_at(shard, "name"), "h0");
    assert_int_equal(count_at(shard, "requests"), 5);
    assert_int_equal(count_at(shard, "errors"), 5);
    assert_int_equal(count_at(shard, "bytes_received"), 99);
    p99 = json_real_value(at(shard, "latency_seconds.p99"));
    assert_true(p99 >= 0.000999 && p99 < 0.001125);
    assert_null(json_object_get(shard, "keys_hit"));
    assert_string_equal(text_at(shard, "replicas.0.address"), "127.0.0.1:8001");
}

static void test_pools_of_memcached_say_nothing_of_http(void **state)
{
    struct api *api = *state;
    json_t *pool = at(get_json(api, "/pools", ""), "pools.1");

    assert_string_equal(text_at(pool, "protocol"), "memcached");
    assert_null(json_object_get(pool, "results"));
    assert_null(json_object_get(pool, "retries"));
    assert_null(json_object_get(pool, "balance_factor"));
    assert_null(json_object_get(at(pool, "shards.0"), "results"));
}

/* --- /route --- */

static void test_a_route_is_the_rings(void **state)
{
    struct api *api = *state;
    const struct topology_pool *pool = &api->f.topology->pools[0];
    uint32_t home = hashring_home(pool->ring, hashring_hash(pool->ring, "user 1", 6));
    json_t *root = get_json(api, "/route", "pool=a%22b&key=user%201");

    assert_int_equal(api->response.status, 200);
    assert_string_equal(text_at(root, "pool"), "a\"b");
    assert_string_equal(text_at(root, "key"), "user 1");
    assert_string_equal(text_at(root, "shard"), pool->shards[home].config->name);
    assert_string_equal(text_at(root, "why"), "home");
    assert_int_equal(json_array_size(at(root, "replicas")), pool->shards[home].config->n_replicas);
    assert_int_equal(strlen(text_at(root, "hash")), 8);
}

static void test_a_key_of_any_bytes(void **state)
{
    struct api *api = *state;

    (void)get_json(api, "/route", "pool=web&key=%ff%00+%c3%28");
    assert_int_equal(api->response.status, 200);
    assert_string_equal(text_at(api->root, "shard"), "127.0.0.1:11313");
}

static void test_bad_routes(void **state)
{
    struct api *api = *state;

    (void)get_json(api, "/route", "");
    assert_int_equal(api->response.status, 400);
    (void)get_json(api, "/route", "pool=web");
    assert_int_equal(api->response.status, 400);
    (void)get_json(api, "/route", "pool=web&key=");
    assert_int_equal(api->response.status, 400);
    (void)get_json(api, "/route", "pool=web&key=%4");
    assert_int_equal(api->response.status, 400);
    (void)get_json(api, "/route", "pool=%zz&key=a");
    assert_int_equal(api->response.status, 400);
    (void)get_json(api, "/route", "key=a"); /* which of the two? */
    assert_int_equal(api->response.status, 400);
    (void)get_json(api, "/route", "pool=other&key=a");
    assert_int_equal(api->response.status, 404);
    assert_string_equal(text_at(api->root, "error"), "no such pool");
}

static void test_the_route_of_a_request(void **state)
{
    struct api *api = *state;
    const struct topology_pool *pool = &api->f.topology->pools[2];
    uint32_t home = hashring_home(pool->ring, hashring_hash(pool->ring, "/a?b=1&c+%20", 12));
    json_t *root = get_json(api, "/route",
                            "method=PUT&url=http://shop/a?b=1%26c%2b%2520&client=192.0.2.1"
                            "&listener=127.0.0.1:8080&header=Cookie:%20a=b&header=X:%20y");
    assert_int_equal(api->response.status, 200);
    assert_string_equal(text_at(root, "listener"), "127.0.0.1:8080");
    assert_int_equal(count_at(root, "route.number"), 2);
    assert_true(json_is_null(at(root, "route.match.path_prefix")));
    assert_string_equal(text_at(root, "pool"), "site");
    assert_string_equal(text_at(root, "key"), "/a?b=1&c+%20");
    assert_string_equal(text_at(root, "key_template"), "{uri}");
    assert_string_equal(text_at(root, "shard"), pool->shards[home].config->name);
    assert_string_equal(text_at(root, "replicas.0.address"),
                        pool->shards[home].config->replicas[0].text);
    assert_int_equal(strlen(text_at(root, "hash")), 16);
    assert_string_equal(text_at(root, "reason"), "home");
}

static void test_what_the_route_of_a_request_matched(void **state)
{
    struct api *api = *state;
    json_t *root = get_json(api, "/route", "url=http://www.Example:80/./u/7/x");

    assert_int_equal(count_at(root, "route.number"), 1);
    assert_string_equal(text_at(root, "route.match.path_prefix"), "/u/");
    assert_string_equal(text_at(root, "route.match.host"), "www.example");
    assert_string_equal(text_at(root, "route.match.method"), "GET");
    assert_string_equal(text_at(root, "key_template"), "{{{path.1-2}");
    assert_string_equal(text_at(root, "key"), "{u/7");
    root = get_json(api, "/route", "url=http://www.example/u/");
    assert_int_equal(count_at(root, "route.number"), 1);
    assert_string_equal(text_at(root, "pool"), "site");
    assert_true(json_is_null(at(root, "shard")));
    assert_string_equal(text_at(root, "reason"),
                        "no key: answered with 400, by key_missing: error");
}

static void test_the_route_of_a_refused_request(void **state)
{
    struct api *api = *state;
    json_t *root = get_json(api, "/route", "url=/a%23b");

    assert_int_equal(api->response.status, 200);
    assert_true(json_is_null(at(root, "route")));
    assert_true(json_is_null(at(root, "key")));
    assert_true(json_is_null(at(root, "shard")));
    assert_int_equal(json_array_size(at(root, "replicas")), 0);
    assert_non_null(strstr(text_at(root, "reason"), "refused: answered with 400"));
}

static void test_bad_descriptions_of_requests(void **state)
{
    static const char accepted[] = "accepted with url: method, header (up to 64), client and "
                                   "listener, percent-encoded, each but header once";
    static const char *const cases[][2] = {
        {"url=/a?b=1&c=2", accepted},
        {"url=/a&pool=site", accepted},
        {"url=/a&url=/b", accepted},
        {"url=/a&header", accepted},
        {"url=/a%4", accepted},
        {"url=", "URL: found \"\"; accepted: http://HOST[:PORT]/PATH or /PATH, without spaces"},
        {"url=/a&header=x", "header: found \"x\"; accepted: Name: value"},
        {"url=/a&header=a:b%0d%0ac:d", "header: found \"a:b??c:d\"; accepted: Name: value"},
        {"url=/a&client=x", "client: found \"x\"; accepted: an IPv4 or IPv6 address"},
        {"url=/a&listener=x", "listener: found \"x\"; accepted: 127.0.0.1:8080"},
    };
    struct api *api = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)get_json(api, "/route", cases[i][0]);
        assert_int_equal(api->response.status, 400);
        assert_string_equal(text_at(api->root, "error"), cases[i][1]);
    }
}

static void test_many_headers(void **state)
{
    struct api *api = *state;
    char query[1024] = "url=/a";

    for (int i = 0; i < 64; i++) {
        (void)strcat(query, "&header=a:b");
    }
    (void)get_json(api, "/route", query);
    assert_int_equal(api->response.status, 200);
    (void)strcat(query, "&header=a:b");
    (void)get_json(api, "/route", query);
    assert_int_equal(api->response.status, 400);
}

/* --- /topz, /config --- */

static void test_topz(void **state)
{
    struct api *api = *state;
    json_t *root;

    api->f.feedback[1]->loop_lag_us = 1500;
    api->f.feedback[0]->http_upgrades = 3;
    root = get_json(api, "/topz", "");
    assert_true(json_real_value(at(root, "uptime_seconds")) == 60.0);
    assert_true(json_array_size(at(root, "threads")) >= 1);
    assert_true(strlen(text_at(root, "threads.0.name")) > 0);
    assert_true(json_is_real(at(root, "threads.0.cpu_user_seconds")));
    assert_true(count_at(root, "memory.resident_bytes") > 100000);
    assert_true(count_at(root, "descriptors.open") >= 3);
    assert_true(count_at(root, "descriptors.limit") > 3);
    assert_true(count_at(root, "context_switches.involuntary") >= 0);
    assert_int_equal(json_array_size(at(root, "workers")), FIXTURE_WORKERS);
    assert_true(json_real_value(at(root, "workers.1.loop_lag_seconds")) == 0.0015);
    assert_int_equal(count_at(root, "workers.0.http_tunnels"), 3);
}

static void test_config_is_written_as_in_the_file(void **state)
{
    struct api *api = *state;
    json_t *root = get_json(api, "/config", "");

    assert_int_equal(count_at(root, "workers"), 2);
    assert_string_equal(text_at(root, "admin.bind"), "127.0.0.1:9900");
    assert_string_equal(text_at(root, "log.level"), "warn");
    assert_string_equal(text_at(root, "log.format"), "json");
    assert_string_equal(text_at(root, "log.access"), "1/10");
    assert_true(json_is_null(at(root, "log.file")));
    assert_string_equal(text_at(root, "drain.delay"), "250ms");
    assert_int_equal(count_at(root, "limits.max_clients"), 77);
    assert_string_equal(text_at(root, "limits.max_item"), "3MiB");
    assert_string_equal(text_at(root, "pools.0.ring.hash"), "md5");
    assert_string_equal(text_at(root, "pools.0.ring.hash_tag"), "{}");
    assert_string_equal(text_at(root, "pools.0.on_shard_down"), "web");
    assert_string_equal(text_at(root, "pools.1.on_shard_down"), "next");
    assert_true(json_is_true(at(root, "pools.1.flush_all")));
    assert_string_equal(text_at(root, "pools.0.shards.0.replicas.1"), "127.0.0.1:11321");
    assert_string_equal(text_at(root, "listeners.0.routes.0.prefix"), "a:b:");
    assert_string_equal(text_at(root, "listeners.0.routes.0.pool"), "a\"b");
    assert_string_equal(text_at(root, "listeners.1.mode"), "0600");
}

/* Options of the other protocol are left out, and so is what nobody set. */
static void test_config_of_http(void **state)
{
    struct api *api = *state;
    json_t *root = get_json(api, "/config", "");

    assert_true(json_is_null(at(root, "timeouts.idle")));
    assert_string_equal(text_at(root, "timeouts.body"), "30s");
    assert_string_equal(text_at(root, "limits.max_request_header"), "16KiB");
    assert_string_equal(text_at(root, "limits.max_request_body"), "0B");
    assert_string_equal(text_at(root, "pools.2.protocol"), "http");
    assert_int_equal(count_at(root, "pools.2.balance_factor"), 150);
    assert_int_equal(count_at(root, "pools.2.connections"), 256);
    assert_int_equal(count_at(root, "pools.2.max_connections"), 1024);
    assert_string_equal(text_at(root, "pools.2.timeouts.request"), "0s");
    assert_string_equal(text_at(root, "pools.2.timeouts.keep_alive"), "4s");
    assert_null(json_object_get(at(root, "pools.2"), "max_pending"));
    assert_null(json_object_get(at(root, "pools.2"), "flush_all"));
    assert_null(json_object_get(at(root, "pools.1"), "balance_factor"));
    assert_string_equal(text_at(root, "listeners.2.protocol"), "http");
    assert_string_equal(text_at(root, "listeners.2.pool"), "site");
    assert_int_equal(json_array_size(at(root, "listeners.2.trusted_proxies")), 2);
    assert_string_equal(text_at(root, "listeners.2.trusted_proxies.0"), "10.0.0.0/8");
    assert_string_equal(text_at(root, "listeners.2.trusted_proxies.1"), "::1");
    assert_null(json_object_get(at(root, "listeners.1"), "trusted_proxies"));
}

/* The route that the option pool makes is not one of the list. */
static void test_config_of_http_routes(void **state)
{
    struct api *api = *state;
    json_t *root = get_json(api, "/config", "");
    json_t *routes = at(root, "listeners.2.routes");

    assert_int_equal(json_array_size(routes), 2);
    assert_string_equal(text_at(routes, "0.match.path_prefix"), "/u/");
    assert_string_equal(text_at(routes, "0.match.host"), "www.example");
    assert_string_equal(text_at(routes, "0.match.method"), "GET");
    assert_string_equal(text_at(routes, "0.key.0"), "{query.user}");
    assert_string_equal(text_at(routes, "0.key.1"), "{{{path.1-2}");
    assert_string_equal(text_at(routes, "0.key_missing"), "error");
    assert_true(json_is_true(at(routes, "0.normalize")));
    assert_true(json_is_false(at(routes, "0.upgrade")));
    assert_string_equal(text_at(routes, "0.host"), "replica");
    assert_string_equal(text_at(routes, "0.pool"), "site");
    assert_true(json_is_null(at(routes, "1.match.host")));
    assert_string_equal(text_at(routes, "1.key.0"), "{uri}");
    assert_string_equal(text_at(routes, "1.key_missing"), "random");
    assert_string_equal(text_at(routes, "1.host"), "keep");
    assert_null(json_object_get(at(root, "listeners.0.routes.0"), "match"));
}

/* What /config says is a configuration, and the same one. */
static void test_config_loads_again(void **state)
{
    struct api *api = *state;
    struct config_problems problems = {0};
    struct config *config;
    struct body first = {0};

    (void)get_json(api, "/config", "");
    body_add_bytes(&first, api->response.body.data, api->response.body.len);
    assert_int_equal(config_parse(&config, "config.json", first.data, first.len,
                                  (char *const[]){NULL}, &problems),
                     0);
    config_destroy(&api->f.config);
    api->f.config = config;
    api->f.topology->config = config;
    (void)get_json(api, "/config", "");
    assert_string_equal(text_of(api), fixture_text(&first));
    config_problems_deinit(&problems);
    body_deinit(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unknown_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_methods, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_live_while_workers_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_live_right_after_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ready_when_started_and_not_draining, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_down_shard_keeps_the_router_ready, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_pools, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pools_of_http, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pools_of_memcached_say_nothing_of_http, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_route_is_the_rings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_key_of_any_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_routes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_route_of_a_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_the_route_of_a_request_matched, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_route_of_a_refused_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_descriptions_of_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_topz, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_config_is_written_as_in_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_config_of_http, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_config_of_http_routes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_config_loads_again, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
