/* What ringway-bench reads and writes: options, numbers, tables, progress, made-up keys. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "key_source.h"
#include "options.h"
#include "progress.h"
#include "table.h"

static void test_counts(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {{"0", 0},
                {"12", 12},
                {"1e9", 1000000000},
                {"10k", 10000},
                {"2.5M", 2500000},
                {"1G", 1000000000},
                {"18446744073709551615", UINT64_MAX}};
    static const char *const bad[] = {"",    "x",   "-1",   "1.5", "0x10", "1e",
                                      "1kk", "1 k", "1e99", "nan", "k",    "18446744073709551616"};
    uint64_t value;
    (void)state;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(options_read_count(good[i].text, &value));
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(options_read_count(bad[i], &value));
    }
}

static void test_options(void **state)
{
    uint64_t count = 7;
    double real = 0.5;
    bool flag = false;
    const char *text = NULL;
    const struct options_spec specs[] = {
        OPTIONS_COUNT("count", "N", "", &count, 1, 100),
        OPTIONS_REAL("real", "X", "", &real, 0, 1),
        OPTIONS_FLAG("flag", "", &flag),
        OPTIONS_TEXT("text", "T", "", &text),
        OPTIONS_END,
    };
    const char *good[] = {"test", "--count", "12", "--real=0.25", "--flag", "--text", "--flag"};
    const char *bad[][3] = {{"test", "--count", "101"}, {"test", "--count", "0"},
                            {"test", "--real", "x"},    {"test", "--flag=1", NULL},
                            {"test", "--none", NULL},   {"test", "word", NULL},
                            {"test", "--text", NULL},   {"test", "-x", NULL}};
    (void)state;

    assert_int_equal(options_parse(specs, "", 7, (char **)(uintptr_t)good), OPTIONS_GO_ON);
    assert_int_equal(count, 12);
    assert_true(real > 0.24 && real < 0.26);
    assert_true(flag);
    assert_string_equal(text, "--flag");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int n = bad[i][2] != NULL ? 3 : 2;

        assert_int_equal(options_parse(specs, "", n, (char **)(uintptr_t)bad[i]), OPTIONS_WRONG);
    }
    assert_int_equal(count, 12);
}

static const struct table_column columns[] = {
    {"name", "name", "", TABLE_TEXT, 0},
    {"time_ms", "time", "ms", TABLE_NUMBER, 2},
    {"note", "note", "", TABLE_TEXT, 0},
};

static struct table *make_table(void)
{
    struct table *table = table_create("t", NULL, columns, 3);

    table_row(table);
    table_text(table, "a,\"b\"\n");
    table_number(table, 1234567.5);
    table_row(table);
    table_text(table, "ü\xff");
    table_number(table, NAN);
    table_row(table);
    return table;
}

/* What [write] writes; the caller frees it. */
static char *written(const struct table *table, void (*write)(const struct table *, FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    assert_non_null(file);
    write(table, file);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void test_table_as_text(void **state)
{
    struct table *table = table_create("t", "Title", columns, 3);
    char *text;
    (void)state;

    table_row(table);
    table_text(table, "long name");
    table_number(table, -1234.5);
    table_row(table);
    table_text(table, "ü");
    text = written(table, table_write_text);
    assert_string_equal(text, "Title\n"
                              "name            time\n"
                              "                  ms\n"
                              "long name  -1,234.50\n"
                              "ü                  –\n");
    free(text);
    table_destroy(&table);
    assert_null(table);
}

static void test_table_as_csv(void **state)
{
    struct table *table = make_table();
    char *text = written(table, table_write_csv);
    (void)state;

    assert_string_equal(text, "name,time_ms,note\n\"a,\"\"b\"\"\n\",1234567.5,\nü\xff,,\n,,\n");
    free(text);
    table_destroy(&table);
}

static void test_table_as_json(void **state)
{
    struct table *table = make_table();
    char *text = written(table, table_write_json);
    (void)state;

    assert_non_null(strstr(text, "\"name\": \"a,\\\"b\\\"\\u000a\", \"time_ms\": 1234567.5, "
                                 "\"note\": null"));
    assert_non_null(strstr(text, "\"name\": \"ü\\ufffd\", \"time_ms\": null"));
    free(text);
    table_destroy(&table);
}

static void test_numbers_keep_every_digit(void **state)
{
    static const double values[] = {0, 1, -2.5, 0.1, 1.0 / 3, 1e300, 123456789012345678.0};
    (void)state;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[64] = "";
        FILE *file = fmemopen(text, sizeof(text) - 1, "w");

        assert_non_null(file);
        table_write_json_number(values[i], file);
        assert_int_equal(fclose(file), 0);
        assert_memory_equal(&(double){strtod(text, NULL)}, &values[i], sizeof(values[i]));
    }
}

static void test_progress(void **state)
{
    struct progress progress = {.label = "remap", .total = 10000000, .start_ns = 1000000000};
    char line[PROGRESS_LINE_BYTES];
    (void)state;

    progress_format(&progress, 2500000, 6000000000, line);
    assert_string_equal(line,
                        "remap [#######                       ]  25 % 2.5 M of 10.0 M, 00:15 left");
    progress_format(&progress, 0, 6000000000, line);
    assert_string_equal(line,
                        "remap [                              ]   0 % 0 of 10.0 M, 00:00 left");
    progress_format(&progress, 20000000, 6000000000, line);
    assert_non_null(strstr(line, "100 %"));
    progress.total = 0;
    progress_format(&progress, 999, 6000000000, line);
    assert_string_equal(line, "remap: 999, 5 s");
}

static void test_made_up_keys(void **state)
{
    enum { N = 2000 };
    static char keys[N][KEY_SOURCE_MADE_BYTES + 1];
    (void)state;

    assert_int_equal(key_source_make(KEY_SOURCE_NUMBERED, 9, 0, keys[0]), 5);
    assert_memory_equal(keys[0], "key:0", 5);
    assert_int_equal(key_source_make(KEY_SOURCE_NUMBERED, 9, UINT64_MAX, keys[0]), 24);
    assert_memory_equal(keys[0], "key:18446744073709551615", 24);
    memset(keys, 0, sizeof(keys));
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(key_source_make(KEY_SOURCE_HASHED, 9, i, keys[i]), 16);
        assert_int_equal(strspn(keys[i], "0123456789abcdef"), 16);
    }
    qsort(keys, N, sizeof(keys[0]), (int (*)(const void *, const void *))strcmp);
    for (size_t i = 1; i < N; i++) {
        assert_string_not_equal(keys[i - 1], keys[i]);
    }
}

static void test_key_source_counts(void **state)
{
    struct key_source_options options = KEY_SOURCE_INIT;
    struct key_source_batch *batch = calloc(1, sizeof(*batch));
    struct key_source *source = NULL;
    size_t n = 0;
    (void)state;

    options.n_keys = 2 * KEY_SOURCE_BATCH + 5;
    assert_int_equal(key_source_open(&source, &options), 0);
    assert_int_equal(key_source_total(source), options.n_keys);
    assert_false(key_source_is_sample(source));
    do {
        assert_int_equal(key_source_next(source, batch), 0);
        n += batch->n;
    } while (batch->n > 0);
    assert_int_equal(n, options.n_keys);
    key_source_close(&source);
    assert_null(source);
    free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_table_as_text),
        cmocka_unit_test(test_table_as_csv),
        cmocka_unit_test(test_table_as_json),
        cmocka_unit_test(test_numbers_keep_every_digit),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_made_up_keys),
        cmocka_unit_test(test_key_source_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
