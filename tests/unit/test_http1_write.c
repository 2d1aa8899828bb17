/*
 * Writing HTTP/1: numbers, dates, answers, and what does not fit.
 */
#include <inttypes.h>
#include <time.h>

#include "support/http1_assert.h"

static void test_numbers(void **state)
{
    static const uint64_t numbers[] = {0, 9, 10, 15, 16, 255, 4096, 1234567890, UINT64_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(numbers); i++) {
        uint8_t out[64];
        char expected[64];
        struct http1_writer writer = {.data = out, .max = sizeof out};

        http1_put_number(&writer, numbers[i]);
        http1_put_text(&writer, " ");
        http1_put_hex(&writer, numbers[i]);
        (void)snprintf(expected, sizeof expected, "%" PRIu64 " %" PRIx64, numbers[i], numbers[i]);
        assert_slice(slice_make(out, writer.len), expected);
        assert_false(writer.overflowed);
    }
}

static void test_what_does_not_fit_is_dropped(void **state)
{
    uint8_t out[8];
    struct http1_writer writer = {.data = out, .max = sizeof out};

    (void)state;
    memset(out, '-', sizeof out);
    http1_put_text(&writer, "1234");
    http1_put_text(&writer, "");
    assert_false(writer.overflowed);
    http1_put_number(&writer, 56789);
    assert_true(writer.overflowed);
    assert_slice(slice_make(out, writer.len), "1234");
    http1_put_text(&writer, "5678");
    assert_slice(slice_make(out, writer.len), "12345678");
}

static void test_fields(void **state)
{
    uint8_t out[32];
    struct http1_writer writer = {.data = out, .max = sizeof out};

    (void)state;
    http1_put_field(&writer, slice_of("Name"), slice_of("value"));
    http1_put_field(&writer, slice_of("X"), slice_make(NULL, 0));
    assert_slice(slice_make(out, writer.len), "Name: value\r\nX: \r\n");
}

static void assert_date(uint64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm parts;
    char expected[64], date[HTTP1_DATE_BYTES];

    assert_non_null(gmtime_r(&when, &parts));
    assert_int_equal(strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &parts),
                     HTTP1_DATE_BYTES);
    http1_format_date(seconds, date);
    assert_slice(slice_make(date, sizeof date), expected);
}

/* As the C library has them, whose locale here is "C": each day of 800 years, at another time. */
static void test_dates(void **state)
{
    char date[HTTP1_DATE_BYTES];
    uint64_t day;

    (void)state;
    http1_format_date(784111777, date);
    assert_slice(slice_make(date, sizeof date), "Sun, 06 Nov 1994 08:49:37 GMT");
    for (day = 0; day < 2 * 146097; day++) {
        assert_date(day * 86400 + day * 7919 % 86400);
    }
    assert_date(0);
    assert_date(UINT32_MAX);
    assert_date(UINT64_C(253402300799)); /* the end of the year 9999 */
}

static void test_answers(void **state)
{
    static const char expected[] = "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\n"
                                   "Content-Length: 12\r\nConnection: close\r\nAllow: GET\r\n\r\n";
    struct http1_answer answer = {405, "text/plain", 12, false, "Allow: GET\r\n"};
    char out[256];
    size_t n = http1_answer_write(&answer, out, sizeof out);

    (void)state;
    assert_slice(slice_make(out, n), expected);
    assert_int_equal(http1_answer_write(&answer, out, n - 1), 0);
    assert_int_equal(http1_answer_write(&answer, out, n), n);
    answer = (struct http1_answer){.status = 204, .keep_alive = true};
    n = http1_answer_write(&answer, out, sizeof out);
    assert_slice(slice_make(out, n), "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
}

static void test_reasons(void **state)
{
    static const int ours[] = {400, 404, 405, 408, 413, 414, 431, 501, 502, 503, 504, 505};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(ours); i++) {
        assert_string_not_equal(http1_reason(ours[i]), "Unknown");
    }
    assert_string_equal(http1_reason(502), "Bad Gateway");
    assert_string_equal(http1_reason(799), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_what_does_not_fit_is_dropped),
        cmocka_unit_test(test_fields),  cmocka_unit_test(test_dates),
        cmocka_unit_test(test_answers), cmocka_unit_test(test_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
