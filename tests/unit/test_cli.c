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
#define MAX_ARGUMENTS     96

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
    static char text[2048];
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
         "only one of --check, --route, --route-url and --print-defaults can be given"},
        {"-c f --route-url --route p /",
         "only one of --check, --route, --route-url and --print-defaults can be given"},
        {"-c f --route-url", "--route-url needs a URL"},
        {"-c f --route-url=/", "--route-url=/ takes no value"},
        {"-c f --route-url / --client a --client b", "--client is given twice"},
        {"-c f --route-url / --listener a --listener b", "--listener is given twice"},
        {"-c f --route-url / --header", "--header needs a value"},
        {"-c f --header a:b", "--header, --client and --listener are for --route-url"},
        {"-c f --check --client a", "--header, --client and --listener are for --route-url"},
        {"-c f --route p k --listener a", "--header, --client and --listener are for --route-url"},
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
        {"-c f --route-url /", CLI_ROUTE_URL},
        {"/ -c f --header a:b --header c:d --client a --listener b --route-url", CLI_ROUTE_URL},
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
    assert_int_equal(call.options.n_words, 3);
    assert_string_equal(call.options.words[0], "k");
    assert_string_equal(call.options.words[1], "-");
    assert_string_equal(call.options.words[2], "-z");
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

static void test_too_many_headers(void **state)
{
    char line[64 + (CLI_MAX_HEADERS + 1) * 12] = "-c f --route-url /";
    struct call call;

    (void)state;
    for (size_t i = 0; i <= CLI_MAX_HEADERS; i++) {
        strcat(line, " --header=a:");
    }
    parse_line(&call, line);
    assert_int_equal(call.result, -1);
    assert_string_equal(call.err, "ringway: more than 64 --header; try --help\n");
    finish_call(&call);
    line[strlen(line) - strlen(" --header=a:")] = '\0';
    parse_line(&call, line);
    assert_int_equal(call.result, 0);
    assert_int_equal(call.options.n_headers, CLI_MAX_HEADERS);
    finish_call(&call);
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

#define TWO_SHARDS      "--listen memcached://h:0 --shard a=h:1,h:2 --shard b=h:3 "
#define TWO_HTTP_SHARDS "--listen http://h:0 --shard a=h:1,h:2 --shard b=h:3 "

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

/* "KEY<TAB>shard<TAB>replicas" of the shards of TWO_SHARDS, by hashring_home() of the same ring. */
static void add_wanted(char wanted[1024], const char *key, const char *between)
{
    const struct hashring_shard shards[] = {{"a", 1}, {"b", 1}};
    static const char *const replicas[] = {"h:1,h:2", "h:3"};
    struct hashring *ring = NULL;
    size_t len = strlen(wanted);

    assert_int_equal(hashring_create(&ring, shards, 2, NULL), 0);
    uint32_t home = hashring_home(ring, hashring_hash(ring, key, strlen(key)));
    snprintf(wanted + len, 1024 - len, "%s\t%s\t%s%s", key, shards[home].name, replicas[home],
             between);
    hashring_destroy(&ring);
}

static void test_route(void **state)
{
    static const char *const keys[] = {"one", "two", "three", "four"};
    struct call call;
    char wanted[1024] = "";

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
        add_wanted(wanted, keys[i], "\n");
    }
    run_line(&call, TWO_SHARDS "--route default one two three four");
    assert_int_equal(call.result, 0);
    assert_string_equal(call.out, wanted);
    assert_string_equal(call.err, "");
    finish_call(&call);
    run_line(&call, TWO_HTTP_SHARDS "--route default one two three four");
    assert_int_equal(call.result, 0);
    assert_string_equal(call.out, wanted);
    finish_call(&call);
}

/* The listener of the command line has one route: everything, by {uri}. */
static void test_route_url(void **state)
{
    struct call call;
    char wanted[1024] = "";

    (void)state;
    strcat(wanted, "/a?b=1\tdefault\t");
    add_wanted(wanted, "/a?b=1", "\th:0 route 1\n");
    strcat(wanted, "http://shop/c\tdefault\t");
    add_wanted(wanted, "/c", "\th:0 route 1\n");
    run_line(&call, TWO_HTTP_SHARDS "--route-url /a?b=1 http://shop/c");
    assert_string_equal(call.err, "");
    assert_string_equal(call.out, wanted);
    assert_int_equal(call.result, 0);
    finish_call(&call);
}

static void test_a_method_before_the_url(void **state)
{
    static char word[] = "PUT /c";
    struct call call;
    char wanted[1024] = "PUT /c\tdefault\t";

    (void)state;
    add_wanted(wanted, "/c", "\th:0 route 1\n");
    parse_line(&call, TWO_HTTP_SHARDS "--route-url /");
    call.options.words[0] = word;
    assert_int_equal(cli_run_offline(&call.options, call.out_file, call.err_file), 0);
    fflush(call.out_file);
    assert_string_equal(call.out, wanted);
    finish_call(&call);
}

/* What is no request is said on standard error; what goes nowhere is an answer. The rest is still
 * answered, and the exit code says that not everything found its shard. */
static void test_urls_without_a_shard(void **state)
{
    struct call call;
    char wanted[1024];

    (void)state;
    run_line(&call, TWO_HTTP_SHARDS "--route-url shop /%zz /a#b");
    assert_int_equal(call.result, 1);
    assert_string_equal(call.err, "ringway: --route-url: URL: found \"shop\"; accepted: "
                                  "http://HOST[:PORT]/PATH or /PATH, without spaces\n");
    strcpy(wanted, "/%zz\tdefault\t");
    add_wanted(wanted, "/%zz", "\th:0 route 1\n");
    strcat(wanted, "/a#b\t-\t-\t-\t-\th:0: refused: answered with 400, ");
    assert_memory_equal(call.out, wanted, strlen(wanted));
    finish_call(&call);
    run_line(&call, TWO_SHARDS "--route-url /");
    assert_int_equal(call.result, 1);
    assert_string_equal(call.err, "ringway: --route-url: listener: found \"\"; accepted: none: no "
                                  "listener of the file speaks HTTP\n");
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
    snprintf(line, sizeof(line), TWO_HTTP_SHARDS "--route default %0251d ", 0);
    run_line(&call, line);
    assert_int_equal(call.result, 1);
    assert_int_equal(strcspn(call.out, "\t"), 251);
    assert_string_equal(call.err,
                        "ringway: a key of 0 bytes: found \"\"; accepted: 1 or more bytes\n");
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
        cmocka_unit_test(test_too_many_headers),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_route),
        cmocka_unit_test(test_route_url),
        cmocka_unit_test(test_a_method_before_the_url),
        cmocka_unit_test(test_urls_without_a_shard),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_unwritable_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
