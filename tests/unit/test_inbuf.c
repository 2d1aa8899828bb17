/*
 * Input that waits: appending, dropping, reads that go straight into it, and feeding a parser.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "data/inbuf.h"

static void check(const struct inbuf *in, const char *text)
{
    assert_true(slice_is(inbuf_slice(in), text));
    assert_true(in->len <= in->room);
}

static void test_append_and_drop(void **state)
{
    struct inbuf in = {0};

    (void)state;
    inbuf_append(&in, slice_make(NULL, 0));
    assert_null(in.data); /* empty: no memory */
    inbuf_append(&in, slice_of("hello "));
    inbuf_append(&in, slice_of("world"));
    check(&in, "hello world");
    inbuf_drop(&in, 0);
    check(&in, "hello world");
    inbuf_drop(&in, 6);
    check(&in, "world");
    inbuf_append(&in, slice_of("!"));
    check(&in, "world!");
    inbuf_drop(&in, 6);
    assert_null(in.data);
    assert_int_equal(in.len, 0);
    assert_int_equal(in.room, 0);
    inbuf_drop(&in, 0);
    assert_null(in.data);
}

static void test_ready_when_enough_has_come(void **state)
{
    struct inbuf in = {0};

    (void)state;
    assert_true(inbuf_is_ready(&in));
    in.need = 4;
    assert_false(inbuf_is_ready(&in));
    inbuf_append(&in, slice_of("abc"));
    assert_false(inbuf_is_ready(&in));
    inbuf_append(&in, slice_of("d"));
    assert_true(inbuf_is_ready(&in));
    free(inbuf_take(&in));
}

static void test_take_gives_the_memory_away(void **state)
{
    struct inbuf in = {0};
    uint8_t *data;
    void *taken;

    (void)state;
    assert_null(inbuf_take(&in));
    in.need = 100;
    inbuf_append(&in, slice_of("abc"));
    data = in.data;
    taken = inbuf_take(&in);
    assert_ptr_equal(taken, data);
    assert_memory_equal(taken, "abc", 3);
    assert_null(in.data);
    assert_int_equal(in.len + in.room + in.need, 0);
    free(taken);
}

static void test_a_short_rest_is_not_read_directly(void **state)
{
    struct inbuf in = {0};

    (void)state;
    assert_null(inbuf_read_buffer(&in).base);
    inbuf_append(&in, slice_of("abc"));
    assert_null(inbuf_read_buffer(&in).base);
    in.need = 1000;
    assert_null(inbuf_read_buffer(&in).base);
    free(inbuf_take(&in));
}

static void test_a_long_rest_is_read_directly_and_exactly(void **state)
{
    struct inbuf in = {0};
    size_t need = 100000;

    (void)state;
    in.need = need;
    inbuf_append(&in, slice_of("abc"));
    assert_int_equal(in.room, need); /* made once, in its final size */
    while (in.len < need) {
        uv_buf_t buf = inbuf_read_buffer(&in);
        size_t n = 30000;

        if (buf.base == NULL) { /* the last few bytes come through the arena */
            uint8_t rest[4096] = {0};

            assert_true(need - in.len < sizeof(rest));
            inbuf_append(&in, slice_make(rest, need - in.len));
            break;
        }
        assert_ptr_equal(buf.base, in.data + in.len);
        assert_int_equal(buf.len, need - in.len);
        n = n < buf.len ? n : buf.len;
        memset(buf.base, 'x', n);
        inbuf_read_used(&in, n);
        assert_int_equal(inbuf_is_ready(&in), in.len == need);
    }
    assert_int_equal(in.len, need);
    assert_int_equal(in.room, need);
    assert_memory_equal(in.data, "abcxxx", 6);
    free(inbuf_take(&in));
}

static void test_need_that_comes_later(void **state)
{
    struct inbuf in = {0};
    uv_buf_t buf;

    (void)state;
    inbuf_append(&in, slice_of("set a 0 0 50000\r\n"));
    in.need = 50000;
    buf = inbuf_read_buffer(&in);
    assert_non_null(buf.base);
    assert_int_equal(buf.len, 50000 - 17);
    assert_true(in.room >= 50000);
    check(&in, "set a 0 0 50000\r\n");
    free(inbuf_take(&in));
}

/* ---- feeding a parser -------------------------------------------------------------------- */

/* Takes words that end with a semicolon. Asks for as many bytes as the digit that a word begins with. */
struct reader {
    struct inbuf in;
    char words[256];
    unsigned n_calls, n_stable;
    bool takes_all, asks;
    void *taken;
};

static ssize_t read_words(void *owner, struct slice in, bool stable)
{
    struct reader *reader = owner;
    size_t used = 0;

    assert_int_equal(reader->in.need, 0);
    reader->n_calls++;
    reader->n_stable += stable;
    if (reader->takes_all && !stable) {
        reader->taken = inbuf_take(&reader->in);
        return (ssize_t)in.len;
    }
    for (size_t i = 0; i < in.len; i++) {
        if (in.data[i] == '!') {
            return -1;
        }
        used = in.data[i] == ';' ? i + 1 : used;
    }
    strncat(reader->words, (const char *)in.data, used);
    if (reader->asks && used < in.len) {
        reader->in.need = (size_t)(in.data[used] - '0');
    }
    return (ssize_t)used;
}

static int feed(struct reader *reader, const char *text)
{
    return inbuf_feed(&reader->in, slice_of(text), false, read_words, reader);
}

static void test_feed_keeps_what_is_unfinished(void **state)
{
    struct reader reader = {0};

    (void)state;
    assert_int_equal(feed(&reader, "one;two;"), 0);
    assert_null(reader.in.data); /* nothing was copied */
    assert_int_equal(feed(&reader, "three;fo"), 0);
    check(&reader.in, "fo");
    assert_int_equal(reader.n_stable, 2);
    assert_int_equal(feed(&reader, "ur"), 0);
    check(&reader.in, "four");
    assert_int_equal(feed(&reader, ";f"), 0);
    check(&reader.in, "f");
    assert_int_equal(feed(&reader, "ive;"), 0);
    assert_null(reader.in.data);
    assert_string_equal(reader.words, "one;two;three;four;five;");
    assert_int_equal(reader.n_calls, 5);
    assert_int_equal(reader.n_stable, 2); /* bytes that waited may move */
}

static void test_feed_waits_for_what_is_needed(void **state)
{
    struct reader reader = {.asks = true};

    (void)state;
    assert_int_equal(feed(&reader, "1;6:a"), 0);
    assert_int_equal(reader.in.need, 6);
    assert_int_equal(feed(&reader, "bc"), 0);
    assert_int_equal(reader.n_calls, 1); /* not asked again too early */
    assert_int_equal(feed(&reader, ";7:"), 0);
    assert_int_equal(reader.n_calls, 2);
    assert_int_equal(reader.in.need, 7); /* of the next */
    check(&reader.in, "7:");
    assert_int_equal(feed(&reader, "abcd;"), 0);
    assert_string_equal(reader.words, "1;6:abc;7:abcd;");
    assert_int_equal(reader.in.need, 0);
}

static void test_feed_of_bytes_in_place(void **state)
{
    struct reader reader = {0};
    uv_buf_t buf, elsewhere = uv_buf_init(reader.words, 1);
    size_t rest = 5000;

    (void)state;
    assert_false(inbuf_is_in_place(&reader.in, &elsewhere));
    assert_int_equal(feed(&reader, "a"), 0);
    reader.in.need = rest + 1;
    assert_false(inbuf_is_in_place(&reader.in, &elsewhere));
    buf = inbuf_read_buffer(&reader.in);
    assert_true(inbuf_is_in_place(&reader.in, &buf));
    assert_int_equal(buf.len, rest);
    memset(buf.base, 'b', rest);
    inbuf_read_used(&reader.in, rest - 1);
    assert_int_equal(
        inbuf_feed(&reader.in, slice_make(buf.base, rest - 1), true, read_words, &reader), 0);
    assert_int_equal(reader.n_calls, 1);
    assert_int_equal(reader.in.len, rest);
    reader.takes_all = true;
    buf = uv_buf_init((char *)reader.in.data + rest, 1);
    assert_true(inbuf_is_in_place(&reader.in, &buf));
    inbuf_read_used(&reader.in, 1);
    assert_int_equal(inbuf_feed(&reader.in, slice_make(buf.base, 1), true, read_words, &reader), 0);
    assert_int_equal(reader.n_calls, 2);
    assert_memory_equal(reader.taken, "abbb", 4);
    assert_null(reader.in.data);
    assert_int_equal(reader.in.len + reader.in.need, 0);
    free(reader.taken);
}

/* A parser that stopped for a reason of its own goes on without new bytes. */
static void test_feed_again_without_new_bytes(void **state)
{
    struct reader reader = {0};

    (void)state;
    assert_int_equal(inbuf_feed(&reader.in, slice_make(NULL, 0), true, read_words, &reader), 0);
    assert_int_equal(reader.n_calls, 0); /* nothing waits */
    inbuf_append(&reader.in, slice_of("a;b"));
    assert_int_equal(inbuf_feed(&reader.in, slice_make(NULL, 0), true, read_words, &reader), 0);
    assert_string_equal(reader.words, "a;");
    check(&reader.in, "b");
    free(inbuf_take(&reader.in));
}

static void test_feed_says_what_the_parser_says(void **state)
{
    struct reader reader = {0};

    (void)state;
    assert_int_equal(feed(&reader, "a;!"), -1);
    assert_null(reader.in.data);
    assert_int_equal(feed(&reader, "a"), 0);
    assert_int_equal(feed(&reader, "!"), -1);
    check(&reader.in, "a!");
    free(inbuf_take(&reader.in));
}

/* Any sequence holds the bytes that a plain array would. */
static void test_random_sequences(void **state)
{
    static uint8_t model[1u << 20], bytes[5000];
    unsigned seed = (unsigned)uv_hrtime();
    struct inbuf in = {0};
    size_t len = 0;

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    for (unsigned round = 0; round < 20000; round++) {
        size_t n = (size_t)rand() % (rand() % 8 == 0 ? sizeof(bytes) : 100);

        if (rand() % 2 == 0 && len + n <= sizeof(model)) {
            for (size_t i = 0; i < n; i++) {
                bytes[i] = (uint8_t)rand();
            }
            in.need = rand() % 4 == 0 ? len + (size_t)rand() % 20000 : 0;
            inbuf_append(&in, slice_make(bytes, n));
            memcpy(model + len, bytes, n);
            len += n;
        } else {
            n = rand() % 10 == 0 || n > len ? len : n;
            inbuf_drop(&in, n);
            memmove(model, model + n, len - n);
            len -= n;
        }
        assert_int_equal(in.len, len);
        assert_true(len > 0 || in.data == NULL || in.len == 0);
        assert_true(len == 0 || memcmp(in.data, model, len) == 0);
    }
    free(inbuf_take(&in));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_and_drop),
        cmocka_unit_test(test_ready_when_enough_has_come),
        cmocka_unit_test(test_take_gives_the_memory_away),
        cmocka_unit_test(test_a_short_rest_is_not_read_directly),
        cmocka_unit_test(test_a_long_rest_is_read_directly_and_exactly),
        cmocka_unit_test(test_need_that_comes_later),
        cmocka_unit_test(test_feed_keeps_what_is_unfinished),
        cmocka_unit_test(test_feed_waits_for_what_is_needed),
        cmocka_unit_test(test_feed_of_bytes_in_place),
        cmocka_unit_test(test_feed_again_without_new_bytes),
        cmocka_unit_test(test_feed_says_what_the_parser_says),
        cmocka_unit_test(test_random_sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
