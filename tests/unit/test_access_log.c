/*
 * The access log: which requests are in it, in both formats, and that each is one line whatever the
 * client called its keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "data/access_log.h"
#include "support/plane_rig.h"

static struct rig rig;
static struct rig_client *client;
static char path[64], key[64];
static struct bytes content;

/* Start with [log], and with the log in a file. */
static void start(const char *log)
{
    static char yaml[1024];
    bool json;

    snprintf(yaml, sizeof(yaml),
             "workers: 1\n"
             "admin: off\n"
             "log: {%s}\n"
             "pools:\n"
             "  - name: p\n"
             "    flush_all: true\n"
             "    timeouts: {request: 100ms}\n"
             "    health: {eject_after: 0}\n"
             "    shards:\n"
             "      - {name: a, replicas: 'unix:${DIR}/s0'}\n"
             "      - {name: b, replicas: 'unix:${DIR}/s1'}\n"
             "listeners: [{bind: 'unix:${DIR}/listener', pool: p}]\n",
             log);
    rig_init(&rig, yaml, 2);
    snprintf(path, sizeof(path), "%s/log", rig.folder);
    json = rig.config->log.format == CONFIG_LOG_JSON;
    assert_int_equal(log_init(&(struct log_options){LOG_ERROR, json, path}), 0);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    client = rig_connect(&rig);
    rig_key_on(&rig, 0, 0, "k", key);
}

static int stop(void **state)
{
    (void)state;
    log_deinit();
    (void)unlink(path);
    rig_deinit(&rig);
    bytes_free(&content);
    return 0;
}

/* What the file holds now, as a string. */
static const char *read_log(void)
{
    FILE *file;
    char room[4096];
    size_t n;

    rig_settle(&rig);
    file = fopen(path, "r");
    assert_non_null(file);
    content.len = 0;
    while ((n = fread(room, 1, sizeof(room), file)) > 0) {
        bytes_add(&content, room, n);
    }
    (void)fclose(file);
    bytes_add(&content, "", 1);
    return (const char *)content.data;
}

static size_t n_lines(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

static void ask(const char *text, size_t len)
{
    rig_send(&rig, client, slice_make(text, len));
    rig_settle(&rig);
}

static void test_text(void **state)
{
    char text[200], expected[200];
    const char *log;

    (void)state;
    start("access: all");
    snprintf(text, sizeof(text), "set %s 0 0 1\r\nx\r\nget %s\r\nversion\r\nfoo\r\n", key, key);
    ask(text, strlen(text));
    log = read_log();
    assert_int_equal(n_lines(log), 4);
    assert_int_equal(log[10], 'T'); /* 2024-01-01T00:00:00.000Z */
    assert_memory_equal(log + 23, "Z access client=", 16);
    snprintf(
        expected, sizeof(expected),
        " access client=unix: command=set key=\"%s\" pool=p shard=a outcome=ok duration_us=", key);
    assert_non_null(strstr(log, expected));
    snprintf(expected, sizeof(expected), " command=get key=\"%s\" pool=p shard=a outcome=hit ",
             key);
    assert_non_null(strstr(log, expected));
    assert_non_null(strstr(log, " command=version key=\"\" pool=p shard=- outcome=ok "));
    assert_non_null(strstr(log, " command=- key=\"\" pool=p shard=- outcome=client_error "));
}

static json_t *parse_line(const char *line)
{
    json_error_t error;
    size_t len = strcspn(line, "\n");
    json_t *object = json_loadb(line, len, JSON_ALLOW_NUL, &error);

    if (object == NULL) {
        fail_msg("%s in: %.*s", error.text, (int)len, line);
    }
    return object;
}

static void test_json(void **state)
{
    char text[200];
    json_t *object;

    (void)state;
    start("access: all, format: json");
    snprintf(text, sizeof(text), "delete %s\r\n", key);
    ask(text, strlen(text));
    assert_int_equal(n_lines(read_log()), 1);
    object = parse_line((const char *)content.data);
    assert_string_equal(json_string_value(json_object_get(object, "event")), "access");
    assert_string_equal(json_string_value(json_object_get(object, "client")), "unix:");
    assert_string_equal(json_string_value(json_object_get(object, "command")), "delete");
    assert_string_equal(json_string_value(json_object_get(object, "key")), key);
    assert_string_equal(json_string_value(json_object_get(object, "pool")), "p");
    assert_string_equal(json_string_value(json_object_get(object, "shard")), "a");
    assert_string_equal(json_string_value(json_object_get(object, "outcome")), "miss");
    assert_true(json_is_integer(json_object_get(object, "duration_us")));
    json_decref(object);
}

/* Every byte that a key may have, and keys as long as they may be. */
static void ask_for_all_keys(void)
{
    static const char longest[] = "\x01\x02\x03\x04\x05";
    char text[400] = "get ";
    size_t len = 4;

    for (int byte = 1; byte < 256; byte++) {
        if (byte != ' ' && byte != '\r' && byte != '\n') {
            text[4] = (char)byte;
            memcpy(text + 5, "\"\\\r\n", 5);
            ask(text, 9);
        }
    }
    while (len < 4 + 250) {
        memcpy(text + len, longest, 5);
        len += 5;
    }
    memcpy(text + len, "\r\n", 2);
    ask(text, len + 2);
}

static void test_keys_of_all_bytes_in_text(void **state)
{
    const char *log;

    (void)state;
    start("access: all");
    ask_for_all_keys();
    log = read_log();
    assert_int_equal(n_lines(log), 253);
    for (const char *line = log; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *from = strstr(line, " key=\"") + 6, *to = strchr(from, '"');

        assert_memory_equal(to, "\" pool=", 7); /* no quote of the key ends it */
        for (const char *p = line; *p != '\n'; p++) {
            assert_true(*p >= 0x20 && *p < 0x7f);
        }
    }
}

static void test_keys_of_all_bytes_in_json(void **state)
{
    const char *log;

    (void)state;
    start("access: all, format: json");
    ask_for_all_keys();
    log = read_log();
    assert_int_equal(n_lines(log), 253);
    for (const char *line = log; *line != '\0'; line = strchr(line, '\n') + 1) {
        json_decref(parse_line(line));
    }
}

static void test_errors_only(void **state)
{
    char text[400];
    const char *log;

    (void)state;
    start("access: errors");
    snprintf(text, sizeof(text), "get %s\r\nset %s 0 0 1\r\nx\r\nadd %s 0 0 1\r\nx\r\nfoo\r\n", key,
             key, key);
    ask(text, strlen(text));
    log = read_log();
    assert_int_equal(n_lines(log), 1);
    assert_non_null(strstr(log, "outcome=client_error"));
    rig.shards[0].mute = true;
    snprintf(text, sizeof(text), "get %s\r\n", key);
    client->received.len = 0;
    rig_send(&rig, client, slice_of(text));
    RIG_UNTIL(&rig, client->received.len > 0);
    log = read_log();
    assert_int_equal(n_lines(log), 2);
    assert_non_null(strstr(log, "shard=a outcome=timeout"));
}

static void test_a_sample(void **state)
{
    size_t n;

    (void)state;
    start("access: 1/10");
    for (unsigned i = 0; i < 40; i++) {
        struct bytes text = {0};

        for (unsigned k = 0; k < 100; k++) {
            bytes_add_text(&text, "mn\r\n");
        }
        ask((const char *)text.data, text.len);
        bytes_free(&text);
    }
    n = n_lines(read_log());
    assert_in_range(n, 280, 520); /* 400, and six standard deviations of 19 */
}

static void test_off(void **state)
{
    (void)state;
    start("access: off");
    assert_null(rig.plane.access);
    ask("mn\r\nfoo\r\n", 9);
    assert_string_equal(read_log(), "");
}

/* A multi-get is one line, by its first key; so is what a client gave up. */
static void test_requests_to_several_shards(void **state)
{
    char text[400];
    const char *log;

    (void)state;
    start("access: all");
    snprintf(text, sizeof(text), "get %s 1 2 3 4 5 6 7\r\nflush_all\r\n", key);
    ask(text, strlen(text));
    log = read_log();
    assert_int_equal(n_lines(log), 2);
    snprintf(text, sizeof(text), "command=get key=\"%s\" pool=p shard=- outcome=miss ", key);
    assert_non_null(strstr(log, text));
    assert_non_null(strstr(log, "command=flush_all key=\"\" pool=p shard=- outcome=ok "));
    rig.shards[0].mute = true;
    snprintf(text, sizeof(text), "get %s\r\nquit\r\n", key);
    rig_send(&rig, client, slice_of(text));
    (void)rig_turn(&rig);
    (void)rig_turn(&rig);
    plane_drain(&rig.plane);
    rig_hang_up(client);
    RIG_UNTIL(&rig, rig.feedback->clients == 0);
    assert_int_equal(n_lines(read_log()), 3);
}

/* ---- HTTP -------------------------------------------------------------------------------- */

static const struct access_http http = {
    .client = "127.0.0.1:5555",
    .method = {(const uint8_t *)"GET", 3},
    .target = {(const uint8_t *)"/users/1?q=2", 12},
    .host = {(const uint8_t *)"example.org", 11},
    .key = {(const uint8_t *)"1", 1},
    .shard = 1,
    .replica = "10.0.0.1:80",
    .status = 502,
    .result = FEEDBACK_HTTP_SERVER_ERROR,
    .bytes_received = 7,
    .bytes_sent = 2000000000000,
    .upstream_us = 250,
    .duration_us = 1000,
    .retries = 1,
};

/* Not routed, not even understood. */
static const struct access_http http_unrouted = {
    .client = "unix:",
    .pool = UINT32_MAX,
    .shard = REQUEST_NO_SHARD,
    .status = 400,
    .result = FEEDBACK_HTTP_CLIENT_ERROR,
};

static const char *log_http(const struct access_http *entry)
{
    access_log_http(rig.plane.access, entry);
    access_log_flush(rig.plane.access);
    return read_log();
}

static void test_http_text(void **state)
{
    (void)state;
    start("access: all");
    assert_string_equal(
        log_http(&http) + 24,
        " access client=127.0.0.1:5555 method=\"GET\" host=\"example.org\" "
        "target=\"/users/1?q=2\" key=\"1\" pool=p shard=b replica=10.0.0.1:80 status=502 "
        "result=5xx bytes_received=7 bytes_sent=2000000000000 upstream_us=250 duration_us=1000 "
        "retries=1\n");
    assert_string_equal(
        strchr(log_http(&http_unrouted), '\n') + 25,
        " access client=unix: method=\"\" host=\"\" target=\"\" key=\"\" pool=- shard=- replica=- "
        "status=400 result=4xx bytes_received=0 bytes_sent=0 upstream_us=0 duration_us=0 "
        "retries=0\n");
}

static void test_http_json(void **state)
{
    static const struct {
        const char *name, *text;
        json_int_t number;
    } fields[] = {
        {"event", "access", 0},
        {"client", "127.0.0.1:5555", 0},
        {"method", "GET", 0},
        {"host", "example.org", 0},
        {"target", "/users/1?q=2", 0},
        {"key", "1", 0},
        {"pool", "p", 0},
        {"shard", "b", 0},
        {"replica", "10.0.0.1:80", 0},
        {"status", NULL, 502},
        {"result", "5xx", 0},
        {"bytes_received", NULL, 7},
        {"bytes_sent", NULL, 2000000000000},
        {"upstream_us", NULL, 250},
        {"duration_us", NULL, 1000},
        {"retries", NULL, 1},
    };
    json_t *object;

    (void)state;
    start("access: all, format: json");
    object = parse_line(log_http(&http));
    assert_int_equal(json_object_size(object), sizeof(fields) / sizeof(fields[0]) + 1); /* time */
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        json_t *value = json_object_get(object, fields[i].name);

        if (fields[i].text != NULL) {
            assert_string_equal(json_string_value(value), fields[i].text);
        } else {
            assert_true(json_is_integer(value));
            assert_int_equal(json_integer_value(value), fields[i].number);
        }
    }
    json_decref(object);
}

/* An exchange with [room] of hostile bytes wherever a client has a say. */
static struct access_http hostile(uint8_t *room, size_t len)
{
    struct access_http entry = http;

    for (size_t i = 0; i < len; i++) {
        room[i] = (uint8_t)(i % 3 == 0 ? '"' : i % 256);
    }
    entry.method = entry.target = entry.host = entry.key = slice_make(room, len);
    return entry;
}

static void test_http_of_all_bytes(void **state)
{
    uint8_t room[768];
    struct access_http entry = hostile(room, sizeof(room));
    const char *log;

    (void)state;
    start("access: all");
    log = log_http(&entry);
    assert_int_equal(n_lines(log), 1);
    for (const char *p = log; *p != '\n'; p++) {
        assert_true(*p >= 0x20 && *p < 0x7f);
    }
    assert_non_null(strstr(log, "...\" pool=p ")); /* the key is longer than a line has room for */
}

/* The longest lines, more than the buffer holds; each is JSON, and no longer than it may be. */
static void test_http_lines_are_bounded(void **state)
{
    static uint8_t room[20000];
    struct access_http entry = hostile(room, sizeof(room));
    const char *log;

    (void)state;
    start("access: all, format: json");
    for (unsigned i = 0; i < 100; i++) {
        access_log_http(rig.plane.access, &entry);
    }
    access_log_flush(rig.plane.access);
    log = read_log();
    assert_int_equal(n_lines(log), 100);
    for (const char *line = log; *line != '\0'; line = strchr(line, '\n') + 1) {
        json_t *object = parse_line(line);

        assert_in_range(json_string_length(json_object_get(object, "target")), 1024, 2048);
        assert_in_range(strcspn(line, "\n"), 1, 16384);
        json_decref(object);
    }
}

static void test_http_errors_only(void **state)
{
    (void)state;
    start("access: errors");
    assert_true(access_log_wants(rig.plane.access, true));
    assert_false(access_log_wants(rig.plane.access, false));
}

static void test_http_sample(void **state)
{
    unsigned n = 0;

    (void)state;
    start("access: 1/10");
    for (unsigned i = 0; i < 4000; i++) {
        n += access_log_wants(rig.plane.access, i % 2 == 0);
    }
    assert_in_range(n, 280, 520); /* 400, and six standard deviations of 19 */
}

#define TEST(name) cmocka_unit_test_teardown(name, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_text),
        TEST(test_json),
        TEST(test_keys_of_all_bytes_in_text),
        TEST(test_keys_of_all_bytes_in_json),
        TEST(test_errors_only),
        TEST(test_a_sample),
        TEST(test_off),
        TEST(test_requests_to_several_shards),
        TEST(test_http_text),
        TEST(test_http_json),
        TEST(test_http_of_all_bytes),
        TEST(test_http_lines_are_bounded),
        TEST(test_http_errors_only),
        TEST(test_http_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
