/*
 * The points of crcring, value by value: what the name of a shard is split into, the chain, and
 * which of two points stays when they fall on the same value. The values are those of nginx, which
 * tests/integration/test_nginx_parity.py compares with the running program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hashring/hashring.h"

#define POINTS 160

/* CRC-32 bit by bit, by its definition: another way than the library's table. */
static uint32_t crc32_of(const unsigned char *data, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    return ~crc;
}

/* The chain that begins with [len] bytes at [head], as its definition says. */
static void make_chain(const char *head, size_t len, uint32_t chain[POINTS])
{
    unsigned char text[64];
    uint32_t before = 0;

    assert_true(len + 4 <= sizeof(text));
    memcpy(text, head, len);
    for (size_t i = 0; i < POINTS; i++) {
        for (unsigned b = 0; b < 4; b++) {
            text[len + b] = (unsigned char)(before >> 8 * b);
        }
        before = crc32_of(text, len + 4);
        chain[i] = before;
    }
}

static struct hashring *nginx_ring(const struct hashring_shard *shards, size_t n)
{
    struct hashring_options options;
    struct hashring *ring;

    hashring_options_init(&options);
    assert_int_equal(hashring_options_preset(&options, HASHRING_PRESET_NGINX), 0);
    assert_int_equal(hashring_create(&ring, shards, n, &options), 0);
    return ring;
}

/* [name] has its points where the chain of [head] has them, beside another shard. */
static void check_name(const char *name, const char *head, size_t len)
{
    const struct hashring_shard shards[] = {{"other.example:1", 1}, {name, 1}};
    struct hashring *ring = nginx_ring(shards, 2);
    uint32_t chain[POINTS];
    size_t n_followed = 0;

    make_chain(head, len, chain);
    for (size_t i = 0; i < POINTS; i++) {
        assert_int_equal(hashring_home(ring, chain[i]), 1);
        n_followed += hashring_home(ring, chain[i] + 1) == 0;
    }
    /* Behind about every second point the other shard begins; at other places none would. */
    assert_true(n_followed > POINTS / 4);
    assert_int_equal(hashring_n_points(ring), 2 * POINTS);
    hashring_destroy(&ring);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        const char *head;
        size_t len;
    } cases[] = {
        {"10.0.0.1:8080", "10.0.0.1\0008080", 13},
        {"backend1", "backend1\0", 9},
        {"backend:http", "backend:http\0", 13},
        {"backend:80a", "backend:80a\0", 12},
        {"backend:", "backend\0", 8},
        {":80", "\00080", 3},
        {"8080", "8080\0", 5},
        {"[::1]:80", "[::1]\00080", 8},
        {"[::1]", "[::1]\0", 6},
        {"::1", ":\0001", 3},
        {"unix:/run/a.sock", "/run/a.sock\0", 12},
        {"UniX:/run/a:80", "/run/a:80\0", 10},
        {"unix:", "\0", 1},
        {"unix", "unix\0", 5},
        {"unit:80", "unit\00080", 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_name(cases[i].name, cases[i].head, cases[i].len);
    }
}

static void test_weight_goes_on_with_the_chain(void **state)
{
    static const struct hashring_shard shards[] = {{"10.0.0.1:8080", 1000}, {"10.0.0.2:8080", 1}};
    struct hashring *ring = nginx_ring(shards, 2);

    (void)state;
    assert_int_equal(hashring_n_points(ring), 1001 * POINTS);
    assert_true(hashring_share(ring, 1) > 0.0005 && hashring_share(ring, 1) < 0.0015);
    hashring_destroy(&ring);
}

/* Two names with a point on the same value, found by trying. */
#define TIED_A     "10.0.0.122:8080"
#define TIED_B     "10.0.0.218:8080"
#define TIED_VALUE 3343200412u

static void check_tie(const char *first, const char *second)
{
    const struct hashring_shard shards[] = {{first, 1}, {second, 1}};
    struct hashring *ring = nginx_ring(shards, 2);
    uint32_t picked[2];

    assert_int_equal(hashring_n_points(ring), 2 * POINTS - 1);
    assert_int_equal(hashring_pick(ring, TIED_VALUE, picked, 2), 2);
    assert_int_equal(picked[0], 0);
    assert_int_equal(hashring_home(ring, TIED_VALUE), 0);
    hashring_destroy(&ring);
}

/* The first in the list has the point, and the second has none there. */
static void test_tied_points(void **state)
{
    (void)state;
    check_tie(TIED_A, TIED_B);
    check_tie(TIED_B, TIED_A);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_weight_goes_on_with_the_chain),
        cmocka_unit_test(test_tied_points),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
