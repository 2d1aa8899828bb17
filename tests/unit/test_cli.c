/*
 * The command line, without starting a process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* cli.c belongs to the program and to no library. */
#include "cli.c"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_ARGUMENTS     32

/* One command line and what it did. */
struct call {
    struct cli_options options;
    char *arguments[MAX_ARGUMENTS];
    int result;
    char *out, *err;
    size_t out_len, err_len;
    FILE *out_file, *err_file;
};

/* [line] without "ringway", words with single spaces between. */
static void parse_line(struct call *call, const char *line)
{
    static char text[1024];
    int argc = 0;
    char *rest = text;

    memset(call, 0, sizeof(*call));
    call->out_file = open_memstream(&call->out, &call->out_len);
    call->err_file = open_memstream(&call->err, &call->err_len);
    snprintf(text, sizeof(text), "ringway%s%s", line[0] != '\0' ? " " : "", line);
    for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
        assert_in_range(argc, 0, MAX_ARGUMENTS - 2);
        call->arguments[argc++] = word;
    }
    call->result = cli_parse(&call->options, argc, call->arguments, NULL, call->err_file);
    fflush(call->err_file);
}

static void finish_call(struct call *call)
{
    fclose(call->out_file);
    fclose(call->err_file);
    free(call->out);
    free(call->err);
}

static void run_line(struct call *call, const char *line)
{
    parse_line(call, line);
    if (call->result != 0) {
        fail_msg("%s: %s", line, call->err);
    }
    call->result = cli_run_offline(&call->options, call->out_file, call->err_file);
    fflush(call->out_file);
    fflush(call->err_file);
}

static void test_usage_errors(void **state)
{
    static const char *const cases[][2] = {
        {"", "no configuration: -c FILE, or --listen and --shard"},
        {"--check", "no configuration: -c FILE, or --listen and --shard"},
        {"--admin off", "no configuration: -c FILE, or --listen and --shard"},
        {"-c", "-c needs a value"},
        {"--config", "--config needs a value"},
        {"-c f --route", "--route needs a value"},
        {"-c f --route p", "--route p needs a key"},
        {"-x", "unknown option -x"},
        {"-c f -q", "unknown option -q"},
        {"-hx", "unknown option -x"},
        {"--nonsense", "unknown or ambiguous option --nonsense"},
        {"word --nonsense", "unknown or ambiguous option --nonsense"},
        {"-c f --nonsense=1 word", "unknown or ambiguous option --nonsense=1"},
        {"--c", "unknown or ambiguous option --c"},
        {"-c f --check=1", "--check=1 takes no value"},
        {"-c f word", "unexpected argument word"},
        {"-c f --check word", "unexpected argument word"},
        {"-c f -- --check", "unexpected argument --check"},
        {"-c f -c g", "-c is given twice"},
        {"-c f --admin a --admin b", "--admin is given twice"},
        {"-c f --route a --route b k", "--route is given twice"},
        {"-c f --check --route p k",
         "only one of --check, --route and --print-defaults can be given"},
        {"-c f --listen memcached://h:1", "--listen and --shard are for running without -c"},
        {"-c f --shard a=h:1", "--listen and --shard are for running without -c"},
        {"--config=", "-c needs the name of a file"},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct call call;
        char wanted[256];
        snprintf(wanted, sizeof(wanted), "ringway: %s; try --help\n", cases[i][1]);
        parse_line(&call, cases[i][0]);
        assert_int_equal(call.result, -1);
        assert_string_equal(call.err, wanted);
        finish_call(&call);
    }
}

static void test_commands(void **state)
{
    static const struct {
        const char *line;
        enum cli_command command;
    } cases[] = {
        {"-c f", CLI_RUN},
        {"--listen memcached://h:1 --shard a=h:1", CLI_RUN},
        {"-c f --check", CLI_CHECK},
        {"--check --config f", CLI_CHECK},
        {"-c f --route p k", CLI_ROUTE},
        {"--help", CLI_HELP},
        {"-h", CLI_HELP},
        {"-c f --check --help word", CLI_HELP},
        {"--version", CLI_VERSION},
        {"-V", CLI_VERSION},
        {"--print-defaults", CLI_PRINT_DEFAULTS},
        {"--pr", CLI_PRINT_DEFAULTS},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct call call;
        parse_line(&call, cases[i].line);
        assert_string_equal(call.err, "");
        assert_int_equal(call.result, 0);
        assert_int_equal(call.options.command, cases[i].command);
        finish_call(&call);
    }
}

static void test_source(void **state)
{
    struct call call;

    (void)state;
    parse_line(&call, "--listen a --shard b --admin off --listen c --shard d --route p k - -- -z");
    assert_int_equal(call.result, 0);
    assert_null(call.options.source.path);
    assert_int_equal(call.options.source.n_listen, 2);
    assert_string_equal(call.options.source.listen[0], "a");
    assert_string_equal(call.options.source.listen[1], "c");
    assert_int_equal(call.options.source.n_shards, 2);
    assert_string_equal(call.options.source.shards[1], "d");
    assert_string_equal(call.options.source.admin, "off");
    assert_string_equal(call.options.route_pool, "p");
    assert_int_equal(call.options.n_route_keys, 3);
    assert_string_equal(call.options.route_keys[0], "k");
    assert_string_equal(call.options.route_keys[1], "-");
    assert_string_equal(call.options.route_keys[2], "-z");
    finish_call(&call);
}

static void test_too_many(void **state)
{
    static char option[] = "--shard=a=h:1";
    static char *arguments[CLI_MAX_SHARDS + 3];
    static char name[] = "ringway";
    static struct cli_options options;
    char *err = NULL;
    size_t err_len = 0;
    FILE *file = open_memstream(&err, &err_len);

    (void)state;
    arguments[0] = name;
    for (size_t i = 1; i <= CLI_MAX_SHARDS + 1; i++) {
        arguments[i] = option;
    }
    assert_int_equal(cli_parse(&options, CLI_MAX_SHARDS + 1, arguments, NULL, file), 0);
    assert_int_equal(cli_parse(&options, CLI_MAX_SHARDS + 2, arguments, NULL, file), -1);
    fclose(file);
    assert_string_equal(err, "ringway: more than 1024 --shard; try --help\n");
    free(err);
}

static void test_help(void **state)
{
    struct call call;

    (void)state;
    run_line(&call, "--help");
    assert_int_equal(call.result, 0);
    for (const char *line = call.out; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        assert_in_range(len, 0, 80);
        line += len + (line[len] == '\n');
    }
    for (size_t i = 0; long_options[i].name != NULL; i++) {
        char option[64];
        snprintf(option, sizeof(option), "--%s", long_options[i].name);
        assert_non_null(strstr(call.out, option));
    }
    finish_call(&call);
    run_line(&call, "-V");
    assert_string_equal(call.out, "ringway " RINGWAY_VERSION "\n");
    finish_call(&call);
}

#define TWO_SHARDS "--listen memcached://h:0 --shard a=h:1,h:2 --shard b=h:3 "

static void test_check(void **state)
{
    struct call call;

    (void)state;
    run_line(&call, TWO_SHARDS "--check");
    assert_int_equal(call.result, 0);
    assert_string_equal(call.out, "configuration ok\n");
    assert_string_equal(call.err, "");
    finish_call(&call);
    run_line(&call, TWO_SHARDS "--shard a=h --check");
    assert_int_equal(call.result, 1);
    assert_string_equal(call.out, "");
    assert_string_equal(
        call.err, "command line: --shard \"a=h\": found \"h\" (no port); accepted: host:port, "
                  "[v6]:port or unix:/path, port 1..65535\n"
                  "command line: --shard \"a=h\": found \"a\" a second time (first in command "
                  "line: --shard \"a=h:1,h:2\"); accepted: names that differ within the pool\n");
    finish_call(&call);
}

/* The answers are what hashring_pick() says of the same ring. */
static void test_route(void **state)
{
    const struct hashring_shard shards[] = {{"a", 1}, {"b", 1}};
    static const char *const replicas[] = {"h:1,h:2", "h:3"};
    static const char *const keys[] = {"one", "two", "three", "four"};
    struct hashring *ring = NULL;
    struct call call;
    char wanted[256] = "";

    (void)state;
    assert_int_equal(hashring_create(&ring, shards, 2, NULL), 0);
    for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
        uint32_t home = hashring_home(ring, hashring_hash(ring, keys[i], strlen(keys[i])));
        size_t len = strlen(wanted);
        snprintf(wanted + len, sizeof(wanted) - len, "%s\t%s\t%s\n", keys[i], shards[home].name,
                 replicas[home]);
    }
    hashring_destroy(&ring);
    run_line(&call, TWO_SHARDS "--route default one two three four");
    assert_int_equal(call.result, 0);
    assert_string_equal(call.out, wanted);
    assert_string_equal(call.err, "");
    finish_call(&call);
}

static void test_bad_keys(void **state)
{
    char line[1024];
    struct call call;

    (void)state;
    snprintf(line, sizeof(line), TWO_SHARDS "--route default %0251d  one %0250d", 0, 0);
    run_line(&call, line);
    assert_int_equal(call.result, 1);
    assert_non_null(strstr(call.out, "one\t"));
    assert_int_equal(strcspn(strchr(call.out, '\n') + 1, "\t"), 250);
    assert_string_equal(call.err,
                        "ringway: a key of 251 bytes: found "
                        "\"0000000000000000000000000000000000000000...\"; accepted: 1..250 bytes\n"
                        "ringway: a key of 0 bytes: found \"\"; accepted: 1..250 bytes\n");
    finish_call(&call);
    run_line(&call, TWO_SHARDS "--route other one");
    assert_int_equal(call.result, 1);
    assert_string_equal(call.err,
                        "ringway: --route: found the pool \"other\"; accepted: default\n");
    finish_call(&call);
}

static void test_unwritable_output(void **state)
{
    struct call call;

    (void)state;
    parse_line(&call, "--help");
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_int_equal(cli_run_offline(&call.options, full, call.err_file), 1);
    fclose(full);
    fflush(call.err_file);
    assert_string_equal(call.err, "ringway: the output cannot be written\n");
    finish_call(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage_errors),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_route),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_unwritable_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
