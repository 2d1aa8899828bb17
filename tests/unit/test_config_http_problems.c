/*
 * What a file with a bad option for HTTP is told, in these very words.
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

struct problem_case {
    const char *text;
    const char *line; /* without the name of the file */
};

#define DURATION(range) "; accepted: a duration with a unit (us ms s m h), " range
#define SIZE(range)     "; accepted: a size with a unit (B KiB MiB GiB KB MB GB), " range

static const struct problem_case bounds_cases[] = {
    {ROOT("limits: {max_request_header: 1023B}"),
     "1: limits.max_request_header: found \"1023B\"" SIZE("1KiB..1MiB")},
    {ROOT("limits: {max_request_header: 2MiB}"),
     "1: limits.max_request_header: found \"2MiB\"" SIZE("1KiB..1MiB")},
    {ROOT("limits: {max_response_header: 0}"),
     "1: limits.max_response_header: found \"0\"" SIZE("1KiB..1MiB")},
    {ROOT("limits: {max_response_header: 1048577B}"),
     "1: limits.max_response_header: found \"1048577B\"" SIZE("1KiB..1MiB")},
    {ROOT("limits: {max_request_body: 1025GiB}"),
     "1: limits.max_request_body: found \"1025GiB\"" SIZE("0B..1024GiB")},
    {ROOT("limits: {max_request_body: -1}"),
     "1: limits.max_request_body: found \"-1\"" SIZE("0B..1024GiB")},
    {ROOT("limits: {stream_buffer: 8191B}"),
     "1: limits.stream_buffer: found \"8191B\"" SIZE("8KiB..256KiB")},
    {ROOT("limits: {stream_buffer: 257KiB}"),
     "1: limits.stream_buffer: found \"257KiB\"" SIZE("8KiB..256KiB")},
    {ROOT("timeouts: {idle: 721h}"), "1: timeouts.idle: found \"721h\"" DURATION("0s..720h")},
    {ROOT("timeouts: {header: 61m}"), "1: timeouts.header: found \"61m\"" DURATION("0s..1h")},
    {ROOT("timeouts: {body: 25h}"), "1: timeouts.body: found \"25h\"" DURATION("0s..24h")},
    {IN_POOL("connections: 4097"),
     "5: pools[web].connections: found \"4097\"; accepted: a number 0..4096"},
    {IN_POOL("max_connections: 0"),
     "5: pools[web].max_connections: found \"0\"; accepted: a number 1..65535"},
    {IN_POOL("max_connections: 65536"),
     "5: pools[web].max_connections: found \"65536\"; accepted: a number 1..65535"},
    {IN_POOL("balance_factor: 124"),
     "5: pools[web].balance_factor: found \"124\"; accepted: a number 125..200"},
    {IN_POOL("balance_factor: 201"),
     "5: pools[web].balance_factor: found \"201\"; accepted: a number 125..200"},
    {IN_POOL("timeouts: {request: 25h}"),
     "5: pools[web].timeouts.request: found \"25h\"" DURATION("0s..24h")},
    {IN_POOL("timeouts: {response: 0}"),
     "5: pools[web].timeouts.response: found \"0\"" DURATION("100us..24h")},
    {IN_POOL("timeouts: {response: 25h}"),
     "5: pools[web].timeouts.response: found \"25h\"" DURATION("100us..24h")},
    {IN_POOL("timeouts: {keep_alive: 2h}"),
     "5: pools[web].timeouts.keep_alive: found \"2h\"" DURATION("0s..1h")},
};

#define ONLY_HTTP      "; accepted: nothing, it is only for protocol: http"
#define ONLY_MEMCACHED "; accepted: nothing, it is only for protocol: memcached"

#define IN_KEYS(text)                                                                              \
    "pools:\n  - name: keys\n    shards: [{name: 'h:1'}]\n    " text "\n"                          \
    "listeners: [{bind: 'h:0', pool: keys}]\n"
#define KEYS_LISTENER(text) BOTH "listeners:\n  - bind: h:0\n    pool: keys\n    " text "\n"

static const struct problem_case foreign_cases[] = {
    {IN_POOL("max_pending: 5"), "5: pools[web].max_pending: found \"5\"" ONLY_MEMCACHED},
    {IN_POOL("max_queue: 1MiB"), "5: pools[web].max_queue: found \"1MiB\"" ONLY_MEMCACHED},
    {IN_POOL("on_partial: miss"), "5: pools[web].on_partial: found \"miss\"" ONLY_MEMCACHED},
    {IN_POOL("flush_all: false"), "5: pools[web].flush_all: found \"false\"" ONLY_MEMCACHED},
    {IN_KEYS("max_connections: 5"), "4: pools[keys].max_connections: found \"5\"" ONLY_HTTP},
    {IN_KEYS("balance_factor: [1]"), "4: pools[keys].balance_factor: found a list" ONLY_HTTP},
    {IN_KEYS("timeouts: {response: 1s}"),
     "4: pools[keys].timeouts.response: found \"1s\"" ONLY_HTTP},
    {IN_KEYS("timeouts: {keep_alive: 1s}"),
     "4: pools[keys].timeouts.keep_alive: found \"1s\"" ONLY_HTTP},
    {IN_KEYS("timeouts: {request: 0}"),
     "4: pools[keys].timeouts.request: found \"0\"" DURATION("100us..1h")},
    {KEYS_LISTENER("trusted_proxies: 10.0.0.0/8"),
     "7: listeners[0].trusted_proxies: found \"10.0.0.0/8\"" ONLY_HTTP},
    {KEYS_LISTENER("routes: [{prefix: a, pool: keys, key: '{uri}'}]"),
     "7: listeners[0].routes[0].key: found \"{uri}\"" ONLY_HTTP},
    {KEYS_LISTENER("routes: [{prefix: a, pool: keys, match: {host: a}}]"),
     "7: listeners[0].routes[0].match.host: found \"a\"" ONLY_HTTP},
    {IN_ROUTE("prefix: a"), "7: listeners[0].routes[0].prefix: found \"a\"" ONLY_MEMCACHED},
    {IN_POOL("discovery: ~"),
     "5: pools[web].discovery: found an unknown key; accepted: name, protocol, ring, shards, "
     "connections, max_connections, timeouts, health, on_shard_down, balance_factor"},
};

static const struct problem_case protocols_cases[] = {
    {BOTH "listeners: [{bind: 'h:0', pool: web}]\n",
     "4: listeners[0].pool: found \"web\" (its protocol is http); accepted: the name of a pool "
     "with protocol: memcached"},
    {BOTH "listeners: [{bind: 'h:0', protocol: http, pool: keys}]\n",
     "4: listeners[0].pool: found \"keys\" (its protocol is memcached); accepted: the name of a "
     "pool with protocol: http"},
    {BOTH "listeners: [{bind: 'h:0', pool: keys, routes: {'a:': web}}]\n",
     "4: listeners[0].routes[0].pool: found \"web\" (its protocol is http); accepted: the name of "
     "a pool with protocol: memcached"},
    {BOTH "listeners: [{bind: 'h:0', protocol: http, routes: [{pool: keys}]}]\n",
     "4: listeners[0].routes[0].pool: found \"keys\" (its protocol is memcached); accepted: the "
     "name of a pool with protocol: http"},
    {"pools:\n"
     "  - {name: a, protocol: http, shards: [{name: 'h:1'}], on_shard_down: b}\n"
     "  - {name: b, shards: [{name: 'h:2'}]}\n"
     "listeners: [{bind: 'h:0', protocol: http, pool: a}]\n",
     "2: pools[a].on_shard_down: found \"b\" (its protocol is memcached); accepted: error, next or "
     "the name of a pool with protocol: http"},
    {BOTH "listeners: [{bind: 'h:0', protocol: http, pool: none}]\n",
     "4: listeners[0].pool: found \"none\"; accepted: the name of a pool (keys, web)"},
};

#define VARIABLES                                                                                  \
    "{path} {path.N} {path.1-N} {query} {query.NAME} {fragment} {uri} {host} {method} "            \
    "{header.NAME} {cookie.NAME} {client_ip}, where {{ is a brace"
#define TEMPLATE  "; accepted: a template of text and " VARIABLES
#define TEMPLATES "; accepted: a template or a list of 1..16 templates of text and " VARIABLES
#define PATH_PREFIX                                                                                \
    "; accepted: / and up to 1023 bytes more without spaces, control characters, ? and #"
#define HOST   "; accepted: a host name or IP address without port, [v6] in brackets"
#define METHOD "; accepted: a method of 1..32 bytes, such as GET"

static const struct problem_case routes_cases[] = {
    {IN_LISTENER("mode: 0600"),
     "3: listeners[0].routes: found nothing; accepted: a list of routes, or the option pool"},
    {IN_LISTENER("routes: {/: web}"),
     "5: listeners[0].routes: found a map; accepted: a list of 1..1024 routes"},
    {IN_LISTENER("routes: []"),
     "5: listeners[0].routes: found a list of 0; accepted: a list of 1..1024 routes"},
    {IN_LISTENER("routes: [web]"),
     "5: listeners[0].routes[0]: found \"web\"; accepted: a map of match, key, pool and other "
     "options"},
    {IN_LISTENER("routes: [{}]"),
     "5: listeners[0].routes[0].pool: found nothing; accepted: the name of a pool"},
    {IN_LISTENER("tls: {}\n    pool: web"),
     "5: listeners[0].tls: found an unknown key; accepted: bind, mode, protocol, pool, "
     "trusted_proxies, routes"},
    {IN_ROUTE("hot: false"),
     "7: listeners[0].routes[0].hot: found an unknown key (did you mean host?); accepted: match, "
     "key, key_missing, normalize, upgrade, debug, host, pool"},
    {IN_ROUTE("match: /a"), "7: listeners[0].routes[0].match: found \"/a\"; accepted: a map of "
                            "path_prefix, host, method"},
    {IN_ROUTE("match: {path: /a}"), "7: listeners[0].routes[0].match.path: found an unknown key; "
                                    "accepted: path_prefix, host, method"},
    {IN_ROUTE("match: {path_prefix: a}"),
     "7: listeners[0].routes[0].match.path_prefix: found \"a\"" PATH_PREFIX},
    {IN_ROUTE("match: {path_prefix: ''}"),
     "7: listeners[0].routes[0].match.path_prefix: found \"\"" PATH_PREFIX},
    {IN_ROUTE("match: {path_prefix: '/a b'}"),
     "7: listeners[0].routes[0].match.path_prefix: found \"/a b\"" PATH_PREFIX},
    {IN_ROUTE("match: {path_prefix: '/a?b'}"),
     "7: listeners[0].routes[0].match.path_prefix: found \"/a?b\"" PATH_PREFIX},
    {IN_ROUTE("match: {path_prefix: '/#'}"),
     "7: listeners[0].routes[0].match.path_prefix: found \"/#\"" PATH_PREFIX},
    {IN_ROUTE("match: {host: 'a:80'}"),
     "7: listeners[0].routes[0].match.host: found \"a:80\"" HOST},
    {IN_ROUTE("match: {host: '::1'}"), "7: listeners[0].routes[0].match.host: found \"::1\"" HOST},
    {IN_ROUTE("match: {host: '[::1]:80'}"),
     "7: listeners[0].routes[0].match.host: found \"[::1]:80\"" HOST},
    {IN_ROUTE("match: {host: '[]'}"), "7: listeners[0].routes[0].match.host: found \"[]\"" HOST},
    {IN_ROUTE("match: {host: '[a]'}"), "7: listeners[0].routes[0].match.host: found \"[a]\"" HOST},
    {IN_ROUTE("match: {host: '*.a'}"), "7: listeners[0].routes[0].match.host: found \"*.a\"" HOST},
    {IN_ROUTE("match: {host: ''}"), "7: listeners[0].routes[0].match.host: found \"\"" HOST},
    {IN_ROUTE("match: {method: 'G T'}"),
     "7: listeners[0].routes[0].match.method: found \"G T\"" METHOD},
    {IN_ROUTE("match: {method: ''}"), "7: listeners[0].routes[0].match.method: found \"\"" METHOD},
    {IN_ROUTE("match: {method: ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG}"),
     "7: listeners[0].routes[0].match.method: found \"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG\"" METHOD},
    {IN_ROUTE("match: {method: [GET]}"),
     "7: listeners[0].routes[0].match.method: found a list" METHOD},
    {IN_ROUTE("key: '{pth}'"),
     "7: listeners[0].routes[0].key: found \"{pth}\" (\"pth\" is no variable, did you mean "
     "path?)" TEMPLATE},
    {IN_ROUTE("key: ['{uri}', '{header}']"),
     "7: listeners[0].routes[0].key[1]: found \"{header}\" (\"header\" wants a name after a "
     "dot)" TEMPLATE},
    {IN_ROUTE("key: ['{uri}', [a]]"), "7: listeners[0].routes[0].key[1]: found a list" TEMPLATE},
    {IN_ROUTE("key: []"), "7: listeners[0].routes[0].key: found a list (0 templates)" TEMPLATES},
    {IN_ROUTE("key: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]"),
     "7: listeners[0].routes[0].key: found a list (17 templates)" TEMPLATES},
    {IN_ROUTE("key: {uri}"), "7: listeners[0].routes[0].key: found a map" TEMPLATES},
    {IN_ROUTE("key: '${uri}'"),
     "7: listeners[0].routes[0].key: found the variable \"uri\", which is not set; accepted: a "
     "variable that is set, or ${VAR:-default}"},
    {IN_ROUTE("key_missing: none"),
     "7: listeners[0].routes[0].key_missing: found \"none\"; accepted: random or error"},
    {IN_ROUTE("normalize: 1"),
     "7: listeners[0].routes[0].normalize: found \"1\"; accepted: true or false"},
    {IN_ROUTE("upgrade: websocket"),
     "7: listeners[0].routes[0].upgrade: found \"websocket\"; accepted: true or false"},
    {IN_ROUTE("debug: all"),
     "7: listeners[0].routes[0].debug: found \"all\"; accepted: true or false"},
    {IN_ROUTE("host: a.example"),
     "7: listeners[0].routes[0].host: found \"a.example\"; accepted: keep or replica"},
    {IN_LISTENER("pool: web\n    trusted_proxies: [10.0.0.0/8, all]"),
     "6: listeners[0].trusted_proxies[1]: found \"all\" (not an IP address); accepted: "
     "10.0.0.0/8, fd00::/8 or one address"},
    {IN_LISTENER("pool: web\n    trusted_proxies: 10.0.0.0/40"),
     "6: listeners[0].trusted_proxies: found \"10.0.0.0/40\" (the prefix length is not a number up "
     "to 32); accepted: 10.0.0.0/8, fd00::/8 or one address"},
    {IN_LISTENER("pool: web\n    trusted_proxies: []"),
     "6: listeners[0].trusted_proxies: found a list (0 networks); accepted: a list of 1..1024 "
     "networks (10.0.0.0/8, fd00::/8 or one address)"},
    {IN_LISTENER("pool: web\n    trusted_proxies: {a: b}"),
     "6: listeners[0].trusted_proxies: found a map; accepted: a list of 1..1024 networks "
     "(10.0.0.0/8, fd00::/8 or one address)"},
};

static void check_case(const struct problem_case *wanted)
{
    struct config *config = NULL;
    struct config_problems problems;

    if (config_parse(&config, "f", wanted->text, strlen(wanted->text), NULL, &problems) == 0) {
        fail_msg("accepted: %s", wanted->text);
    }
    assert_string_equal(problems.lines[0] + strlen("f:"), wanted->line);
    assert_int_equal(problems.n_lines, 1);
    config_problems_deinit(&problems);
}

#define CASES(name)                                                                                \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        for (size_t i = 0; i < N_ELEMENTS(name##_cases); i++) {                                    \
            check_case(&name##_cases[i]);                                                          \
        }                                                                                          \
    }

CASES(bounds)
CASES(foreign)
CASES(protocols)
CASES(routes)

static void test_too_many_routes(void **state)
{
    char *text = NULL;
    size_t len = 0;
    struct config *config = NULL;
    struct config_problems problems;

    (void)state;
    for (int n = 1024; n <= 1025; n++) {
        FILE *file = open_memstream(&text, &len);
        fputs(IN_LISTENER("routes:"), file);
        for (int i = 0; i < n; i++) {
            fprintf(file, "      - {match: {path_prefix: /%d}, pool: web}\n", i);
        }
        fclose(file);
        int result = config_parse(&config, "f", text, len, NULL, &problems);
        assert_int_equal(result, n == 1024 ? 0 : -1);
        config_problems_deinit(&problems);
        config_destroy(&config);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),          cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_protocols),       cmocka_unit_test(test_routes),
        cmocka_unit_test(test_too_many_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
