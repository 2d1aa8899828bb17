/*
 * The options for HTTP: what a good file becomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

#define MS UINT64_C(1000)
#define S  UINT64_C(1000000)

#define POOL   "pools: [{name: web, protocol: http, shards: [{name: 'h:1'}]}]\n"
#define LISTEN "listeners: [{bind: 'h:0', protocol: http, pool: web}]\n"

#define ROOT(text) text "\n" POOL LISTEN
#define IN_POOL(text)                                                                              \
    "pools:\n  - name: web\n    protocol: http\n    shards: [{name: 'h:1'}]\n    " text "\n" LISTEN
#define IN_LISTENER(text) POOL "listeners:\n  - bind: h:0\n    protocol: http\n    " text "\n"
#define IN_ROUTE(text)    IN_LISTENER("routes:\n      - pool: web\n        " text)

/* Both protocols: pools "keys" and "web". */
#define BOTH                                                                                       \
    "pools:\n"                                                                                     \
    "  - {name: keys, shards: [{name: 'h:1'}]}\n"                                                  \
    "  - {name: web, protocol: http, shards: [{name: 'h:2'}]}\n"

static struct config *parse_with(const char *text, char *const *environment)
{
    struct config *config = NULL;
    struct config_problems problems;
    int result = config_parse(&config, "f", text, strlen(text), environment, &problems);

    for (size_t i = 0; i < problems.n_lines; i++) {
        print_error("%s\n", problems.lines[i]);
    }
    assert_int_equal(result, 0);
    config_problems_deinit(&problems);
    return config;
}

static struct config *parse(const char *text)
{
    return parse_with(text, NULL);
}

/* --- Defaults --- */

static void test_process_defaults(void **state)
{
    (void)state;
    struct config *config = parse(POOL LISTEN);

    assert_int_equal(config->request_head_bytes, 16 << 10);
    assert_int_equal(config->response_head_bytes, 64 << 10);
    assert_int_equal(config->request_body_bytes, 0);
    assert_int_equal(config->stream_buffer_bytes, 128 << 10);
    assert_int_equal(config->idle_us, 0);
    assert_int_equal(config->keep_alive_us, 60 * S);
    assert_int_equal(config->head_us, 10 * S);
    assert_int_equal(config->body_us, 30 * S);
    config_destroy(&config);
}

static void test_pool_defaults(void **state)
{
    (void)state;
    struct config *config = parse(POOL LISTEN);
    const struct config_pool *pool = &config->pools[0];

    assert_int_equal(pool->protocol, CONFIG_HTTP);
    assert_int_equal(pool->connections, 256);
    assert_int_equal(pool->max_connections, 1024);
    assert_int_equal(pool->connect_us, 250 * MS);
    assert_int_equal(pool->request_us, 0);
    assert_int_equal(pool->response_us, 60 * S);
    assert_int_equal(pool->keep_alive_us, 4 * S);
    assert_int_equal(pool->balance_percent, 0);
    assert_int_equal(pool->eject_after, 3);
    assert_int_equal(pool->on_shard_down, CONFIG_DOWN_ERROR);
    config_destroy(&config);
}

static void test_listener_defaults(void **state)
{
    (void)state;
    struct config *config = parse(POOL LISTEN);
    const struct config_listener *listener = &config->listeners[0];

    assert_int_equal(listener->protocol, CONFIG_HTTP);
    assert_int_equal(listener->n_routes, 0);
    assert_int_equal(listener->n_trusted, 0);
    assert_false(listener->uses_fragment);
    assert_int_equal(listener->n_http_routes, 1);
    const struct config_http_route *route = &listener->http_routes[0];
    assert_null(route->path_prefix);
    assert_null(route->host);
    assert_null(route->method);
    assert_int_equal(route->n_keys, 1);
    assert_int_equal(route->keys[0].parts[0].kind, CONFIG_KEY_URI);
    assert_int_equal(route->key_missing, CONFIG_KEY_MISSING_RANDOM);
    assert_false(route->normalize || route->upgrade || route->debug);
    assert_int_equal(route->host_sent, CONFIG_HOST_KEEP);
    assert_int_equal(route->pool, 0);
    config_destroy(&config);
}

/* --- Values --- */

static void test_process_values(void **state)
{
    (void)state;
    struct config *config =
        parse(ROOT("limits: {max_request_header: 1KiB, max_response_header: 1MiB, "
                   "max_request_body: 5MB, stream_buffer: 8KiB}\n"
                   "timeouts: {header: 0, body: 1h}"));

    assert_int_equal(config->request_head_bytes, 1 << 10);
    assert_int_equal(config->response_head_bytes, 1 << 20);
    assert_int_equal(config->request_body_bytes, 5000000);
    assert_int_equal(config->stream_buffer_bytes, 8 << 10);
    assert_int_equal(config->head_us, 0);
    assert_int_equal(config->body_us, 3600 * S);
    config_destroy(&config);
}

static void test_idle(void **state)
{
    static const struct {
        const char *text;
        uint64_t idle_us, keep_alive_us;
    } cases[] = {
        {ROOT("timeouts: {idle: ~}"), 0, 60 * S},
        {ROOT("timeouts: {idle: 0}"), 0, 0},
        {ROOT("timeouts: {idle: 5m}"), 300 * S, 300 * S},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct config *config = parse(cases[i].text);
        assert_int_equal(config->idle_us, cases[i].idle_us);
        assert_int_equal(config->keep_alive_us, cases[i].keep_alive_us);
        config_destroy(&config);
    }
}

static void test_pool_values(void **state)
{
    (void)state;
    struct config *config = parse(IN_POOL("connections: 0\n"
                                          "    max_connections: 65535\n"
                                          "    balance_factor: 125\n"
                                          "    timeouts: {request: 3s, response: 1s, "
                                          "keep_alive: 0}"));
    const struct config_pool *pool = &config->pools[0];

    assert_int_equal(pool->connections, 0);
    assert_int_equal(pool->max_connections, 65535);
    assert_int_equal(pool->balance_percent, 125);
    assert_int_equal(pool->request_us, 3 * S);
    assert_int_equal(pool->response_us, 1 * S);
    assert_int_equal(pool->keep_alive_us, 0);
    config_destroy(&config);
}

/* Nothing stands for the default, also of an option for the other protocol. */
static void test_nothing_is_no_value(void **state)
{
    (void)state;
    struct config *config = parse(IN_POOL("max_pending: ~\n"
                                          "    flush_all: ~\n"
                                          "    balance_factor: ~\n"
                                          "    connections: ~"));

    assert_int_equal(config->pools[0].max_pending, 0);
    assert_int_equal(config->pools[0].connections, 256);
    config_destroy(&config);
}

static const char routes_text[] =
    BOTH "listeners:\n"
         "  - {bind: 'h:0', pool: keys, routes: {'user:': keys}}\n"
         "  - bind: h:0\n"
         "    protocol: http\n"
         "    pool: web\n"
         "    trusted_proxies: [10.1.2.3/8, '::1']\n"
         "    routes:\n"
         "      - match: {path_prefix: /a/, host: WWW.Example, method: get}\n"
         "        key: ['{query.user}', 'p{path.1-2}']\n"
         "        key_missing: error\n"
         "        normalize: true\n"
         "        upgrade: yes\n"
         "        debug: on\n"
         "        host: replica\n"
         "        pool: web\n"
         "      - {match: ~, key: 'a,b', pool: web}\n"
         "      - {match: {path_prefix: /, host: '[2001:DB8::1]'}, pool: web}\n";

static void test_routes(void **state)
{
    (void)state;
    struct config *config = parse(routes_text);
    const struct config_listener *listener = &config->listeners[1];
    const struct config_http_route *route = &listener->http_routes[0];

    assert_int_equal(config->listeners[0].n_routes, 1);
    assert_int_equal(config->listeners[0].n_http_routes, 0);
    assert_int_equal(listener->n_http_routes, 4);
    assert_string_equal(route->path_prefix, "/a/");
    assert_string_equal(route->host, "www.example");
    assert_string_equal(route->method, "get");
    assert_int_equal(route->n_keys, 2);
    assert_string_equal(route->keys[0].text, "{query.user}");
    assert_int_equal(route->keys[1].n_parts, 2);
    assert_int_equal(route->key_missing, CONFIG_KEY_MISSING_ERROR);
    assert_true(route->normalize && route->upgrade && route->debug);
    assert_int_equal(route->host_sent, CONFIG_HOST_REPLICA);
    assert_int_equal(route->pool, 1);
    assert_null(listener->http_routes[1].path_prefix);
    assert_string_equal(listener->http_routes[1].keys[0].parts[0].text, "a,b");
    assert_string_equal(listener->http_routes[2].host, "[2001:db8::1]");
    assert_string_equal(listener->http_routes[2].keys[0].text, "{uri}");
    assert_string_equal(listener->http_routes[3].keys[0].text, "{uri}");
    assert_int_equal(listener->http_routes[3].pool, 1);
    config_destroy(&config);
}

static void test_trusted_proxies(void **state)
{
    static const char *const texts[] = {
        IN_LISTENER("pool: web\n    trusted_proxies: [10.1.2.3/8, '::1']"),
        IN_LISTENER("pool: web\n    trusted_proxies: 10.0.0.0/8, ::1"),
    };
    static const uint8_t ten[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};
    static const uint8_t one[16] = {[15] = 1};

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
        struct config *config = parse(texts[i]);
        const struct config_listener *listener = &config->listeners[0];
        assert_int_equal(listener->n_trusted, 2);
        assert_memory_equal(listener->trusted[0].address, ten, sizeof(ten));
        assert_int_equal(listener->trusted[0].prefix_bits, 104);
        assert_memory_equal(listener->trusted[1].address, one, sizeof(one));
        assert_int_equal(listener->trusted[1].prefix_bits, 128);
        config_destroy(&config);
    }
}

static void test_fragment(void **state)
{
    (void)state;
    struct config *config = parse(IN_ROUTE("key: ['{query.a}', 'x{fragment}']"));
    assert_true(config->listeners[0].uses_fragment);
    assert_int_equal(config->listeners[0].n_http_routes, 1);
    config_destroy(&config);
    config = parse(IN_ROUTE("key: ['{{fragment}', '{query.fragment}']"));
    assert_false(config->listeners[0].uses_fragment);
    config_destroy(&config);
}

static void test_gutter(void **state)
{
    (void)state;
    struct config *config = parse("pools:\n"
                                  "  - {name: a, protocol: http, shards: [{name: 'h:1'}], "
                                  "on_shard_down: b}\n"
                                  "  - {name: b, protocol: http, shards: [{name: 'h:2'}]}\n"
                                  "listeners: [{bind: 'h:0', protocol: http, pool: a}]\n");
    assert_int_equal(config->pools[0].on_shard_down, CONFIG_DOWN_POOL);
    assert_int_equal(config->pools[0].down_pool, 1);
    config_destroy(&config);
}

/* --- From the environment and the command line --- */

static void test_variables(void **state)
{
    char *environment[] = {
        (char *)"RINGWAY_LIMITS_MAX_REQUEST_HEADER=2KiB",
        (char *)"RINGWAY_TIMEOUTS_IDLE=7s",
        (char *)"RINGWAY_POOLS_WEB_CONNECTIONS=4096",
        (char *)"RINGWAY_POOLS_KEYS_CONNECTIONS=64",
        (char *)"RINGWAY_POOLS_WEB_TIMEOUTS_KEEP_ALIVE=1s",
        (char *)"RINGWAY_POOLS_WEB_BALANCE_FACTOR=200",
        (char *)"RINGWAY_LISTENERS_1_POOL=~",
        (char *)"RINGWAY_LISTENERS_1_TRUSTED_PROXIES=192.0.2.0/24",
        (char *)"RINGWAY_LISTENERS_1_ROUTES_0_KEY={cookie.id}",
        (char *)"RINGWAY_LISTENERS_1_ROUTES_2_MATCH_HOST=b.example",
        NULL,
    };
    (void)state;
    struct config *config = parse_with(routes_text, environment);
    const struct config_listener *listener = &config->listeners[1];

    assert_int_equal(config->request_head_bytes, 2 << 10);
    assert_int_equal(config->idle_us, 7 * S);
    assert_int_equal(config->keep_alive_us, 7 * S);
    assert_int_equal(config->pools[0].connections, 64);
    assert_int_equal(config->pools[1].connections, 4096);
    assert_int_equal(config->pools[1].keep_alive_us, 1 * S);
    assert_int_equal(config->pools[1].balance_percent, 200);
    assert_int_equal(listener->n_http_routes, 3);
    assert_int_equal(listener->n_trusted, 1);
    assert_int_equal(listener->http_routes[0].n_keys, 1);
    assert_string_equal(listener->http_routes[0].keys[0].parts[0].text, "id");
    assert_string_equal(listener->http_routes[2].host, "b.example");
    config_destroy(&config);
}

/* In a template only "${" is a variable of the environment. */
static void test_expansion_in_keys(void **state)
{
    char *environment[] = {(char *)"TENANT=t1", NULL};

    (void)state;
    struct config *config =
        parse_with(IN_ROUTE("key: '${TENANT}:{host}${NONE:-$}{path}$'"), environment);
    assert_string_equal(config->listeners[0].http_routes[0].keys[0].text, "t1:{host}${path}$");
    config_destroy(&config);
}

static void test_command_line(void **state)
{
    const char *listen[] = {"http://127.0.0.1:0", "http:///run/r.sock"};
    const char *shards[] = {"a=h:1"};
    const struct config_source source = {
        .listen = listen, .n_listen = 2, .shards = shards, .n_shards = 1};
    struct config_problems problems;
    struct config *config;

    (void)state;
    assert_int_equal(config_load(&config, &source, &problems), 0);
    assert_int_equal(config->pools[0].protocol, CONFIG_HTTP);
    assert_int_equal(config->pools[0].connections, 256);
    assert_string_equal(config->listeners[0].bind.text, "127.0.0.1:0");
    assert_int_equal(config->listeners[0].n_http_routes, 1);
    assert_string_equal(config->listeners[0].http_routes[0].keys[0].text, "{uri}");
    assert_string_equal(config->listeners[1].bind.text, "unix:/run/r.sock");
    assert_int_equal(config->listeners[1].protocol, CONFIG_HTTP);
    config_problems_deinit(&problems);
    config_destroy(&config);
}

static void test_mixed_command_line(void **state)
{
    const char *listen[] = {"http://h:1", "http://h:2", "memcached://h:3"};
    const char *shards[] = {"a=h:1"};
    const struct config_source source = {
        .listen = listen, .n_listen = 3, .shards = shards, .n_shards = 1};
    struct config_problems problems;
    struct config *config;

    (void)state;
    assert_int_equal(config_load(&config, &source, &problems), -1);
    assert_int_equal(problems.n_lines, 1);
    assert_string_equal(
        problems.lines[0],
        "command line: --listen \"memcached://h:3\": found memcached beside http; accepted: one "
        "protocol for all --listen, because they share their shards; or -c FILE with a pool for "
        "each");
    config_problems_deinit(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_defaults),
        cmocka_unit_test(test_pool_defaults),
        cmocka_unit_test(test_listener_defaults),
        cmocka_unit_test(test_process_values),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_pool_values),
        cmocka_unit_test(test_nothing_is_no_value),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_trusted_proxies),
        cmocka_unit_test(test_fragment),
        cmocka_unit_test(test_gutter),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_expansion_in_keys),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_mixed_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
