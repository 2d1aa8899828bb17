/*
 * Bytes on their way out: by copy, by reference, by gift; and that no sequence of them loses one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "data/outq.h"

static struct segment_pool pool;

static int make_pool(void **state)
{
    (void)state;
    segment_pool_init(&pool);
    return 0;
}

static int destroy_pool(void **state)
{
    (void)state;
    segment_pool_deinit(&pool);
    return 0;
}

/* What the queue holds, as writev would send it. */
static size_t gather(const struct outq *q, uint8_t *out, size_t max)
{
    uv_buf_t bufs[512];
    size_t bytes, len = 0;
    unsigned n = outq_peek(q, bufs, 512, &bytes);

    for (unsigned i = 0; i < n; i++) {
        assert_true(bufs[i].len > 0);
        assert_true(len + bufs[i].len <= max);
        memcpy(out + len, bufs[i].base, bufs[i].len);
        len += bufs[i].len;
    }
    assert_int_equal(bytes, len);
    return len;
}

static void check(const struct outq *q, const char *text)
{
    uint8_t found[4096];
    size_t len = gather(q, found, sizeof(found));

    assert_int_equal(q->bytes, len);
    assert_true(slice_is(slice_make(found, len), text));
    assert_int_equal(q->head == NULL, q->tail == NULL);
}

static unsigned n_segments(const struct outq *q)
{
    uv_buf_t bufs[512];
    size_t bytes;

    return outq_peek(q, bufs, 512, &bytes);
}

static void test_copies_share_a_segment(void **state)
{
    struct outq q = {0};
    char text[] = "abc";

    (void)state;
    outq_copy(&q, &pool, slice_make(NULL, 0));
    check(&q, "");
    outq_copy(&q, &pool, slice_of(text));
    text[0] = 'x'; /* it was copied */
    outq_copy(&q, &pool, slice_of("def"));
    check(&q, "abcdef");
    assert_int_equal(n_segments(&q), 1);
    outq_clear(&q, &pool);
    check(&q, "");
}

static void test_borrowed_bytes_are_not_copied(void **state)
{
    static const char text[] = "hello world";
    struct outq q = {0};
    uv_buf_t buf;
    size_t bytes;

    (void)state;
    outq_borrow(&q, &pool, slice_make(text, 0));
    assert_null(q.head);
    outq_borrow(&q, &pool, slice_make(text, 5));
    outq_borrow(&q, &pool, slice_make(text + 5, 6)); /* goes on where the last ended */
    check(&q, "hello world");
    assert_int_equal(n_segments(&q), 1);
    assert_int_equal(outq_peek(&q, &buf, 1, &bytes), 1);
    assert_ptr_equal(buf.base, text);
    outq_borrow(&q, &pool, slice_make(text, 5));
    assert_int_equal(n_segments(&q), 2);
    check(&q, "hello worldhello");
    outq_copy(&q, &pool, slice_of("!")); /* never into what is borrowed */
    check(&q, "hello worldhello!");
    outq_clear(&q, &pool);
}

static void test_kept_bytes_outlive_their_lender(void **state)
{
    char lent[] = "lent";
    struct outq q = {0};

    (void)state;
    outq_copy(&q, &pool, slice_of("a "));
    outq_borrow(&q, &pool, slice_of(lent));
    outq_copy(&q, &pool, slice_of(" b "));
    outq_borrow(&q, &pool, slice_of(lent));
    outq_keep(&q, &pool);
    memset(lent, 'x', 4);
    check(&q, "a lent b lent");
    for (const struct segment *s = q.head; s != NULL; s = s->next) {
        assert_int_not_equal(s->kind, SEGMENT_BORROWED);
    }
    outq_keep(&q, &pool); /* once more: nothing to do */
    check(&q, "a lent b lent");
    outq_copy(&q, &pool, slice_of("!"));
    check(&q, "a lent b lent!");
    outq_clear(&q, &pool);
    outq_keep(&q, &pool);
    check(&q, "");
}

/* The addresses that libuv was given stay good while more is kept behind them. */
static void test_keeping_does_not_move_what_is_owned(void **state)
{
    char lent[] = "lent";
    struct outq q = {.bulk = true};
    uv_buf_t before, after;
    size_t bytes;

    (void)state;
    outq_copy(&q, &pool, slice_of("being written"));
    outq_peek(&q, &before, 1, &bytes);
    outq_borrow(&q, &pool, slice_of(lent));
    outq_keep(&q, &pool);
    outq_peek(&q, &after, 1, &bytes);
    assert_ptr_equal(before.base, after.base);
    assert_true(q.bulk);
    check(&q, "being writtenlent");
    outq_consume(&q, &pool, before.len);
    check(&q, "lent");
    outq_clear(&q, &pool);
}

static void test_given_memory_is_freed(void **state)
{
    struct outq q = {0};
    char *heap = malloc(16), *second = malloc(4);

    (void)state;
    assert_non_null(heap);
    assert_non_null(second);
    memcpy(heap, "..given", 8);
    memcpy(second, "too", 4);
    outq_give(&q, &pool, heap, slice_make(heap + 2, 5));
    outq_give(&q, &pool, second, slice_make(second, 3));
    check(&q, "giventoo");
    outq_consume(&q, &pool, 6);
    check(&q, "oo");
    outq_clear(&q, &pool);
}

static void test_sizes_of_segments(void **state)
{
    static uint8_t data[SEGMENT_LARGE_BYTES + 1], found[2 * sizeof(data)];
    struct outq q = {0};

    (void)state;
    memset(data, 'z', sizeof(data));
    outq_copy(&q, &pool, slice_make(data, SEGMENT_SMALL_BYTES));
    assert_int_equal(q.tail->kind, SEGMENT_SMALL);
    assert_int_equal(q.tail->room, 0);
    outq_copy(&q, &pool, slice_make(data, 1)); /* the first was full: more is to come */
    assert_int_equal(q.tail->kind, SEGMENT_LARGE);
    outq_copy(&q, &pool, slice_make(data, SEGMENT_LARGE_BYTES + 1));
    assert_int_equal(q.tail->kind, SEGMENT_HEAP);
    assert_int_equal(gather(&q, found, sizeof(found)), q.bytes);
    outq_clear(&q, &pool);
    outq_copy(&q, &pool, slice_make(data, SEGMENT_SMALL_BYTES + 1));
    assert_int_equal(q.tail->kind, SEGMENT_LARGE);
    outq_clear(&q, &pool);
    q.bulk = true;
    outq_copy(&q, &pool, slice_make(data, 1));
    assert_int_equal(q.tail->kind, SEGMENT_LARGE);
    outq_clear(&q, &pool);
}

/* Room is in one piece, behind what is queued; what was not used of it is used next. */
static void test_reserved_room(void **state)
{
    struct outq q = {0};
    uint8_t *room = outq_reserve(&q, &pool, 100);

    (void)state;
    memcpy(room, "reserved", 8);
    outq_commit(&q, 8);
    check(&q, "reserved");
    assert_ptr_equal(outq_reserve(&q, &pool, 100), room + 8);
    memcpy(room + 8, " twice", 6);
    outq_commit(&q, 6);
    assert_int_equal(n_segments(&q), 1);
    outq_copy(&q, &pool, slice_of(", copied"));
    assert_int_equal(n_segments(&q), 1);
    outq_borrow(&q, &pool, slice_of(", borrowed"));
    room = outq_reserve(&q, &pool, SEGMENT_LARGE_BYTES + 1); /* never in what is borrowed */
    memset(room, '!', SEGMENT_LARGE_BYTES + 1);
    outq_commit(&q, 1);
    assert_int_equal(q.tail->kind, SEGMENT_HEAP);
    check(&q, "reserved twice, copied, borrowed!");
    outq_consume(&q, &pool, q.bytes);
    check(&q, "");
}

/* Room that is not used leaves nothing to send. */
static void test_room_that_is_not_used(void **state)
{
    struct outq q = {0};

    (void)state;
    (void)outq_reserve(&q, &pool, 500);
    outq_commit(&q, 0);
    assert_int_equal(q.bytes, 0);
    outq_keep(&q, &pool);
    outq_copy(&q, &pool, slice_of("later"));
    check(&q, "later");
    outq_consume(&q, &pool, 5);
    assert_null(q.head);
    (void)outq_reserve(&q, &pool, 500);
    outq_consume(&q, &pool, 0);
    assert_null(q.head);
    outq_clear(&q, &pool);
}

static void test_move(void **state)
{
    struct outq a = {0}, b = {0};

    (void)state;
    outq_move(&a, &b);
    check(&a, "");
    outq_copy(&b, &pool, slice_of("b"));
    outq_move(&a, &b);
    check(&a, "b");
    check(&b, "");
    outq_copy(&b, &pool, slice_of("c"));
    outq_copy(&b, &pool, slice_of("d"));
    outq_move(&a, &b);
    outq_copy(&a, &pool, slice_of("e"));
    outq_copy(&b, &pool, slice_of("f")); /* not into what was moved away */
    check(&a, "bcde");
    check(&b, "f");
    outq_clear(&a, &pool);
    outq_clear(&b, &pool);
}

static void test_peek_stops_at_max(void **state)
{
    static const char text[] = "a b c";
    struct outq q = {0};
    uv_buf_t bufs[2];
    size_t bytes;

    (void)state;
    outq_borrow(&q, &pool, slice_make(text, 1));
    outq_borrow(&q, &pool, slice_make(text + 2, 1));
    outq_borrow(&q, &pool, slice_make(text + 4, 1));
    assert_int_equal(outq_peek(&q, bufs, 2, &bytes), 2);
    assert_int_equal(bytes, 2);
    assert_int_equal(outq_peek(&q, bufs, 0, &bytes), 0);
    assert_int_equal(bytes, 0);
    outq_consume(&q, &pool, 2);
    check(&q, "c");
    outq_consume(&q, &pool, 1);
    check(&q, "");
    outq_consume(&q, &pool, 0);
    check(&q, "");
}

/* ---- random sequences -------------------------------------------------------------------- */

#define MODEL_BYTES (1u << 20)
#define LENT_BYTES  (64u * 1024u)

static uint8_t model[MODEL_BYTES], found[MODEL_BYTES], lent[LENT_BYTES];
static size_t model_len, lent_used;

/* Bytes that may be borrowed until the turn ends. */
static struct slice lend(size_t len)
{
    struct slice bytes = slice_make(lent + lent_used, len);

    for (size_t i = 0; i < len; i++) {
        lent[lent_used + i] = (uint8_t)rand();
    }
    lent_used += len;
    memcpy(model + model_len, bytes.data, len);
    model_len += len;
    return bytes;
}

static void add_something(struct outq *q, size_t len)
{
    struct slice bytes = lend(len);
    struct outq other = {.bulk = rand() % 2 == 0};
    uint8_t *heap;

    switch (rand() % 5) {
    case 3:
        heap = outq_reserve(q, &pool, len + (size_t)rand() % 600);
        memcpy(heap, bytes.data, len);
        outq_commit(q, len);
        break;
    case 0:
        outq_copy(q, &pool, bytes);
        break;
    case 1:
        outq_borrow(q, &pool, bytes);
        break;
    case 2:
        heap = malloc(len + 10);
        assert_non_null(heap);
        memcpy(heap + 5, bytes.data, len);
        outq_give(q, &pool, heap, slice_make(heap + 5, len));
        break;
    default:
        outq_copy(&other, &pool, slice_make(bytes.data, len / 2));
        outq_borrow(&other, &pool, slice_skip(bytes, len / 2));
        outq_move(q, &other);
        assert_null(other.head);
        break;
    }
}

static void end_turn(struct outq *q)
{
    outq_keep(q, &pool);
    memset(lent, 0xee, sizeof(lent)); /* the arena is used again */
    lent_used = 0;
}

static void compare(const struct outq *q)
{
    size_t len = 0;

    assert_int_equal(q->bytes, model_len);
    for (const struct segment *s = q->head; s != NULL; s = s->next) {
        memcpy(found + len, s->data, s->len);
        len += s->len;
        assert_int_equal(s->next == NULL, s == q->tail);
    }
    assert_int_equal(len, model_len);
    assert_memory_equal(found, model, len);
}

static void test_random_sequences(void **state)
{
    unsigned seed = (unsigned)uv_hrtime();
    struct outq q = {0};

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    for (unsigned round = 0; round < 30000; round++) {
        size_t len = 1 + (size_t)rand() % (rand() % 16 == 0 ? 20000 : 600);

        if (rand() % 3 != 0 && model_len < MODEL_BYTES / 2 && lent_used + len < LENT_BYTES) {
            add_something(&q, len);
        } else if (rand() % 3 == 0) {
            end_turn(&q);
        } else {
            size_t n = rand() % 4 == 0 ? model_len : (size_t)rand() % (model_len + 1);

            outq_consume(&q, &pool, n);
            memmove(model, model + n, model_len - n);
            model_len -= n;
        }
        if (lent_used + 20001 > LENT_BYTES) {
            end_turn(&q);
        }
        if (round % 8 == 0) {
            compare(&q);
        }
    }
    compare(&q);
    outq_clear(&q, &pool);
    assert_int_equal(q.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_share_a_segment),
        cmocka_unit_test(test_borrowed_bytes_are_not_copied),
        cmocka_unit_test(test_kept_bytes_outlive_their_lender),
        cmocka_unit_test(test_keeping_does_not_move_what_is_owned),
        cmocka_unit_test(test_given_memory_is_freed),
        cmocka_unit_test(test_sizes_of_segments),
        cmocka_unit_test(test_reserved_room),
        cmocka_unit_test(test_room_that_is_not_used),
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_peek_stops_at_max),
        cmocka_unit_test(test_random_sequences),
    };
    return cmocka_run_group_tests(tests, make_pool, destroy_pool);
}
