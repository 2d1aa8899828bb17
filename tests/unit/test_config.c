/*
 * What a good file becomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

/* The least that loads; more options can stand before and after. */
#define POOL                                                                                       \
    "pools:\n"                                                                                     \
    "  - name: a\n"                                                                                \
    "    shards:\n"                                                                                \
    "      - name: s0\n"                                                                           \
    "        replicas: 127.0.0.1:11311\n"
#define LISTENER                                                                                   \
    "listeners:\n"                                                                                 \
    "  - bind: 127.0.0.1:11211\n"                                                                  \
    "    pool: a\n"
#define MINIMAL POOL LISTENER

#define MS UINT64_C(1000)
#define S  UINT64_C(1000000)

/* Fails with the problems when [text] is not accepted. */
static struct config *parse(const char *text)
{
    struct config *config = NULL;
    struct config_problems problems;
    int result = config_parse(&config, "test.yaml", text, strlen(text), NULL, &problems);

    for (size_t i = 0; i < problems.n_lines; i++) {
        print_error("%s\n", problems.lines[i]);
    }
    assert_int_equal(result, 0);
    assert_int_equal(problems.n_lines, 0);
    assert_non_null(config);
    config_problems_deinit(&problems);
    return config;
}

static void assert_ring(const struct hashring_options *ring, const struct hashring_options *wanted)
{
    assert_int_equal(ring->preset, wanted->preset);
    assert_int_equal(ring->algorithm, wanted->algorithm);
    assert_int_equal(ring->hash, wanted->hash);
    assert_int_equal(ring->points, wanted->points);
    assert_int_equal(ring->has_hash_tag, wanted->has_hash_tag);
}

static void test_process_defaults(void **state)
{
    (void)state;
    struct config *config = parse(MINIMAL);

    assert_int_equal(config->workers, config_available_cpus());
    assert_true(config->has_admin);
    assert_string_equal(config->admin.text, "127.0.0.1:9900");
    assert_int_equal(config->log.level, CONFIG_LOG_INFO);
    assert_int_equal(config->log.format, CONFIG_LOG_TEXT);
    assert_int_equal(config->log.access, CONFIG_ACCESS_OFF);
    assert_null(config->log.file);
    assert_int_equal(config->drain_delay_us, 0);
    assert_int_equal(config->drain_timeout_us, 10 * S);
    assert_int_equal(config->max_clients, 10000);
    assert_int_equal(config->max_item_bytes, 1 << 20);
    assert_int_equal(config->max_line_bytes, 1 << 20);
    assert_int_equal(config->client_output_bytes, 4 << 20);
    assert_int_equal(config->idle_us, 0);
    config_destroy(&config);
    assert_null(config);
}

static void test_pool_defaults(void **state)
{
    (void)state;
    struct config *config = parse(MINIMAL);
    const struct config_pool *pool = &config->pools[0];
    struct hashring_options ring;

    hashring_options_init(&ring);
    ring.points = 512;
    assert_int_equal(config->n_pools, 1);
    assert_string_equal(pool->name, "a");
    assert_int_equal(pool->protocol, CONFIG_MEMCACHED);
    assert_ring(&pool->ring, &ring);
    assert_int_equal(pool->connections, 1);
    assert_int_equal(pool->max_pending, 16384);
    assert_int_equal(pool->max_queue_bytes, 64 << 20);
    assert_int_equal(pool->connect_us, 250 * MS);
    assert_int_equal(pool->request_us, 500 * MS);
    assert_int_equal(pool->eject_after, 3);
    assert_int_equal(pool->retry_after_us, 2 * S);
    assert_int_equal(pool->on_shard_down, CONFIG_DOWN_ERROR);
    assert_int_equal(pool->on_partial, CONFIG_PARTIAL_MISS);
    assert_false(pool->flush_all);
    assert_int_equal(pool->n_shards, 1);
    assert_string_equal(pool->shards[0].name, "s0");
    assert_int_equal(pool->shards[0].weight, 1);
    assert_int_equal(pool->shards[0].line, 4);
    assert_int_equal(pool->shards[0].n_replicas, 1);
    assert_string_equal(pool->shards[0].replicas[0].text, "127.0.0.1:11311");
    config_destroy(&config);
}

static void test_listener_defaults(void **state)
{
    (void)state;
    struct config *config = parse(MINIMAL);
    const struct config_listener *listener = &config->listeners[0];

    assert_int_equal(config->n_listeners, 1);
    assert_string_equal(listener->bind.text, "127.0.0.1:11211");
    assert_string_equal(listener->bind.host, "127.0.0.1");
    assert_int_equal(listener->bind.port, 11211);
    assert_true(listener->bind.is_numeric);
    assert_int_equal(listener->mode, 0660);
    assert_int_equal(listener->protocol, CONFIG_MEMCACHED);
    assert_int_equal(listener->pool, 0);
    assert_int_equal(listener->n_routes, 0);
    config_destroy(&config);
}

static void test_process_options(void **state)
{
    (void)state;
    struct config *config = parse("workers: 7\n"
                                  "admin: {bind: 'unix:/run/admin.sock'}\n"
                                  "log: {level: debug, format: json, access: 1/50, file: r.log}\n"
                                  "drain: {delay: 1500us, timeout: 2m}\n"
                                  "limits:\n"
                                  "  max_clients: 3\n"
                                  "  max_item: 2KiB\n"
                                  "  max_line: 4096B\n"
                                  "  client_output: 1GB\n"
                                  "timeouts: {idle: 1h}\n" MINIMAL);

    assert_int_equal(config->workers, 7);
    assert_int_equal(config->admin.kind, CONFIG_ADDRESS_UNIX);
    assert_string_equal(config->admin.host, "/run/admin.sock");
    assert_int_equal(config->log.level, CONFIG_LOG_DEBUG);
    assert_int_equal(config->log.format, CONFIG_LOG_JSON);
    assert_int_equal(config->log.access, CONFIG_ACCESS_SAMPLED);
    assert_int_equal(config->log.access_every, 50);
    assert_string_equal(config->log.file, "r.log");
    assert_int_equal(config->drain_delay_us, 1500);
    assert_int_equal(config->drain_timeout_us, 120 * S);
    assert_int_equal(config->max_clients, 3);
    assert_int_equal(config->max_item_bytes, 2048);
    assert_int_equal(config->max_line_bytes, 4096);
    assert_int_equal(config->client_output_bytes, 1000000000);
    assert_int_equal(config->idle_us, 3600 * S);
    config_destroy(&config);
}

static void test_pool_options(void **state)
{
    (void)state;
    struct config *config =
        parse("pools:\n"
              "  - name: a\n"
              "    protocol: memcached\n"
              "    ring: {algorithm: ketama, hash: md5, points: 40, hash_tag: '{}'}\n"
              "    shards:\n"
              "      - {name: s0, weight: 3, replicas: [10.0.0.1:1, '[::1]:2', 'unix:/s']}\n"
              "      - {name: s1, replicas: '10.0.0.2:1, 10.0.0.2:2'}\n"
              "      - {name: 'cache.example:11211'}\n"
              "    connections: 2\n"
              "    max_pending: 10\n"
              "    max_queue: 1MiB\n"
              "    timeouts: {connect: 1s, request: 2s}\n"
              "    health: {eject_after: 0, retry_after: 5s}\n"
              "    on_shard_down: next\n"
              "    on_partial: error\n"
              "    flush_all: true\n" LISTENER);
    const struct config_pool *pool = &config->pools[0];

    assert_int_equal(pool->ring.algorithm, HASHRING_KETAMA);
    assert_int_equal(pool->ring.hash, HASHRING_MD5);
    assert_int_equal(pool->ring.points, 40);
    assert_true(pool->ring.has_hash_tag);
    assert_memory_equal(pool->ring.hash_tag, "{}", 2);
    assert_int_equal(pool->connections, 2);
    assert_int_equal(pool->max_pending, 10);
    assert_int_equal(pool->max_queue_bytes, 1 << 20);
    assert_int_equal(pool->connect_us, S);
    assert_int_equal(pool->request_us, 2 * S);
    assert_int_equal(pool->eject_after, 0);
    assert_int_equal(pool->retry_after_us, 5 * S);
    assert_int_equal(pool->on_shard_down, CONFIG_DOWN_NEXT);
    assert_int_equal(pool->on_partial, CONFIG_PARTIAL_ERROR);
    assert_true(pool->flush_all);
    assert_int_equal(pool->n_shards, 3);
    assert_int_equal(pool->shards[0].weight, 3);
    assert_int_equal(pool->shards[0].n_replicas, 3);
    assert_string_equal(pool->shards[0].replicas[1].text, "[::1]:2");
    assert_string_equal(pool->shards[0].replicas[2].text, "unix:/s");
    assert_int_equal(pool->shards[1].n_replicas, 2);
    assert_string_equal(pool->shards[1].replicas[1].text, "10.0.0.2:2");
    assert_int_equal(pool->shards[2].n_replicas, 1);
    assert_string_equal(pool->shards[2].replicas[0].host, "cache.example");
    assert_false(pool->shards[2].replicas[0].is_numeric);
    config_destroy(&config);
}

/* What hashring_options_preset() sets stays, whatever stands first in the file. */
static void test_presets(void **state)
{
    (void)state;
    struct config *config = parse("pools:\n"
                                  "  - name: a\n"
                                  "    ring: {hash: md5, compatible_with: twemproxy}\n"
                                  "    shards: [{name: 'h:1'}]\n"
                                  "  - name: b\n"
                                  "    ring: {compatible_with: libmemcached-weighted}\n"
                                  "    shards: [{name: 'h:1'}]\n"
                                  "  - name: c\n"
                                  "    ring: {compatible_with: none}\n"
                                  "    shards: [{name: 'h:1'}]\n" LISTENER);
    struct hashring_options wanted;

    hashring_options_init(&wanted);
    assert_int_equal(hashring_options_preset(&wanted, HASHRING_PRESET_TWEMPROXY), 0);
    wanted.hash = HASHRING_MD5;
    assert_ring(&config->pools[0].ring, &wanted);
    assert_int_equal(hashring_options_preset(&wanted, HASHRING_PRESET_LIBMEMCACHED_WEIGHTED), 0);
    assert_ring(&config->pools[1].ring, &wanted);
    hashring_options_init(&wanted);
    wanted.points = 512;
    assert_ring(&config->pools[2].ring, &wanted);
    config_destroy(&config);
}

/* An algorithm without points has its own default, not that of xxring. */
static void test_points_follow_algorithm(void **state)
{
    (void)state;
    struct config *config = parse("pools:\n"
                                  "  - name: a\n"
                                  "    ring: {algorithm: ketama}\n"
                                  "    shards: [{name: 'h:1'}]\n" LISTENER);

    assert_int_equal(config->pools[0].ring.points, 160);
    config_destroy(&config);
}

static void check_routes(const char *routes)
{
    char text[1024];

    snprintf(text, sizeof(text), "%s  - name: b\n    shards: [{name: 'h:1'}]\n%s%s", POOL, LISTENER,
             routes);
    struct config *config = parse(text);
    const struct config_listener *listener = &config->listeners[0];

    assert_int_equal(listener->n_routes, 3);
    assert_string_equal(listener->routes[0].prefix, "user:");
    assert_int_equal(listener->routes[0].pool, 1);
    assert_string_equal(listener->routes[1].prefix, "us");
    assert_int_equal(listener->routes[1].pool, 0);
    assert_string_equal(listener->routes[2].prefix, "x");
    assert_int_equal(listener->routes[2].pool, 1);
    config_destroy(&config);
}

static void test_routes(void **state)
{
    (void)state;
    check_routes("    routes:\n"
                 "      - {prefix: us, pool: a}\n"
                 "      - {prefix: x, pool: b}\n"
                 "      - {prefix: 'user:', pool: b}\n");
    check_routes("    routes: {x: b, 'user:': b, us: a}\n");
}

static void test_gutter(void **state)
{
    (void)state;
    struct config *config = parse("pools:\n"
                                  "  - {name: a, shards: [{name: 'h:1'}], on_shard_down: b}\n"
                                  "  - {name: b, shards: [{name: 'h:1'}], on_shard_down: c}\n"
                                  "  - {name: c, shards: [{name: 'h:1'}]}\n" LISTENER);

    assert_int_equal(config->pools[0].on_shard_down, CONFIG_DOWN_POOL);
    assert_int_equal(config->pools[0].down_pool, 1);
    assert_int_equal(config->pools[1].on_shard_down, CONFIG_DOWN_POOL);
    assert_int_equal(config->pools[1].down_pool, 2);
    assert_int_equal(config->pools[2].on_shard_down, CONFIG_DOWN_ERROR);
    assert_int_equal(config_find_pool(config, "c"), 2);
    assert_int_equal(config_find_pool(config, "d"), -1);
    config_destroy(&config);
}

static void test_admin_off(void **state)
{
    static const char *const forms[] = {"admin: off\n", "admin:\n", "admin: ~\n",
                                        "admin: {bind: off}\n", "admin: {bind: ~}\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "%s%s", forms[i], MINIMAL);
        struct config *config = parse(text);
        assert_false(config->has_admin);
        assert_null(config->admin.text);
        config_destroy(&config);
    }
}

/* Forms of YAML that are not problems. */
static void test_accepted_forms(void **state)
{
    static const char *const forms[] = {
        "\xef\xbb\xbfworkers: 1\n" MINIMAL,
        "---\n" MINIMAL "...\n",
        "workers: \"4\"\n" MINIMAL,
        "workers: ~\nlog:\ndrain: {delay: }\n" MINIMAL,
        "timeouts: {idle: 0}\n" MINIMAL,
        "log: &l {level: warn}\n" MINIMAL,
        "drain: {delay: &d 2s, timeout: *d}\n" MINIMAL,
        "{\"workers\": 1, \"pools\": [{\"name\": \"a\", \"shards\": [{\"name\": \"h:1\"}]}],"
        " \"listeners\": [{\"bind\": \"[::]:0\", \"pool\": \"a\"}]}",
        MINIMAL "  - {bind: 127.0.0.1:0, pool: a}\n  - {bind: 127.0.0.1:0, pool: a}\n",
        MINIMAL "    mode: 600\n    routes: ~\n",
        MINIMAL "    mode: 0o700\n",
        "# \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n" MINIMAL,
    };
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct config *config = parse(forms[i]);
        config_destroy(&config);
    }
}

static void test_many_shards(void **state)
{
    const size_t n = 20000;
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);

    (void)state;
    fputs("pools:\n  - name: a\n    ring: {points: 1}\n    shards:\n", file);
    for (size_t i = 0; i < n; i++) {
        fprintf(file, "      - {name: s%zu, replicas: 'unix:/%zu'}\n", i, i);
    }
    fputs(LISTENER, file);
    fclose(file);
    struct config *config = parse(text);
    assert_int_equal(config->pools[0].n_shards, n);
    assert_string_equal(config->pools[0].shards[n - 1].name, "s19999");
    config_destroy(&config);
    free(text);
}

static void test_available_cpus(void **state)
{
    (void)state;
    assert_in_range(config_available_cpus(), 1, CONFIG_WORKERS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_defaults),
        cmocka_unit_test(test_pool_defaults),
        cmocka_unit_test(test_listener_defaults),
        cmocka_unit_test(test_process_options),
        cmocka_unit_test(test_pool_options),
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_points_follow_algorithm),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_gutter),
        cmocka_unit_test(test_admin_off),
        cmocka_unit_test(test_accepted_forms),
        cmocka_unit_test(test_many_shards),
        cmocka_unit_test(test_available_cpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
