/*
 * Replies of a shard, which is not trusted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/memcache_reply.h"

#define LINE(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

#define K50  "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define K250 K50 K50 K50 K50 K50

struct good_case {
    struct slice line;
    enum memcache_reply_type type;
    const char *key;
    bool has_cas;
    uint64_t value_len;
};

static const struct good_case good_cases[] = {
    {LINE("VALUE a 0 5\r\n"), MEMCACHE_REPLY_VALUE, "a", false, 5},
    {LINE("VALUE a 4294967295 0\r\n"), MEMCACHE_REPLY_VALUE, "a", false, 0},
    {LINE("VALUE a 0 5 18446744073709551615\r\n"), MEMCACHE_REPLY_VALUE, "a", true, 5},
    {LINE("VALUE " K250 " 0 2147483647\r\n"), MEMCACHE_REPLY_VALUE, K250, false, 2147483647},
    {LINE("VALUE \x01\t\xc3\xbc 0 1\r\n"), MEMCACHE_REPLY_VALUE, "\x01\t\xc3\xbc", false, 1},
    {LINE("END\r\n"), MEMCACHE_REPLY_END, "", false, 0},
    {LINE("STORED\r\n"), MEMCACHE_REPLY_STORED, "", false, 0},
    {LINE("NOT_STORED\r\n"), MEMCACHE_REPLY_NOT_STORED, "", false, 0},
    {LINE("EXISTS\r\n"), MEMCACHE_REPLY_EXISTS, "", false, 0},
    {LINE("NOT_FOUND\r\n"), MEMCACHE_REPLY_NOT_FOUND, "", false, 0},
    {LINE("DELETED\r\n"), MEMCACHE_REPLY_DELETED, "", false, 0},
    {LINE("TOUCHED\r\n"), MEMCACHE_REPLY_TOUCHED, "", false, 0},
    {LINE("OK\r\n"), MEMCACHE_REPLY_OK, "", false, 0},
    {LINE("0\r\n"), MEMCACHE_REPLY_NUMBER, "", false, 0},
    {LINE("18446744073709551615\r\n"), MEMCACHE_REPLY_NUMBER, "", false, 0},
    {LINE("9 \r\n"), MEMCACHE_REPLY_NUMBER, "", false, 0},
    {LINE("VERSION 1.6.18\r\n"), MEMCACHE_REPLY_VERSION, "", false, 0},
    {LINE("HD\r\n"), MEMCACHE_REPLY_HD, "", false, 0},
    {LINE("HD c45 kk11 s2 Oq1\r\n"), MEMCACHE_REPLY_HD, "", false, 0},
    {LINE("VA 2\r\n"), MEMCACHE_REPLY_VA, "", false, 2},
    {LINE("VA 2147483647 s3 f9 t-1 W\r\n"), MEMCACHE_REPLY_VA, "", false, 2147483647},
    {LINE("EN\r\n"), MEMCACHE_REPLY_EN, "", false, 0},
    {LINE("EN kZm9v b Oabc\r\n"), MEMCACHE_REPLY_EN, "", false, 0},
    {LINE("NF\r\n"), MEMCACHE_REPLY_NF, "", false, 0},
    {LINE("NS k1\r\n"), MEMCACHE_REPLY_NS, "", false, 0},
    {LINE("EX\r\n"), MEMCACHE_REPLY_EX, "", false, 0},
    {LINE("ME a exp=-1 la=8 cas=45\r\n"), MEMCACHE_REPLY_ME, "", false, 0},
    {LINE("MN\r\n"), MEMCACHE_REPLY_MN, "", false, 0},
    {LINE("ERROR\r\n"), MEMCACHE_REPLY_ERROR, "", false, 0},
    {LINE("ERROR why\r\n"), MEMCACHE_REPLY_ERROR, "", false, 0},
    {LINE("CLIENT_ERROR bad data chunk\r\n"), MEMCACHE_REPLY_CLIENT_ERROR, "", false, 0},
    {LINE("SERVER_ERROR out of memory\r\n"), MEMCACHE_REPLY_SERVER_ERROR, "", false, 0},
    {LINE("SERVER_ERROR\r\n"), MEMCACHE_REPLY_SERVER_ERROR, "", false, 0},
};

static const struct slice bad_lines[] = {
    LINE("\r\n"),
    LINE("\n"),
    LINE(" "),
    LINE("\x81"),
    LINE("end\r\n"),
    LINE("END\n"),
    LINE("END \r\n"),
    LINE("END x\r\n"),
    LINE("ENDX\r\n"),
    LINE("STORED x\r\n"),
    LINE("X\r\n"),
    LINE("HTTP/1.1 400 Bad Request\r\n"),
    LINE("STAT pid 1\r\n"),
    LINE("VALUE\r\n"),
    LINE("VALUE \r\n"),
    LINE("VALUE a\r\n"),
    LINE("VALUE a 0\r\n"),
    LINE("VALUE a 0 \r\n"),
    LINE("VALUE a 0 x\r\n"),
    LINE("VALUE a 0 -1\r\n"),
    LINE("VALUE a x 5\r\n"),
    LINE("VALUE a -1 5\r\n"),
    LINE("VALUE a 0 5\n"),
    LINE("VALUE a 0 5 \r\n"),
    LINE("VALUE a 0 5 x\r\n"),
    LINE("VALUE a 0 5 6 7\r\n"),
    LINE("VALUE a  0 5\r\n"),
    LINE("VALUE  a 0 5\r\n"),
    LINE("VALUE a\0b 0 5\r\n"),
    LINE("VALUE a 0 5\0\r\n"),
    LINE("VALUE a 0 2147483648\r\n"),
    LINE("VALUE a 0 18446744073709551621\r\n"),
    LINE("VALUE " K250 "k 0 5\r\n"),
    LINE("VA\r\n"),
    LINE("VA \r\n"),
    LINE("VA x\r\n"),
    LINE("VA -1\r\n"),
    LINE("VA 2x\r\n"),
    LINE("VA 2147483648\r\n"),
    LINE("12x\r\n"),
    LINE("1 2\r\n"),
    LINE("18446744073709551616\r\n"),
    LINE("VERSION\r\n"),
    LINE("ME\r\n"),
    LINE("HDx\r\n"),
    LINE("ERRORS\r\n"),
};

static int parse_copy(struct slice line, size_t len, struct memcache_reply *reply, uint8_t **copy)
{
    *copy = malloc(len + 1);
    assert_non_null(*copy);
    memcpy(*copy + 1, line.data, len);
    return memcache_reply_parse(slice_make(*copy + 1, len), reply);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good_cases) / sizeof(good_cases[0]); i++) {
        const struct good_case *c = &good_cases[i];
        struct memcache_reply reply;
        uint8_t *copy = NULL;
        print_message("%s", (const char *)c->line.data);
        for (size_t len = 0; len < c->line.len; len++) {
            assert_int_equal(parse_copy(c->line, len, &reply, &copy), 0);
            free(copy);
        }
        assert_int_equal(parse_copy(c->line, c->line.len, &reply, &copy), 1);
        assert_int_equal(reply.type, c->type);
        assert_int_equal(reply.line.len, c->line.len);
        assert_true(slice_is(reply.key, c->key));
        assert_int_equal(reply.has_cas, c->has_cas);
        assert_int_equal(reply.value_len, c->value_len);
        free(copy);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
        struct memcache_reply reply;
        uint8_t *copy = NULL;
        print_message("%s\n", (const char *)bad_lines[i].data);
        assert_int_equal(parse_copy(bad_lines[i], bad_lines[i].len, &reply, &copy), -1);
        free(copy);
    }
}

static void test_what_follows_is_left(void **state)
{
    (void)state;
    struct memcache_reply reply;
    struct slice in = LINE("VALUE a 0 2\r\nxy\r\nEND\r\n");
    assert_int_equal(memcache_reply_parse(in, &reply), 1);
    assert_int_equal(reply.line.len, 13);
}

static void test_long_line(void **state)
{
    (void)state;
    uint8_t line[MEMCACHE_REPLY_LINE_MAX + 1];
    struct memcache_reply reply;
    memset(line, 'x', sizeof(line));
    memcpy(line, "SERVER_ERROR ", 13);
    assert_int_equal(memcache_reply_parse(slice_make(line, sizeof(line)), &reply), -1);
    assert_int_equal(memcache_reply_parse(slice_make(line, sizeof(line) - 1), &reply), -1);
    assert_int_equal(memcache_reply_parse(slice_make(line, sizeof(line) - 2), &reply), 0);
    memcpy(line + MEMCACHE_REPLY_LINE_MAX - 2, "\r\n", 2);
    assert_int_equal(memcache_reply_parse(slice_make(line, sizeof(line)), &reply), 1);
    memcpy(line + MEMCACHE_REPLY_LINE_MAX - 2, "x\r\n", 3);
    assert_int_equal(memcache_reply_parse(slice_make(line, sizeof(line)), &reply), -1);
}

struct fit_case {
    enum memcache_command command;
    enum memcache_reply_type types[6]; /* ends with the first ERROR, which always fits */
};

#define T(type) MEMCACHE_REPLY_##type

static const struct fit_case fit_cases[] = {
    {MEMCACHE_GET, {T(VALUE), T(END), T(ERROR)}},
    {MEMCACHE_GETS, {T(VALUE), T(END), T(ERROR)}},
    {MEMCACHE_GAT, {T(VALUE), T(END), T(ERROR)}},
    {MEMCACHE_GATS, {T(VALUE), T(END), T(ERROR)}},
    {MEMCACHE_SET, {T(STORED), T(NOT_STORED), T(ERROR)}},
    {MEMCACHE_CAS, {T(STORED), T(NOT_STORED), T(EXISTS), T(NOT_FOUND), T(ERROR)}},
    {MEMCACHE_DELETE, {T(DELETED), T(NOT_FOUND), T(ERROR)}},
    {MEMCACHE_INCR, {T(NUMBER), T(NOT_FOUND), T(ERROR)}},
    {MEMCACHE_TOUCH, {T(TOUCHED), T(NOT_FOUND), T(ERROR)}},
    {MEMCACHE_MG, {T(HD), T(VA), T(EN), T(ERROR)}},
    {MEMCACHE_MS, {T(HD), T(NS), T(EX), T(NF), T(ERROR)}},
    {MEMCACHE_MD, {T(HD), T(NS), T(EX), T(NF), T(ERROR)}},
    {MEMCACHE_MA, {T(HD), T(VA), T(NS), T(EX), T(NF), T(ERROR)}},
    {MEMCACHE_ME, {T(ME), T(EN), T(ERROR)}},
    {MEMCACHE_MN, {T(MN), T(ERROR)}},
    {MEMCACHE_VERSION, {T(VERSION), T(ERROR)}},
    {MEMCACHE_FLUSH_ALL, {T(OK), T(ERROR)}},
};

static bool listed(const struct fit_case *c, enum memcache_reply_type type)
{
    for (size_t i = 0;; i++) {
        if (c->types[i] == type) {
            return true;
        }
        if (c->types[i] == MEMCACHE_REPLY_ERROR) {
            return type == MEMCACHE_REPLY_CLIENT_ERROR || type == MEMCACHE_REPLY_SERVER_ERROR;
        }
    }
}

static void test_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fit_cases) / sizeof(fit_cases[0]); i++) {
        for (int type = 0; type < MEMCACHE_N_REPLY_TYPES; type++) {
            enum memcache_reply_type t = (enum memcache_reply_type)type;
            assert_int_equal(memcache_reply_fits(fit_cases[i].command, t),
                             listed(&fit_cases[i], t));
        }
    }
}

static void test_errors(void **state)
{
    (void)state;
    for (int type = 0; type < MEMCACHE_N_REPLY_TYPES; type++) {
        bool error = type == MEMCACHE_REPLY_ERROR || type == MEMCACHE_REPLY_CLIENT_ERROR ||
                     type == MEMCACHE_REPLY_SERVER_ERROR;
        assert_int_equal(memcache_reply_is_error((enum memcache_reply_type)type), error);
    }
}

static void test_quiet(void **state)
{
    (void)state;
    static const enum memcache_command commands[] = {MEMCACHE_MG, MEMCACHE_MS, MEMCACHE_MD,
                                                     MEMCACHE_MA, MEMCACHE_ME};
    static const struct {
        enum memcache_reply_type type;
        bool shown[5]; /* mg ms md ma me */
    } cases[] = {
        {MEMCACHE_REPLY_HD, {true, false, false, false, true}},
        {MEMCACHE_REPLY_VA, {true, true, true, false, true}},
        {MEMCACHE_REPLY_EN, {false, true, true, true, true}},
        {MEMCACHE_REPLY_NF, {true, true, true, true, true}},
        {MEMCACHE_REPLY_NS, {true, true, true, true, true}},
        {MEMCACHE_REPLY_EX, {true, true, true, true, true}},
        {MEMCACHE_REPLY_ERROR, {true, true, true, true, true}},
        {MEMCACHE_REPLY_CLIENT_ERROR, {true, true, true, true, true}},
        {MEMCACHE_REPLY_SERVER_ERROR, {true, true, true, true, true}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++) {
            assert_int_equal(memcache_reply_shown_when_quiet(commands[c], cases[i].type),
                             cases[i].shown[c]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_what_follows_is_left),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
