/*
 * Files that are too much: each bound, and that nothing grows beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

#define POOL   "pools: [{name: a, shards: [{name: 'h:1'}]}]\n"
#define LISTEN "listeners: [{bind: 'h:0', pool: a}]\n"

static char *first_problem(const char *text, size_t len, size_t *n_problems)
{
    struct config *config = NULL;
    struct config_problems problems;

    assert_int_equal(config_parse(&config, "f", text, len, NULL, &problems), -1);
    char *first = strdup(problems.lines[0]);
    if (n_problems != NULL) {
        *n_problems = problems.n_lines;
    }
    config_problems_deinit(&problems);
    return first;
}

static void test_too_large(void **state)
{
    const size_t len = (size_t)8 * 1024 * 1024 + 1;
    char *text = malloc(len);

    (void)state;
    memset(text, '#', len);
    char *problem = first_problem(text, len, NULL);
    assert_string_equal(problem, "f:1: document: found 8388609 bytes; accepted: 8 MiB or less");
    free(problem);
    problem = first_problem(text, len - 1, NULL);
    assert_string_equal(problem, "f:1: document: found an empty file; accepted: one YAML document "
                                 "with the options of ringway.yaml(5)");
    free(problem);
    free(text);
}

static void test_too_deep(void **state)
{
    char text[128] = "a: ";

    (void)state;
    memset(text + 3, '[', 40);
    char *problem = first_problem(text, strlen(text), NULL);
    assert_string_equal(problem,
                        "f:1: document: found too many levels; accepted: 32 levels or fewer");
    free(problem);
}

/* Each line ten times the one before: 10^9 values in 500 bytes. */
static void test_alias_bomb(void **state)
{
    char text[2048] = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";

    (void)state;
    for (int i = 1; i < 9; i++) {
        size_t len = strlen(text);
        int b = i - 1;
        snprintf(text + len, sizeof(text) - len,
                 "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
                 b, b, b, b, b, b, b, b, b, b);
    }
    char *problem = first_problem(text, strlen(text), NULL);
    assert_string_equal(problem,
                        "f:6: document: found too much, counting aliases; accepted: 1000000 "
                        "values, 32 levels deep");
    free(problem);
}

static void test_too_many_values(void **state)
{
    const size_t n = 1000001;
    char *text = malloc(2 * n + 2);

    (void)state;
    text[0] = '[';
    for (size_t i = 0; i < n; i++) {
        text[1 + 2 * i] = 'x';
        text[2 + 2 * i] = ',';
    }
    char *problem = first_problem(text, 2 * n + 1, NULL);
    assert_string_equal(problem,
                        "f:1: document: found too many values; accepted: 1000000 values or fewer");
    free(problem);
    free(text);
}

static void test_too_many_anchors(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);

    (void)state;
    for (int i = 0; i < 257; i++) {
        fprintf(file, "k%d: &a%d x\n", i, i);
    }
    fclose(file);
    char *problem = first_problem(text, len, NULL);
    assert_string_equal(problem,
                        "f:257: document: found too many anchors; accepted: 256 anchors or fewer");
    free(problem);
    free(text);
}

/* The first thousand are told, the others are counted. */
static void test_too_many_problems(void **state)
{
    char *text = NULL;
    size_t len = 0;
    size_t n_problems = 0;
    FILE *file = open_memstream(&text, &len);

    (void)state;
    for (int i = 0; i < 2000; i++) {
        fprintf(file, "k%d: x\n", i);
    }
    fputs(POOL LISTEN, file);
    fclose(file);
    char *problem = first_problem(text, len, &n_problems);
    assert_int_equal(n_problems, 1001);
    free(problem);
    free(text);
}

static void test_too_many_replicas(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);

    (void)state;
    fputs("pools:\n  - name: a\n    shards:\n      - name: s\n        replicas: [", file);
    for (int i = 0; i < 65; i++) {
        fprintf(file, "h:%d,", i + 1);
    }
    fputs("]\n" LISTEN, file);
    fclose(file);
    char *problem = first_problem(text, len, NULL);
    assert_string_equal(
        problem, "f:5: pools[a].shards[s].replicas: found a list (65 addresses); accepted: a "
                 "list of 1..64 addresses (host:port, [v6]:port or unix:/path), port "
                 "1..65535");
    free(problem);
    free(text);
}

static void test_long_names(void **state)
{
    char text[1024];
    char name[258];

    (void)state;
    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    snprintf(text, sizeof(text),
             "pools: [{name: a, shards: [{name: %s, replicas: 'h:1'}]}]\n" LISTEN, name);
    char *problem = first_problem(text, strlen(text), NULL);
    assert_non_null(strstr(problem, "nnn...\"; accepted: a name of 1..255 bytes"));
    free(problem);
    snprintf(text, sizeof(text),
             POOL "listeners: [{bind: 'h:1', pool: a, routes: {'%.251s': a}}]\n", name);
    problem = first_problem(text, strlen(text), NULL);
    assert_non_null(strstr(problem, "accepted: 1..250 bytes"));
    free(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_large),         cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_alias_bomb),        cmocka_unit_test(test_too_many_values),
        cmocka_unit_test(test_too_many_anchors),  cmocka_unit_test(test_too_many_problems),
        cmocka_unit_test(test_too_many_replicas), cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
