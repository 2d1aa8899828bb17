/*
 * The log: one line an event whatever is in it, levels, JSON, rotation, many threads.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/log.h"

#define CONTENT_MAX (1u << 20)
#define N_THREADS   4
#define N_LINES     500

static char folder[] = "/tmp/ringway-test-log-XXXXXX";
static char path[64], rotated_path[64];
static char content[CONTENT_MAX];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/log", folder);
    (void)snprintf(rotated_path, sizeof rotated_path, "%s/log.1", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int close_log(void **state)
{
    (void)state;
    log_deinit();
    (void)unlink(path);
    (void)unlink(rotated_path);
    return 0;
}

static void open_log(enum log_level level, bool json)
{
    struct log_options options = {.level = level, .json = json, .file = path};

    assert_int_equal(log_init(&options), 0);
}

/* What a file holds, as a string. */
static char *read_log(const char *from)
{
    FILE *file = fopen(from, "r");
    size_t n;

    assert_non_null(file);
    n = fread(content, 1, sizeof content - 1, file);
    content[n] = '\0';
    (void)fclose(file);
    return content;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

static void test_a_text_line(void **state)
{
    const char *line;

    (void)state;
    open_log(LOG_INFO, false);
    log_info("shard %s is %d", "s0", 7);
    line = read_log(path);
    /* 2024-01-01T00:00:00.000Z */
    assert_int_equal(line[4], '-');
    assert_int_equal(line[10], 'T');
    assert_string_equal(line + 23, "Z info  shard s0 is 7\n");
}

static void test_levels_below_are_left_out(void **state)
{
    const char *text;

    (void)state;
    open_log(LOG_WARN, false);
    log_debug("one");
    log_info("two");
    log_warn("three");
    log_error("four");
    text = read_log(path);
    assert_int_equal(count_lines(text), 2);
    assert_non_null(strstr(text, "warn  three\n"));
    assert_non_null(strstr(text, "error four\n"));
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
}

static void test_text_stays_on_its_line(void **state)
{
    (void)state;
    open_log(LOG_INFO, false);
    log_info("%s", "a\nb\rc\td\x1b[31m\x7f\xff \xc3\xbc");
    assert_non_null(strstr(read_log(path), "info  a\\nb\\rc\\td\\x1b[31m\\x7f\\xff \xc3\xbc\n"));
    assert_int_equal(count_lines(content), 1);
}

/* The message of the only line, which is JSON. The caller frees the root. */
static json_t *read_json(const char **message)
{
    json_error_t error;
    json_t *root = json_loads(read_log(path), 0, &error);

    assert_non_null(root);
    assert_int_equal(count_lines(content), 1);
    *message = json_string_value(json_object_get(root, "message"));
    assert_non_null(*message);
    return root;
}

static void test_json_keeps_every_character(void **state)
{
    const char *text = "a\nb\r\t\x1b\x01\x7f \"quoted\" \\ \xc3\xbc \xf0\x9f\x98\x80", *message;
    json_t *root;

    (void)state;
    open_log(LOG_INFO, true);
    assert_true(log_is_json());
    log_error("%s", text);
    root = read_json(&message);
    assert_string_equal(message, text);
    assert_string_equal(json_string_value(json_object_get(root, "level")), "error");
    assert_non_null(json_object_get(root, "time"));
    json_decref(root);
}

/* Not UTF-8: cut off, overlong, surrogates, beyond the last code point, stray. */
static void test_json_is_valid_for_any_byte(void **state)
{
    static const char *const texts[] = {"\xff",
                                        "\xc3",
                                        "\xc3(",
                                        "\xc0\x80",
                                        "\xe0\x80\x80",
                                        "\xed\xa0\x80",
                                        "\xe2\x82",
                                        "\x80",
                                        "\xf0\x80\x80\x80",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xf0\x9f\x98"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *message;
        json_t *root;

        open_log(LOG_INFO, true);
        log_info("x%sy", texts[i]);
        root = read_json(&message);
        assert_int_equal(message[0], 'x');
        assert_int_equal(memcmp(message + 1, "\xef\xbf\xbd", 3), 0);
        json_decref(root);
        assert_int_equal(close_log(state), 0);
    }
}

static void test_a_long_line_is_cut(void **state)
{
    static char text[10000];

    (void)state;
    memset(text, '\x01', sizeof text - 1);
    open_log(LOG_INFO, true);
    log_info("%s", text);
    assert_int_equal(count_lines(read_log(path)), 1);
    assert_true(strlen(content) > 2047 * 6);
}

static void test_errno_survives(void **state)
{
    (void)state;
    open_log(LOG_INFO, false);
    errno = EDOM;
    log_info("x");
    assert_int_equal(errno, EDOM);
}

static void test_reopen_follows_the_name(void **state)
{
    (void)state;
    open_log(LOG_INFO, false);
    log_info("before");
    assert_int_equal(rename(path, rotated_path), 0);
    log_info("between");
    assert_int_equal(log_reopen(), 0);
    log_info("after");
    assert_int_equal(count_lines(read_log(rotated_path)), 2);
    assert_non_null(strstr(content, "between"));
    assert_int_equal(count_lines(read_log(path)), 1);
    assert_non_null(strstr(content, "after"));
}

static void test_reopen_that_fails_keeps_the_old(void **state)
{
    (void)state;
    open_log(LOG_INFO, false);
    assert_int_equal(rename(path, rotated_path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(log_reopen(), -EISDIR);
    log_info("still here");
    assert_int_equal(rmdir(path), 0);
    assert_non_null(strstr(read_log(rotated_path), "still here"));
}

static void test_a_file_that_cannot_be_opened(void **state)
{
    struct log_options options = {.level = LOG_INFO, .file = "/nonexistent/log"};

    (void)state;
    assert_int_equal(log_init(&options), -ENOENT);
}

static void test_raw_lines_are_untouched(void **state)
{
    (void)state;
    open_log(LOG_ERROR, false);
    log_write_raw("a\nb\n", 4);
    assert_string_equal(read_log(path), "a\nb\n");
}

static void *write_lines(void *arg)
{
    int i;

    for (i = 0; i < N_LINES; i++) {
        log_info("thread %s line %03d", (const char *)arg, i);
    }
    return NULL;
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    static char names[N_THREADS][8] = {"aaaaaaa", "bbbbbbb", "ccccccc", "ddddddd"};
    pthread_t threads[N_THREADS];
    const char *line;
    int i;

    (void)state;
    open_log(LOG_INFO, false);
    for (i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    }
    assert_int_equal(log_reopen(), 0);
    for (i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    line = read_log(path);
    assert_int_equal(count_lines(line), N_THREADS * N_LINES);
    for (; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_int_equal(strcspn(line, "\n"), strlen("2024-01-01T00:00:00.000Z info  thread aaaaaaa"
                                                     " line 000"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_text_line, close_log),
        cmocka_unit_test_teardown(test_levels_below_are_left_out, close_log),
        cmocka_unit_test_teardown(test_text_stays_on_its_line, close_log),
        cmocka_unit_test_teardown(test_json_keeps_every_character, close_log),
        cmocka_unit_test_teardown(test_json_is_valid_for_any_byte, close_log),
        cmocka_unit_test_teardown(test_a_long_line_is_cut, close_log),
        cmocka_unit_test_teardown(test_errno_survives, close_log),
        cmocka_unit_test_teardown(test_reopen_follows_the_name, close_log),
        cmocka_unit_test_teardown(test_reopen_that_fails_keeps_the_old, close_log),
        cmocka_unit_test_teardown(test_a_file_that_cannot_be_opened, close_log),
        cmocka_unit_test_teardown(test_raw_lines_are_untouched, close_log),
        cmocka_unit_test_teardown(test_lines_of_threads_do_not_mix, close_log),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
