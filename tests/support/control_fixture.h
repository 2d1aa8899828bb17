/*
 * A small process to look at: two pools from a configuration, counters of two workers, a fixed
 * clock. What a test wants to see it writes into the counters.
 */
#ifndef TESTS_SUPPORT_CONTROL_FIXTURE_H
#define TESTS_SUPPORT_CONTROL_FIXTURE_H

#include "config/config.h"
#include "control/body.h"
#include "control/view.h"

#define FIXTURE_WORKERS 2u
#define FIXTURE_NOW_US  UINT64_C(100000000)

struct fixture {
    struct config *config;
    struct topology *topology;
    struct feedback *feedback[FIXTURE_WORKERS];
    uint64_t pings_us[FIXTURE_WORKERS];
    struct control_view view;
};

/* Two workers; the memcached pools "a\"b", with shards s0 (weight 1, two replicas) and s1 (weight 3),
 * and "web"; the HTTP pool "site" with two shards. */
static const char fixture_yaml[] =
    "workers: 2\n"
    "admin: {bind: '127.0.0.1:9900'}\n"
    "log: {level: warn, format: json, access: 1/10}\n"
    "drain: {delay: 250ms, timeout: 90s}\n"
    "limits: {max_clients: 77, max_item: 3MiB}\n"
    "pools:\n"
    "  - name: 'a\"b'\n"
    "    ring: {algorithm: ketama, hash: md5, points: 160, hash_tag: '{}'}\n"
    "    on_shard_down: web\n"
    "    shards:\n"
    "      - {name: s0, replicas: ['127.0.0.1:11311', '127.0.0.1:11321']}\n"
    "      - {name: s1, weight: 3, replicas: ['[::1]:11312']}\n"
    "  - name: web\n"
    "    ring: {compatible_with: twemproxy}\n"
    "    on_shard_down: next\n"
    "    flush_all: true\n"
    "    shards:\n"
    "      - {name: '127.0.0.1:11313', replicas: ['127.0.0.1:11313']}\n"
    "  - name: site\n"
    "    protocol: http\n"
    "    balance_factor: 150\n"
    "    shards:\n"
    "      - {name: h0, replicas: ['127.0.0.1:8001']}\n"
    "      - {name: h1, replicas: ['127.0.0.1:8002']}\n"
    "listeners:\n"
    "  - {bind: '127.0.0.1:11211', pool: web,\n"
    "     routes: [{prefix: 'a:', pool: web}, {prefix: 'a:b:', pool: 'a\"b'}]}\n"
    "  - {bind: 'unix:/run/r.sock', mode: '0600', pool: web}\n"
    "  - {bind: '127.0.0.1:8080', protocol: http, pool: site,\n"
    "     trusted_proxies: [10.1.2.3/8, '::1'],\n"
    "     routes: [{match: {path_prefix: /u/, host: WWW.example, method: GET},\n"
    "               key: ['{query.user}', '{{{path.1-2}'], key_missing: error, normalize: true,\n"
    "               host: replica, pool: site},\n"
    "              {debug: true, pool: site}]}\n";

static inline void fixture_init(struct fixture *f)
{
    struct config_problems problems = {0};
    uint32_t bad_pool, i;

    assert_int_equal(config_parse(&f->config, "test.yaml", fixture_yaml, sizeof fixture_yaml - 1,
                                  (char *const[]){NULL}, &problems),
                     0);
    config_problems_deinit(&problems);
    assert_int_equal(topology_create(&f->topology, f->config, &bad_pool), 0);
    for (i = 0; i < FIXTURE_WORKERS; i++) {
        f->feedback[i] = feedback_create(f->topology);
        f->pings_us[i] = FIXTURE_NOW_US - 1000;
        f->feedback[i]->heartbeat = f->pings_us[i];
    }
    f->view = (struct control_view){
        .topology = f->topology,
        .feedback = f->feedback,
        .pings_us = f->pings_us,
        .n_workers = FIXTURE_WORKERS,
        .started_us = FIXTURE_NOW_US - 60000000,
        .now_us = FIXTURE_NOW_US,
        .started_unix = 1700000000.25,
    };
}

static inline void fixture_deinit(struct fixture *f)
{
    uint32_t i;

    for (i = 0; i < FIXTURE_WORKERS; i++) {
        feedback_destroy(&f->feedback[i], f->topology);
    }
    topology_destroy(&f->topology);
    config_destroy(&f->config);
}

/* [body] as a string; valid until the body is freed or grows. */
static inline const char *fixture_text(struct body *body)
{
    body_add_bytes(body, "", 1);
    body->len--;
    return body->data;
}

#endif
