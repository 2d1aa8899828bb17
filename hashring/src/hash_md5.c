/*
 * MD5 (RFC 1321), for the ketama circle: it places, it does not protect.
 */
#include <string.h>

#include "hash.h"

#define BLOCK_BYTES  64u
#define LENGTH_BYTES 8u

/* floor(2^32 * |sin(i + 1)|) */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static inline uint32_t md5_step(uint32_t a, uint32_t b, uint32_t mix, uint32_t word, unsigned shift)
{
    return b + ring_rotate_left(a + mix + word, shift);
}

static inline uint32_t mix_f(uint32_t x, uint32_t y, uint32_t z)
{
    return z ^ (x & (y ^ z));
}

static inline uint32_t mix_h(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

static inline uint32_t mix_i(uint32_t x, uint32_t y, uint32_t z)
{
    return y ^ (x | ~z);
}

static void md5_block(uint32_t state[4], const unsigned char *block)
{
    uint32_t a = state[0];
    uint32_t b = state[1];
    uint32_t c = state[2];
    uint32_t d = state[3];
    uint32_t x[16];

    for (size_t i = 0; i < 16; i++) {
        x[i] = ring_load_le32(block + 4 * i);
    }
    for (size_t i = 0; i < 16; i += 4) {
        a = md5_step(a, b, mix_f(b, c, d), x[i] + sines[i], 7);
        d = md5_step(d, a, mix_f(a, b, c), x[i + 1] + sines[i + 1], 12);
        c = md5_step(c, d, mix_f(d, a, b), x[i + 2] + sines[i + 2], 17);
        b = md5_step(b, c, mix_f(c, d, a), x[i + 3] + sines[i + 3], 22);
    }
    for (size_t i = 16; i < 32; i += 4) { /* G(x, y, z) of the RFC is F(z, x, y) */
        a = md5_step(a, b, mix_f(d, b, c), x[(5 * i + 1) % 16] + sines[i], 5);
        d = md5_step(d, a, mix_f(c, a, b), x[(5 * i + 6) % 16] + sines[i + 1], 9);
        c = md5_step(c, d, mix_f(b, d, a), x[(5 * i + 11) % 16] + sines[i + 2], 14);
        b = md5_step(b, c, mix_f(a, c, d), x[(5 * i) % 16] + sines[i + 3], 20);
    }
    for (size_t i = 32; i < 48; i += 4) {
        a = md5_step(a, b, mix_h(b, c, d), x[(3 * i + 5) % 16] + sines[i], 4);
        d = md5_step(d, a, mix_h(a, b, c), x[(3 * i + 8) % 16] + sines[i + 1], 11);
        c = md5_step(c, d, mix_h(d, a, b), x[(3 * i + 11) % 16] + sines[i + 2], 16);
        b = md5_step(b, c, mix_h(c, d, a), x[(3 * i + 14) % 16] + sines[i + 3], 23);
    }
    for (size_t i = 48; i < 64; i += 4) {
        a = md5_step(a, b, mix_i(b, c, d), x[(7 * i) % 16] + sines[i], 6);
        d = md5_step(d, a, mix_i(a, b, c), x[(7 * i + 7) % 16] + sines[i + 1], 10);
        c = md5_step(c, d, mix_i(d, a, b), x[(7 * i + 14) % 16] + sines[i + 2], 15);
        b = md5_step(b, c, mix_i(c, d, a), x[(7 * i + 5) % 16] + sines[i + 3], 21);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

void ring_md5(const void *data, size_t len, uint32_t digest[4])
{
    const unsigned char *p = data;
    size_t rest = len % BLOCK_BYTES;
    size_t tail_bytes = rest < BLOCK_BYTES - LENGTH_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    unsigned char tail[2 * BLOCK_BYTES] = {0};
    uint64_t n_bits = (uint64_t)len * 8;

    digest[0] = 0x67452301u;
    digest[1] = 0xefcdab89u;
    digest[2] = 0x98badcfeu;
    digest[3] = 0x10325476u;
    for (size_t done = 0; done < len - rest; done += BLOCK_BYTES) {
        md5_block(digest, p + done);
    }
    if (rest > 0) {
        memcpy(tail, p + (len - rest), rest);
    }
    tail[rest] = 0x80;
    for (size_t i = 0; i < LENGTH_BYTES; i++) {
        tail[tail_bytes - LENGTH_BYTES + i] = (unsigned char)(n_bits >> (8 * i));
    }
    for (size_t done = 0; done < tail_bytes; done += BLOCK_BYTES) {
        md5_block(digest, tail + done);
    }
}

uint64_t ring_hash_md5(const unsigned char *key, size_t len)
{
    uint32_t digest[4];

    ring_md5(key, len, digest);
    return digest[0];
}
