/*
 * Chunked bodies and their trailers: what is taken, what is refused, cut anywhere.
 */
#include "support/http1_assert.h"

#define END_MAX 64u

/* Decode [body] given in pieces of [step] bytes. Returns the last answer; [data], of at least
 * the body's size and one more, receives the data as a string, [used] what was consumed. */
static enum http1_chunk decode(struct slice body, size_t step, char *data, size_t *used)
{
    struct http1_chunks chunks = {0};
    enum http1_chunk answer = HTTP1_CHUNK_MORE;
    size_t arrived = 0, len = 0;

    *used = 0;
    while (answer != HTTP1_CHUNK_LAST && answer != HTTP1_CHUNK_ERROR) {
        struct slice piece;
        size_t n;

        if (answer == HTTP1_CHUNK_MORE && arrived == body.len) {
            break;
        }
        if (answer == HTTP1_CHUNK_MORE) {
            arrived = body.len - arrived < step ? body.len : arrived + step;
        }
        answer =
            http1_chunks_next(&chunks, slice_make(body.data + *used, arrived - *used), &n, &piece);
        *used += n;
        assert_true(*used <= arrived);
        if (answer == HTTP1_CHUNK_MORE) {
            assert_int_equal(*used, arrived);
        } else if (answer == HTTP1_CHUNK_DATA) {
            assert_true(piece.len > 0);
            memcpy(data + len, piece.data, piece.len);
            len += piece.len;
        }
    }
    data[len] = '\0';
    return answer;
}

/* Whole, byte by byte, and in pieces of every size between. */
static void assert_decodes(const char *text, enum http1_chunk expected, const char *expected_data)
{
    struct slice body = slice_of(text);
    char data[1024];
    size_t step;

    assert_true(body.len < sizeof data);
    for (step = 1; step <= body.len; step++) {
        size_t used;
        enum http1_chunk answer = decode(body, step, data, &used);

        if (answer != expected) {
            fail_msg("%d instead of %d by %zu: %s", (int)answer, (int)expected, step, text);
        }
        if (expected != HTTP1_CHUNK_ERROR) {
            assert_string_equal(data, expected_data);
        }
    }
}

static void test_chunks(void **state)
{
    (void)state;
    assert_decodes("0\r\n", HTTP1_CHUNK_LAST, "");
    assert_decodes("5\r\nhello\r\n0\r\n", HTTP1_CHUNK_LAST, "hello");
    assert_decodes("1\r\na\r\n2\r\nbc\r\n0\r\n", HTTP1_CHUNK_LAST, "abc");
    assert_decodes("A\r\n0123456789\r\n0\r\n", HTTP1_CHUNK_LAST, "0123456789");
    assert_decodes("a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n", HTTP1_CHUNK_LAST, "0\r\n\r\n0\r\n\r\n");
    assert_decodes("000000000000005\r\nhello\r\n000\r\n", HTTP1_CHUNK_LAST, "hello");
    assert_decodes("10\r\n0123456789abcdef\r\n0\r\n", HTTP1_CHUNK_LAST, "0123456789abcdef");
    assert_decodes("5\r\nhel", HTTP1_CHUNK_MORE, "hel");
    assert_decodes("5\r\nhello\r", HTTP1_CHUNK_MORE, "hello");
    assert_decodes("fffffffffffffff\r\nab", HTTP1_CHUNK_MORE, "ab");
}

/* What follows the last chunk's line is left to the caller. */
static void test_nothing_is_taken_behind_the_last_chunk(void **state)
{
    static const char text[] = "1\r\na\r\n0\r\nX: y\r\n\r\nmore";
    char data[sizeof text];
    size_t used;

    (void)state;
    assert_int_equal(decode(slice_of(text), sizeof text, data, &used), HTTP1_CHUNK_LAST);
    assert_string_equal(text + used, "X: y\r\n\r\nmore");
}

static void test_extensions_are_skipped(void **state)
{
    char text[512];

    (void)state;
    assert_decodes("5;a\r\nhello\r\n0;b=c\r\n", HTTP1_CHUNK_LAST, "hello");
    assert_decodes("5;a=\"b;\\\"c\"\t; d\r\nhello\r\n0\r\n", HTTP1_CHUNK_LAST, "hello");
    assert_decodes("5;\r\nhello\r\n0;\r\n", HTTP1_CHUNK_LAST, "hello");
    assert_decodes("5;\xe9\r\nhello\r\n0\r\n", HTTP1_CHUNK_LAST, "hello");
    (void)snprintf(text, sizeof text, "5;%*s\r\nhello\r\n0\r\n", (int)HTTP1_CHUNK_LINE_MAX - 2, "");
    assert_decodes(text, HTTP1_CHUNK_LAST, "hello");
    (void)snprintf(text, sizeof text, "5;%*s\r\nhello\r\n0\r\n", (int)HTTP1_CHUNK_LINE_MAX - 1, "");
    assert_decodes(text, HTTP1_CHUNK_ERROR, "");
}

static void test_bad_chunks(void **state)
{
    static const char *const bad[] = {
        "\r\nhello",
        "x\r\n",
        "g\r\n",
        "0x5\r\nhello\r\n0\r\n",
        "+5\r\nhello\r\n0\r\n",
        "-5\r\nhello\r\n0\r\n",
        "-0\r\n",
        " 5\r\nhello\r\n0\r\n",
        "5 \r\nhello\r\n0\r\n",
        "5\t\r\nhello\r\n0\r\n",
        "5 ;a\r\nhello\r\n0\r\n",
        "1_0\r\n0123456789abcdef\r\n0\r\n",
        "5,5\r\nhello\r\n0\r\n",
        ";a\r\n",
        "5\nhello\r\n0\r\n",
        "5\rhello\r\n0\r\n",
        "5\rXhello\r\n0\r\n",
        "5\r\nhelloX\n0\r\n",
        "5\r\nhello\rX0\r\n",
        "5\r\r\nhello\r\n0\r\n",
        "5\r\nhello\n0\r\n",
        "5\r\nhello\r0\r\n",
        "5\r\nhello0\r\n",
        "5\r\nhello!\r\n0\r\n",
        "5\r\nhello \r\n0\r\n",
        "5\r\nhell\r\n0\r\n",
        "5\r\nhello\r\n\r\n",
        "5;a\nhello\r\n0\r\n",
        "5;a\rb\r\nhello\r\n0\r\n",
        "5;a\x01\r\nhello\r\n0\r\n",
        "5;a\x7f\r\nhello\r\n0\r\n",
        "5;a\r\r\nhello\r\n0\r\n",
        "0000000000000005\r\nhello\r\n0\r\n", /* 16 digits */
        "10000000000000005\r\nhello\r\n0\r\n",
        "ffffffffffffffff\r\n",
        "0000000000000000\r\n",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        assert_decodes(bad[i], HTTP1_CHUNK_ERROR, "");
    }
}

static void test_an_error_stays(void **state)
{
    struct http1_chunks chunks = {0};
    struct slice data;
    size_t used;

    (void)state;
    assert_int_equal(http1_chunks_next(&chunks, slice_of("x"), &used, &data), HTTP1_CHUNK_ERROR);
    assert_int_equal(http1_chunks_next(&chunks, slice_of("5\r\n"), &used, &data),
                     HTTP1_CHUNK_ERROR);
}

/* ---- trailers ---------------------------------------------------------------------------- */

static enum http1_parse parse_trailers(const char *text, struct http1_fields *fields, size_t *len)
{
    struct http1_scan scan = {0};
    const char *error = NULL;
    enum http1_parse answer =
        http1_trailers_parse(slice_of(text), &scan, END_MAX, fields, len, &error);

    assert_int_equal(error != NULL, answer == HTTP1_PARSE_ERROR);
    return answer;
}

static void test_trailers(void **state)
{
    static const char text[] = "X-Sum: 1\r\nExpires:\r\n\r\nmore";
    struct http1_fields fields;
    size_t len;

    (void)state;
    assert_int_equal(parse_trailers("\r\nmore", &fields, &len), HTTP1_PARSE_DONE);
    assert_int_equal(fields.n, 0);
    assert_int_equal(len, 2);
    assert_int_equal(parse_trailers(text, &fields, &len), HTTP1_PARSE_DONE);
    assert_int_equal(fields.n, 2);
    assert_slice(fields.list[0].name, "X-Sum");
    assert_slice(fields.list[0].value, "1");
    assert_slice(fields.list[1].value, "");
    assert_string_equal(text + len, "more");
}

/* They frame nothing: only their form is looked at. */
static void test_trailers_do_not_frame(void **state)
{
    struct http1_fields fields;
    size_t len;

    (void)state;
    assert_int_equal(parse_trailers("Content-Length: x\r\nTransfer-Encoding: y\r\nHost: @\r\n\r\n",
                                    &fields, &len),
                     HTTP1_PARSE_DONE);
    assert_int_equal(fields.n, 3);
}

static void test_bad_trailers(void **state)
{
    static const char *const bad[] = {
        "\n",
        "\r\r\n\r\n",
        "X: y\n\r\n",
        "X: y\r\n\n",
        "X: y\rz\r\n\r\n",
        "X: y\r\n z\r\n\r\n",
        " X: y\r\n\r\n",
        "X : y\r\n\r\n",
        ": y\r\n\r\n",
        "X\r\n\r\n",
        "X: \x01\r\n\r\n",
        "X: 3456789012345678901234567890123456789012345678901234567890123456789\r\n\r\n",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        struct http1_fields fields;
        size_t len;

        if (parse_trailers(bad[i], &fields, &len) != HTTP1_PARSE_ERROR) {
            fail_msg("not refused: %s", bad[i]);
        }
    }
}

static void test_too_many_trailers(void **state)
{
    struct http1_scan scan = {0};
    struct http1_fields fields;
    const char *error;
    char text[1024];
    size_t used = 0, len, i;

    (void)state;
    for (i = 0; i < HTTP1_FIELDS_MAX + 1; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "X: y\r\n");
    }
    (void)snprintf(text + used, sizeof text - used, "\r\n");
    assert_int_equal(
        http1_trailers_parse(slice_of(text), &scan, sizeof text, &fields, &len, &error),
        HTTP1_PARSE_ERROR);
    scan = (struct http1_scan){0};
    assert_int_equal(
        http1_trailers_parse(slice_of(text + 6), &scan, sizeof text, &fields, &len, &error),
        HTTP1_PARSE_DONE);
    assert_int_equal(fields.n, HTTP1_FIELDS_MAX);
}

static void test_incomplete_trailers_need_more(void **state)
{
    static const char text[] = "X: y\r\n\r\n";
    struct http1_scan scan = {0};
    struct http1_fields fields;
    const char *error;
    size_t n, len;

    (void)state;
    for (n = 0; n < sizeof text - 1; n++) {
        assert_int_equal(
            http1_trailers_parse(slice_make(text, n), &scan, END_MAX, &fields, &len, &error),
            HTTP1_PARSE_MORE);
    }
    assert_int_equal(
        http1_trailers_parse(slice_make(text, n), &scan, END_MAX, &fields, &len, &error),
        HTTP1_PARSE_DONE);
}

static void test_which_trailers_may_be_forwarded(void **state)
{
    static const struct {
        const char *line;
        bool is_allowed;
    } cases[] = {
        {"X-Sum: 1\r\n\r\n", true},
        {"Server-Timing: a\r\n\r\n", true},
        {"ETag: x\r\n\r\n", true},
        {"Content-Length: 1\r\n\r\n", false},
        {"host: h\r\n\r\n", false},
        {"Transfer-Encoding: a\r\n\r\n", false},
        {"Connection: close\r\n\r\n", false},
        {"Keep-Alive: a\r\n\r\n", false},
        {"Trailer: a\r\n\r\n", false},
        {"X-Forwarded-For: a\r\n\r\n", false},
        {"Cookie: a\r\n\r\n", false},
        {"Set-Cookie: a\r\n\r\n", false},
        {"Authorization: a\r\n\r\n", false},
        {"CONTENT-TYPE: a\r\n\r\n", false},
        {"Content-Encoding: a\r\n\r\n", false},
        {"Content-Range: a\r\n\r\n", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        struct http1_fields fields;
        size_t len;

        assert_int_equal(parse_trailers(cases[i].line, &fields, &len), HTTP1_PARSE_DONE);
        if (http1_trailer_is_allowed(&fields.list[0]) != cases[i].is_allowed) {
            fail_msg("not %d: %s", cases[i].is_allowed, cases[i].line);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_nothing_is_taken_behind_the_last_chunk),
        cmocka_unit_test(test_extensions_are_skipped),
        cmocka_unit_test(test_bad_chunks),
        cmocka_unit_test(test_an_error_stays),
        cmocka_unit_test(test_trailers),
        cmocka_unit_test(test_trailers_do_not_frame),
        cmocka_unit_test(test_bad_trailers),
        cmocka_unit_test(test_too_many_trailers),
        cmocka_unit_test(test_incomplete_trailers_need_more),
        cmocka_unit_test(test_which_trailers_may_be_forwarded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
