/*
 * What comes from outside of the file: RINGWAY_ variables, ${VAR}, the command line, directories.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_VARIABLES     16

#define REST                                                                                       \
    "pools:\n"                                                                                     \
    "  - name: my-pool.1\n"                                                                        \
    "    timeouts: {request: 1s}\n"                                                                \
    "    shards:\n"                                                                                \
    "      - {name: s0, replicas: 'h:1'}\n"                                                        \
    "      - {name: '10.0.0.1:11211'}\n"                                                           \
    "  - {name: b, shards: [{name: 'h:1'}]}\n"                                                     \
    "listeners:\n"                                                                                 \
    "  - {bind: '127.0.0.1:11211', pool: b}\n"                                                     \
    "  - bind: 127.0.0.1:11212\n"                                                                  \
    "    pool: b\n"                                                                                \
    "    routes: {'x:': b}\n"

#define FILE_TEXT "log: {level: warn}\n" REST
#define UNKNOWN   "RINGWAY_ and the path of an option, as in RINGWAY_ADMIN_BIND"

/* The first problem, or NULL; the configuration goes to [out]. The caller frees. */
static char *parse(struct config **out, const char *text, const char *const *variables)
{
    struct config_problems problems;
    char *environment[MAX_VARIABLES + 1] = {NULL};
    char *first = NULL;

    for (size_t i = 0; variables != NULL && variables[i] != NULL; i++) {
        environment[i] = strdup(variables[i]);
    }
    int result = config_parse(out, "test.yaml", text, strlen(text), environment, &problems);
    assert_int_equal(result, problems.n_lines > 0 ? -1 : 0);
    assert_int_equal(*out == NULL, problems.n_lines > 0);
    if (problems.n_lines > 0) {
        first = strdup(problems.lines[0]);
    }
    config_problems_deinit(&problems);
    for (size_t i = 0; environment[i] != NULL; i++) {
        free(environment[i]);
    }
    return first;
}

static struct config *parse_good(const char *text, const char *const *variables)
{
    struct config *config;
    char *problem = parse(&config, text, variables);

    if (problem != NULL) {
        fail_msg("%s", problem);
    }
    return config;
}

static void expect_problem(const char *text, const char *variable, const char *wanted)
{
    const char *const variables[] = {variable, NULL};
    struct config *config;
    char *problem = parse(&config, text, variables);

    assert_non_null(problem);
    assert_string_equal(problem, wanted);
    free(problem);
}

static void test_overrides(void **state)
{
    static const char *const variables[] = {
        "RINGWAY_WORKERS=3",
        "RINGWAY_LOG_LEVEL=debug",
        "RINGWAY_POOLS_MY_POOL_1_TIMEOUTS_REQUEST=7ms",
        "RINGWAY_POOLS_MY_POOL_1_SHARDS_S0_REPLICAS=a:1,b:2",
        "RINGWAY_POOLS_B_HEALTH_EJECT_AFTER=9",
        "RINGWAY_LISTENERS_1_BIND=[::]:5",
        "RINGWAY_LISTENERS_1_ROUTES_0_POOL=my-pool.1",
        "RINGWAY_POOLS_MY_POOL_1_SHARDS_10_0_0_1_11211_WEIGHT=4",
        NULL,
    };
    (void)state;
    struct config *config = parse_good(FILE_TEXT, variables);

    assert_int_equal(config->workers, 3);
    assert_int_equal(config->log.level, CONFIG_LOG_DEBUG);
    assert_int_equal(config->pools[0].request_us, 7000);
    assert_int_equal(config->pools[0].shards[0].n_replicas, 2);
    assert_string_equal(config->pools[0].shards[0].replicas[1].text, "b:2");
    assert_int_equal(config->pools[0].shards[1].weight, 4);
    assert_int_equal(config->pools[1].eject_after, 9);
    assert_string_equal(config->listeners[1].bind.text, "[::]:5");
    assert_int_equal(config->listeners[1].routes[0].pool, 0);
    config_destroy(&config);
}

static void test_admin_overrides(void **state)
{
    static const char *const off[] = {"RINGWAY_ADMIN_BIND=off", NULL};
    static const char *const on[] = {"RINGWAY_ADMIN_BIND=127.0.0.1:0", NULL};
    (void)state;

    struct config *config = parse_good(FILE_TEXT, off);
    assert_false(config->has_admin);
    config_destroy(&config);
    config = parse_good("admin: off\n" FILE_TEXT, on);
    assert_true(config->has_admin);
    assert_int_equal(config->admin.port, 0);
    config_destroy(&config);
}

/* A name that a variable changes does not change what the other variables mean. */
static void test_override_of_name(void **state)
{
    static const char *const variables[] = {"RINGWAY_POOLS_B_NAME=c",
                                            "RINGWAY_POOLS_B_CONNECTIONS=5",
                                            "RINGWAY_LISTENERS_0_POOL=c",
                                            "RINGWAY_LISTENERS_1_POOL=c",
                                            "RINGWAY_LISTENERS_1_ROUTES_0_POOL=c",
                                            NULL};
    (void)state;
    struct config *config = parse_good(FILE_TEXT, variables);

    assert_int_equal(config->pools[config_find_pool(config, "c")].connections, 5);
    config_destroy(&config);
}

static void test_override_to_default(void **state)
{
    static const char *const variables[] = {"RINGWAY_LOG_LEVEL=~", NULL};
    (void)state;
    struct config *config = parse_good(FILE_TEXT, variables);

    assert_int_equal(config->log.level, CONFIG_LOG_INFO);
    config_destroy(&config);
}

static void test_bad_overrides(void **state)
{
    (void)state;
    expect_problem(FILE_TEXT, "RINGWAY_WORKERS=0",
                   "environment: RINGWAY_WORKERS: found \"0\"; accepted: auto or a number 1..256");
    expect_problem(
        FILE_TEXT, "RINGWAY_LOG_LEVEL=",
        "environment: RINGWAY_LOG_LEVEL: found \"\"; accepted: debug, info, warn or error");
    expect_problem(
        FILE_TEXT, "RINGWAY_LISTENERS_0_POOL=x",
        "environment: RINGWAY_LISTENERS_0_POOL: found \"x\"; accepted: the name of a pool "
        "(my-pool.1, b)");
    expect_problem(
        FILE_TEXT, "RINGWAY_LISTENERS_0_BIND=127.0.0.1:11212",
        "test.yaml:11: listeners[1].bind: found \"127.0.0.1:11212\" a second time (first in "
        "environment: RINGWAY_LISTENERS_0_BIND); accepted: an address that no other "
        "listener and not admin has");
}

static void test_unknown_variables(void **state)
{
    static const char *const names[] = {
        "RINGWAY_X",
        "RINGWAY_POOLS",
        "RINGWAY_POOLS_NONE_CONNECTIONS",
        "RINGWAY_LISTENERS_2_BIND",
        "RINGWAY_LOG",
        "RINGWAY_POOLS_B_SHARDS",
        "RINGWAY_LISTENERS_01_BIND",
    };
    char variable[128];
    char wanted[256];

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(names); i++) {
        snprintf(variable, sizeof(variable), "%s=1", names[i]);
        snprintf(wanted, sizeof(wanted),
                 "environment: %s: found an unknown variable; accepted: " UNKNOWN, names[i]);
        expect_problem(FILE_TEXT, variable, wanted);
    }
    expect_problem(FILE_TEXT, "RINGWAY_WORKRS=1",
                   "environment: RINGWAY_WORKRS: found an unknown variable (did you mean "
                   "RINGWAY_WORKERS?); accepted: " UNKNOWN);
}

static void test_foreign_variables(void **state)
{
    static const char *const names[] = {
        "RINGWAY_SERVICE_HOST",
        "RINGWAY_SERVICE_PORT",
        "RINGWAY_SERVICE_PORT_MEMCACHED",
        "RINGWAY_PORT",
        "RINGWAY_PORT_11211_TCP",
        "RINGWAY_PORT_11211_TCP_PROTO",
        "RINGWAY_PORT_11211_TCP_PORT",
        "RINGWAY_PORT_11211_TCP_ADDR",
        "RINGWAY_PORT_53_UDP",
        "RINGWAY_ADMIN_SERVICE_HOST",
        "RINGWAY_ADMIN_PORT",
        "RINGWAY_BUILD_DIR",
        "RINGWAY_SOURCE_DIR",
        "RINGWAY_TEST_SEED",
        "RINGWAY",
        "RINGWAYS",
        "PATH",
    };
    char variable[128];

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(names); i++) {
        snprintf(variable, sizeof(variable), "%s=tcp://10.0.0.1:11211", names[i]);
        const char *const variables[] = {variable, NULL};
        struct config *config = parse_good(FILE_TEXT, variables);
        config_destroy(&config);
    }
}

static void test_ambiguous_variable(void **state)
{
    (void)state;
    expect_problem("pools:\n"
                   "  - {name: a-b, shards: [{name: 'h:1'}]}\n"
                   "  - {name: a.b, shards: [{name: 'h:1'}]}\n"
                   "listeners: [{bind: 'h:1', pool: a.b}]\n",
                   "RINGWAY_POOLS_A_B_CONNECTIONS=1",
                   "environment: RINGWAY_POOLS_A_B_CONNECTIONS: found a variable that could mean 2 "
                   "options; accepted: a variable that means one option");
}

/* --- Variables in values --- */

#define WITH_FILE(value) "log: {file: \"" value "\"}\n" REST

static void test_expansion(void **state)
{
    static const char *const variables[] = {"A=one", "EMPTY=", "_b2=two", NULL};
    static const char *const cases[][2] = {
        {WITH_FILE("${A}"), "one"},
        {WITH_FILE("x${A}y${_b2}z"), "xoneytwoz"},
        {WITH_FILE("${A:-no}"), "one"},
        {WITH_FILE("${NONE:-some thing}"), "some thing"},
        {WITH_FILE("${EMPTY:-full}"), "full"},
        {WITH_FILE("x${EMPTY}"), "x"},
        {WITH_FILE("x${NONE:-}"), "x"},
        {WITH_FILE("$A $$ $"), "$A $$ $"},
        {WITH_FILE("${NONE:-${A}"), "${A"},
        {"log:\n  file: ${A}\n" REST, "one"},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct config *config = parse_good(cases[i][0], variables);
        assert_string_equal(config->log.file, cases[i][1]);
        config_destroy(&config);
    }
}

static void test_expansion_of_any_value(void **state)
{
    static const char *const variables[] = {"POOL=p", "N=3", "RINGWAY_POOLS_P_CONNECTIONS=6", NULL};
    (void)state;
    struct config *config = parse_good("workers: ${N}\n"
                                       "pools: [{name: \"${POOL}\", shards: [{name: 'h:1'}]}]\n"
                                       "listeners: [{bind: 'h:1', pool: \"${POOL}\"}]\n",
                                       variables);

    assert_int_equal(config->workers, 3);
    assert_string_equal(config->pools[0].name, "p");
    assert_int_equal(config->pools[0].connections, 6);
    config_destroy(&config);
}

static void test_bad_expansion(void **state)
{
    static const char *const bad[] = {"${}", "${1A}", "${A", "${A:-b", "${A-b}", "${A B}"};
    char text[1024];
    char wanted[256];

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        snprintf(text, sizeof(text), "\nlog: {file: \"x%s\"}\n%s", bad[i], REST);
        snprintf(wanted, sizeof(wanted),
                 "test.yaml:2: log.file: found \"%s\"; accepted: ${VAR} or ${VAR:-default}",
                 bad[i]);
        expect_problem(text, "A=a", wanted);
    }
    expect_problem(
        WITH_FILE("${NOPE}"), "A=a",
        "test.yaml:1: log.file: found the variable \"NOPE\", which is not set; accepted: a "
        "variable that is set, or ${VAR:-default}");
}

/* 64 KiB two hundred times are more than a configuration may hold. */
static void test_expansion_is_bounded(void **state)
{
    const size_t len = (size_t)64 * 1024;
    char *variable = malloc(len + 1);
    char text[2048] = "log: {file: \"";

    (void)state;
    memset(variable, 'x', len);
    variable[0] = 'A';
    variable[1] = '=';
    variable[len] = '\0';
    for (size_t i = 0; i < 200; i++) {
        strcat(text, "${A}");
    }
    strcat(text, "\"}\n" REST);
    expect_problem(
        text, variable,
        "test.yaml:1: log.file: found too much text in variables; accepted: 8 MiB or less");
    free(variable);
}

/* --- Sources --- */

static char *load(struct config **config, const struct config_source *source)
{
    struct config_problems problems;
    char *first = NULL;

    int result = config_load(config, source, &problems);
    assert_int_equal(result, problems.n_lines > 0 ? -1 : 0);
    if (problems.n_lines > 0) {
        first = strdup(problems.lines[0]);
    }
    config_problems_deinit(&problems);
    return first;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_files(void **state)
{
    char directory[] = "/tmp/ringway-test-XXXXXX";
    char path[128];
    char wanted[256];
    struct config *config;
    struct config_source source = {.path = path};

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/ringway.yaml", directory);
    snprintf(
        wanted, sizeof(wanted),
        "%s: file: found No such file or directory; accepted: a YAML file, or a directory with "
        "ringway.yaml",
        path);
    char *problem = load(&config, &source);
    assert_string_equal(problem, wanted);
    free(problem);
    source.path = directory;
    problem = load(&config, &source);
    assert_string_equal(problem, wanted);
    free(problem);

    write_file(path, FILE_TEXT);
    assert_null(load(&config, &source));
    config_destroy(&config);
    source.path = path;
    assert_null(load(&config, &source));
    config_destroy(&config);
    unlink(path);
    rmdir(directory);
}

static void test_command_line(void **state)
{
    const char *listen[] = {"memcached://127.0.0.1:0", "memcached:///run/r.sock",
                            "memcached://unix:/run/s.sock"};
    const char *shards[] = {"a=h:1,h:2", "h:3", "b=unix:/x=y"};
    char connections[] = "RINGWAY_POOLS_DEFAULT_CONNECTIONS=2";
    char admin[] = "RINGWAY_ADMIN_BIND=h:9";
    char *environment[] = {connections, admin, NULL};
    struct config_source source = {.listen = listen,
                                   .n_listen = N_ELEMENTS(listen),
                                   .shards = shards,
                                   .n_shards = N_ELEMENTS(shards),
                                   .environment = environment};
    struct config *config;

    (void)state;
    assert_null(load(&config, &source));
    assert_string_equal(config->pools[0].name, "default");
    assert_int_equal(config->pools[0].connections, 2);
    assert_int_equal(config->pools[0].n_shards, 3);
    assert_string_equal(config->pools[0].shards[0].replicas[1].text, "h:2");
    assert_string_equal(config->pools[0].shards[1].name, "h:3");
    assert_string_equal(config->pools[0].shards[2].replicas[0].text, "unix:/x=y");
    assert_int_equal(config->pools[0].shards[2].line, 0);
    assert_string_equal(config->listeners[1].bind.text, "unix:/run/r.sock");
    assert_string_equal(config->listeners[2].bind.host, "/run/s.sock");
    assert_string_equal(config->admin.text, "h:9");
    config_destroy(&config);

    source.admin = "off"; /* wins over the environment */
    assert_null(load(&config, &source));
    assert_false(config->has_admin);
    config_destroy(&config);
}

static void test_bad_command_line(void **state)
{
    const char *listen[] = {"memcached://h"};
    const char *shards[] = {"a=h:1", "a=h:2"};
    struct config_source source = {
        .listen = listen, .n_listen = 1, .shards = shards, .n_shards = 2};
    struct config_problems problems;
    struct config *config;

    (void)state;
    assert_int_equal(config_load(&config, &source, &problems), -1);
    assert_int_equal(problems.n_lines, 2);
    assert_string_equal(
        problems.lines[0],
        "command line: --shard \"a=h:2\": found \"a\" a second time (first in command "
        "line: --shard \"a=h:1\"); accepted: names that differ within the pool");
    assert_string_equal(
        problems.lines[1],
        "command line: --listen \"memcached://h\": found \"h\" (no port); accepted: "
        "host:port, [v6]:port or unix:/path");
    config_problems_deinit(&problems);

    listen[0] = "smtp://h:1";
    char *problem = load(&config, &source);
    assert_string_equal(problem, "command line: --listen \"smtp://h:1\": found no protocol that is "
                                 "known; accepted: memcached://ADDRESS or http://ADDRESS");
    free(problem);
    source.n_listen = 0;
    problem = load(&config, &source);
    assert_string_equal(problem,
                        "command line: found no --listen; accepted: -c FILE, or one or more "
                        "--listen and --shard");
    free(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_admin_overrides),
        cmocka_unit_test(test_override_of_name),
        cmocka_unit_test(test_override_to_default),
        cmocka_unit_test(test_bad_overrides),
        cmocka_unit_test(test_unknown_variables),
        cmocka_unit_test(test_foreign_variables),
        cmocka_unit_test(test_ambiguous_variable),
        cmocka_unit_test(test_expansion),
        cmocka_unit_test(test_expansion_of_any_value),
        cmocka_unit_test(test_bad_expansion),
        cmocka_unit_test(test_expansion_is_bounded),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_bad_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
