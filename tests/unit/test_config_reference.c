/*
 * The table of options, what is made from it, and the manual page that has to agree with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/params.h"
#include "config/reference.h"

#define PAGE TESTS_DIR "/../proxy/man/ringway.yaml.5"

static char *read_file(const char *path)
{
    const size_t capacity = 1 << 20;
    char *text = calloc(1, capacity);
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    size_t len = fread(text, 1, capacity - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

static char *print(void (*writer)(FILE *to))
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);

    writer(file);
    fclose(file);
    return text;
}

static struct config *parse(const char *text, size_t len)
{
    struct config *config = NULL;
    struct config_problems problems;
    char admin[] = "ADMIN=127.0.0.1:0";
    char *environment[] = {admin, NULL};

    config_parse(&config, "test.yaml", text, len, environment, &problems);
    for (size_t i = 0; i < problems.n_lines; i++) {
        print_error("%s\n", problems.lines[i]);
    }
    assert_int_equal(problems.n_lines, 0);
    config_problems_deinit(&problems);
    return config;
}

/* The lines between the two marks in [text]; the caller frees. */
static char *between(const char *text, const char *begin, const char *end)
{
    const char *from = strstr(text, begin);
    assert_non_null(from);
    from = strchr(from, '\n') + 1;
    const char *to = strstr(from, end);
    assert_non_null(to);
    return strndup(from, (size_t)(to - from));
}

/* On a difference: replace the part between the marks with what the test prints. */
static void test_manual_has_the_options(void **state)
{
    (void)state;
    char *page = read_file(PAGE);
    char *part = between(page, ".\\\" BEGIN OPTIONS", ".\\\" END OPTIONS");
    char *wanted = print(reference_write_manual);

    if (strcmp(part, wanted) != 0) {
        print_error("%s", wanted);
        fail_msg("ringway.yaml(5) should have the lines above");
    }
    free(wanted);
    free(part);
    free(page);
}

static void test_manual_example_loads(void **state)
{
    (void)state;
    char *page = read_file(PAGE);
    char *example = between(page, "# BEGIN EXAMPLE", "# END EXAMPLE");
    struct config *config = parse(example, strlen(example));

    assert_int_equal(config->n_pools, 2);
    assert_int_equal(config->n_listeners, 2);
    assert_int_equal(config->pools[0].on_shard_down, CONFIG_DOWN_POOL);
    assert_string_equal(config->admin.text, "127.0.0.1:0");
    config_destroy(&config);
    free(example);
    free(page);
}

/* Every literal display that looks like a file is one that loads. */
static void test_manual_displays_load(void **state)
{
    size_t n = 0;

    (void)state;
    char *page = read_file(PAGE);
    for (const char *at = strstr(page, ".Bd -literal"); at != NULL;
         at = strstr(at, ".Bd -literal")) {
        char *display = between(at, ".Bd -literal", ".Ed");
        if (strstr(display, "pools:") != NULL) {
            struct config *config = parse(display, strlen(display));
            config_destroy(&config);
            n++;
        }
        free(display);
        at++;
    }
    assert_int_equal(n, 4);
    free(page);
}

static void test_defaults_load(void **state)
{
    (void)state;
    char *text = print(config_print_defaults);
    struct config *config = parse(text, strlen(text));

    assert_int_equal(config->max_clients, 10000);
    assert_string_equal(config->pools[0].name, "default");
    config_destroy(&config);
    free(text);
}

/* The lines of [text] from the [nth] that begins with [begin] to the next such or the end, without
 * the characters that make them comments; the caller frees. */
static char *uncomment(const char *text, const char *begin, unsigned nth)
{
    const char *from = strstr(text, begin);

    for (; nth > 0 && from != NULL; nth--) {
        from = strstr(from + 1, begin);
    }
    assert_non_null(from);
    const char *to = strstr(from + 1, begin);
    char *lines = to != NULL ? strndup(from, (size_t)(to - from)) : strdup(from);
    for (char *line = lines; line != NULL && *line != '\0';) {
        *line = ' ';
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return lines;
}

/* The routes are comments only because a listener has none by itself; they load too. */
static void test_commented_routes_load(void **state)
{
    (void)state;
    char *text = print(config_print_defaults);
    char *routes = uncomment(text, "#   routes:", 0);
    char file[8192];

    int len = snprintf(file, sizeof(file),
                       "pools: [{name: default, shards: [{name: 'h:1'}]}]\n"
                       "listeners:\n  - bind: h:1\n    pool: default\n%s",
                       routes);
    assert_in_range(len, 1, sizeof(file) - 1);
    struct config *config = parse(file, (size_t)len);
    assert_int_equal(config->listeners[0].n_routes, 1);
    assert_string_equal(config->listeners[0].routes[0].prefix, "user:");
    config_destroy(&config);
    free(routes);
    free(text);
}

static void test_commented_http_routes_load(void **state)
{
    (void)state;
    char *text = print(config_print_defaults);
    char *routes = uncomment(text, "#   routes:", 1);
    char file[8192];

    int len = snprintf(file, sizeof(file),
                       "pools: [{name: default, protocol: http, shards: [{name: 'h:1'}]}]\n"
                       "listeners:\n  - bind: h:1\n    protocol: http\n%s",
                       routes);
    assert_in_range(len, 1, sizeof(file) - 1);
    struct config *config = parse(file, (size_t)len);
    assert_int_equal(config->listeners[0].n_http_routes, 1);
    assert_string_equal(config->listeners[0].http_routes[0].keys[0].text, "{uri}");
    config_destroy(&config);
    free(routes);
    free(text);
}

/* Whether the table has another option at the path of [param], for the other protocol. */
static bool has_twin(const struct param *param)
{
    for (size_t i = 0; i < params_n; i++) {
        if (&params_table[i] != param && strcmp(params_table[i].path, param->path) == 0) {
            return true;
        }
    }
    return false;
}

/* The last key of the path of [param] and its default, as the printed file has them. */
static void write_line(const struct param *param, char out[128])
{
    const char *dot = strrchr(param->path, '.');
    bool needs_quotes = param->value[0] == '{' || param->value[strlen(param->value) - 1] == ':';

    snprintf(out, 128, "%s: %s%s\n", dot != NULL ? dot + 1 : param->path, needs_quotes ? "\"" : "",
             param->value);
    out[strlen(out) - 1] = needs_quotes ? '"' : '\n';
}

/* The value of a comment is the default too: a pool with the printed line is one without it. */
static void test_commented_pool_options_load(void **state)
{
    (void)state;
    char *text = print(config_print_defaults);
    size_t n = 0;

    for (size_t i = 0; i < params_n; i++) {
        const struct param *param = &params_table[i];
        char line[128];
        char file[1024];
        if (param->scope != PARAM_SCOPE_POOL || param->protocol != PARAM_PROTOCOL_HTTP) {
            continue;
        }
        write_line(param, line);
        assert_non_null(strstr(text, line));
        bool is_timeout = strncmp(param->key, "timeouts.", strlen("timeouts.")) == 0;
        int len = snprintf(file, sizeof(file),
                           "pools:\n  - name: a\n    protocol: http\n    shards: [{name: 'h:1'}]\n"
                           "%s%s%s"
                           "  - {name: b, protocol: http, shards: [{name: 'h:1'}]}\n"
                           "listeners: [{bind: 'h:1', protocol: http, pool: a}]\n",
                           is_timeout ? "    timeouts:\n  " : "", "    ", line);
        struct config *config = parse(file, (size_t)len);
        const unsigned char *spelled = (const unsigned char *)&config->pools[0] + param->offset;
        const unsigned char *silent = (const unsigned char *)&config->pools[1] + param->offset;
        assert_memory_equal(spelled, silent, sizeof(uint32_t));
        config_destroy(&config);
        n++;
    }
    assert_int_equal(n, 6);
    free(text);
}

static void test_defaults_name_every_option(void **state)
{
    (void)state;
    char *text = print(config_print_defaults);

    for (size_t i = 0; i < params_n; i++) {
        const char *dot = strrchr(params_table[i].path, '.');
        char line[128];
        snprintf(line, sizeof(line), " %s: ", dot != NULL ? dot + 1 : params_table[i].path);
        assert_non_null(strstr(text, dot != NULL ? line : line + 1));
    }
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        assert_in_range(strcspn(line, "\n"), 0, 90);
    }
    free(text);
}

/* What the printed file spells out is what an option has when it is left out. */
static void test_defaults_are_the_defaults(void **state)
{
    static const char left_out[] = "pools: [{name: default, shards: [{name: '127.0.0.1:11311'}]}]\n"
                                   "listeners: [{bind: '127.0.0.1:11211', pool: default}]\n";
    (void)state;
    char *text = print(config_print_defaults);
    struct config *spelled = parse(text, strlen(text));
    struct config *silent = parse(left_out, strlen(left_out));

    assert_int_equal(spelled->workers, silent->workers);
    assert_int_equal(spelled->drain_timeout_us, silent->drain_timeout_us);
    assert_int_equal(spelled->client_output_bytes, silent->client_output_bytes);
    assert_int_equal(spelled->idle_us, silent->idle_us);
    assert_int_equal(spelled->keep_alive_us, silent->keep_alive_us);
    assert_int_equal(spelled->pools[0].ring.preset, silent->pools[0].ring.preset);
    assert_int_equal(spelled->pools[0].ring.algorithm, silent->pools[0].ring.algorithm);
    assert_int_equal(spelled->pools[0].ring.hash, silent->pools[0].ring.hash);
    assert_int_equal(spelled->pools[0].ring.points, silent->pools[0].ring.points);
    assert_int_equal(spelled->pools[0].max_queue_bytes, silent->pools[0].max_queue_bytes);
    assert_int_equal(spelled->listeners[0].mode, silent->listeners[0].mode);
    assert_string_equal(spelled->admin.text, silent->admin.text);
    config_destroy(&spelled);
    config_destroy(&silent);
    free(text);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < params_n; i++) {
        const struct param *param = &params_table[i];
        const char *prefix = params_prefix(param->scope);
        char accepted[PARAM_ACCEPTED_BYTES];

        params_accepted(param, accepted);
        assert_true(accepted[0] != '\0' && strlen(accepted) < sizeof(accepted) - 1);
        assert_int_equal(strncmp(param->path, prefix, strlen(prefix)), 0);
        assert_string_equal(param->path + strlen(prefix), param->key);
        assert_true(param->min <= param->max);
        assert_true(param->help[strlen(param->help) - 1] == '.' ||
                    param->help[strlen(param->help) - 1] == '?');
        assert_true(param->protocol == PARAM_PROTOCOL_ANY || param->scope != PARAM_SCOPE_ROOT);
        assert_false(param->protocol == PARAM_PROTOCOL_ANY && has_twin(param));
        for (size_t k = 0; k < i; k++) {
            assert_true(strcmp(param->path, params_table[k].path) != 0 ||
                        param->protocol != params_table[k].protocol);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manual_has_the_options),
        cmocka_unit_test(test_manual_example_loads),
        cmocka_unit_test(test_manual_displays_load),
        cmocka_unit_test(test_defaults_load),
        cmocka_unit_test(test_commented_routes_load),
        cmocka_unit_test(test_commented_http_routes_load),
        cmocka_unit_test(test_commented_pool_options_load),
        cmocka_unit_test(test_defaults_name_every_option),
        cmocka_unit_test(test_defaults_are_the_defaults),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
