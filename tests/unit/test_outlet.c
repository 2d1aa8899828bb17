/*
 * The writing half of a stream, on a socket pair: what the kernel does not take is sent later, also
 * when its lender has taken the bytes back.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/outlet.h"

#define BIG_BYTES (4u * 1024u * 1024u)

static uv_loop_t loop;
static uv_pipe_t pipe_handle;
static struct segment_pool pool;
static struct outlet outlet;
static int peer;
static int last_status, n_written;
static uint8_t *big, *received;
static size_t n_received;

static void on_written(struct outlet *o, int status)
{
    assert_ptr_equal(o, &outlet);
    last_status = status;
    n_written++;
}

static int start(void **state)
{
    int fds[2];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0 ||
        uv_loop_init(&loop) != 0 || uv_pipe_init(&loop, &pipe_handle, 0) != 0 ||
        uv_pipe_open(&pipe_handle, fds[0]) != 0) {
        return -1;
    }
    peer = fds[1];
    segment_pool_init(&pool);
    freelist_init(&pool.writes, outlet_write_size(), 4);
    outlet = (struct outlet){
        .stream = (uv_stream_t *)&pipe_handle, .pool = &pool, .on_written = on_written};
    last_status = 1;
    n_written = 0;
    n_received = 0;
    big = malloc(BIG_BYTES);
    received = malloc(2 * BIG_BYTES);
    for (size_t i = 0; big != NULL && i < BIG_BYTES; i++) {
        big[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    return big == NULL || received == NULL;
}

static int stop(void **state)
{
    (void)state;
    if (!uv_is_closing((uv_handle_t *)&pipe_handle)) {
        uv_close((uv_handle_t *)&pipe_handle, NULL);
    }
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    outq_clear(&outlet.queue, &pool);
    segment_pool_deinit(&pool);
    freelist_deinit(&pool.writes);
    if (peer >= 0) {
        (void)close(peer);
    }
    free(big);
    free(received);
    return uv_loop_close(&loop);
}

/* Read what is there. */
static void take(void)
{
    ssize_t n;

    while ((n = read(peer, received + n_received, 2 * BIG_BYTES - n_received)) > 0) {
        n_received += (size_t)n;
    }
}

/* Turn until everything is written; the owner flushes again when it is told to. */
static void drain(void)
{
    int seen = n_written;

    for (unsigned turn = 0; turn < 100000 && (outlet.queue.bytes > 0 || outlet.write != NULL);
         turn++) {
        take();
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        if (n_written != seen) {
            seen = n_written;
            assert_int_equal(last_status, 0);
            assert_true(outlet_flush(&outlet) >= 0);
        }
    }
    take();
    assert_int_equal(outlet.queue.bytes, 0);
    assert_null(outlet.write);
}

static void test_what_fits_is_sent_at_once(void **state)
{
    (void)state;
    assert_int_equal(outlet_flush(&outlet), 0); /* nothing to send */
    outq_copy(&outlet.queue, &pool, slice_of("hello "));
    outq_borrow(&outlet.queue, &pool, slice_of("world"));
    assert_int_equal(outlet_flush(&outlet), 0);
    assert_int_equal(outlet.n_sent, 11);
    take();
    assert_true(slice_is(slice_make(received, n_received), "hello world"));
    assert_int_equal(n_written, 0);
}

static void test_more_pieces_than_one_writev_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        outq_borrow(&outlet.queue, &pool, slice_make(big + 2 * i, 1)); /* never next to another */
    }
    assert_int_equal(outlet_flush(&outlet), 0);
    take();
    assert_int_equal(n_received, 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(received[i], big[2 * i]);
    }
}

static void test_the_rest_is_kept_and_sent_later(void **state)
{
    uint8_t *lent = malloc(BIG_BYTES);

    (void)state;
    assert_non_null(lent);
    memcpy(lent, big, BIG_BYTES);
    outq_borrow(&outlet.queue, &pool, slice_make(lent, BIG_BYTES));
    assert_int_equal(outlet_flush(&outlet), 1);
    assert_non_null(outlet.write);
    assert_int_equal(outlet.n_sent + outlet.queue.bytes, BIG_BYTES);
    memset(lent, 0, BIG_BYTES); /* the turn is over */
    free(lent);
    drain();
    assert_int_equal(n_received, BIG_BYTES);
    assert_memory_equal(received, big, BIG_BYTES);
    assert_int_equal(outlet.n_sent, BIG_BYTES);
    assert_true(n_written >= 1);
}

static void test_bytes_added_meanwhile_come_behind(void **state)
{
    char lent[] = "the end";

    (void)state;
    outq_borrow(&outlet.queue, &pool, slice_make(big, BIG_BYTES));
    assert_int_equal(outlet_flush(&outlet), 1);
    outq_borrow(&outlet.queue, &pool, slice_of(lent));
    assert_int_equal(outlet_flush(&outlet), 1); /* kept, too */
    memset(lent, 'x', sizeof(lent) - 1);
    outq_copy(&outlet.queue, &pool, slice_of("!"));
    assert_int_equal(outlet_flush(&outlet), 1);
    drain();
    assert_int_equal(n_received, BIG_BYTES + 8);
    assert_memory_equal(received, big, BIG_BYTES);
    assert_memory_equal(received + BIG_BYTES, "the end!", 8);
}

static void test_a_peer_that_is_gone(void **state)
{
    (void)state;
    (void)close(peer);
    peer = -1;
    outq_copy(&outlet.queue, &pool, slice_of("hello"));
    assert_int_equal(outlet_flush(&outlet), UV_EPIPE);
    assert_null(outlet.write);
    assert_int_equal(outlet.n_sent, 0);
}

static void test_a_peer_that_goes_while_we_write(void **state)
{
    (void)state;
    outq_borrow(&outlet.queue, &pool, slice_make(big, BIG_BYTES));
    assert_int_equal(outlet_flush(&outlet), 1);
    (void)close(peer);
    peer = -1;
    for (unsigned turn = 0; turn < 1000 && n_written == 0; turn++) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(n_written, 1);
    assert_true(last_status < 0);
    assert_null(outlet.write);
    assert_true(outlet_flush(&outlet) < 0);
}

static void test_a_stream_that_is_closed_while_we_write(void **state)
{
    (void)state;
    outq_borrow(&outlet.queue, &pool, slice_make(big, BIG_BYTES));
    assert_int_equal(outlet_flush(&outlet), 1);
    uv_close((uv_handle_t *)&pipe_handle, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(n_written, 1);
    assert_int_equal(last_status, UV_ECANCELED);
    assert_null(outlet.write);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_fits_is_sent_at_once, start, stop),
        cmocka_unit_test_setup_teardown(test_more_pieces_than_one_writev_takes, start, stop),
        cmocka_unit_test_setup_teardown(test_the_rest_is_kept_and_sent_later, start, stop),
        cmocka_unit_test_setup_teardown(test_bytes_added_meanwhile_come_behind, start, stop),
        cmocka_unit_test_setup_teardown(test_a_peer_that_is_gone, start, stop),
        cmocka_unit_test_setup_teardown(test_a_peer_that_goes_while_we_write, start, stop),
        cmocka_unit_test_setup_teardown(test_a_stream_that_is_closed_while_we_write, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
