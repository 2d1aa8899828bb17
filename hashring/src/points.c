#include "points.h"

#define RADIX_BITS 8u
#define RADIX      (1u << RADIX_BITS)
#define HALF_BITS  32u

char *ring_point_suffix(char *end, char mark, uint32_t i)
{
    char digits[RING_POINT_SUFFIX_BYTES];
    size_t n_digits = 0;

    do {
        digits[n_digits++] = (char)('0' + i % 10);
        i /= 10;
    } while (i > 0);
    *end++ = mark;
    while (n_digits > 0) {
        *end++ = digits[--n_digits];
    }
    return end;
}

/* The digit at [shift] of all 64 bits. */
static size_t digit_of(const struct ring_point *point, unsigned shift)
{
    uint64_t bits = (uint64_t)point->value << HALF_BITS | point->low;

    return (bits >> shift) % RADIX;
}

static void sort_pass(const struct ring_point *from, struct ring_point *to, size_t n,
                      unsigned shift)
{
    size_t next[RADIX] = {0};
    size_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        next[digit_of(&from[i], shift)]++;
    }
    for (size_t digit = 0; digit < RADIX; digit++) {
        size_t count = next[digit];

        next[digit] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++) {
        to[next[digit_of(&from[i], shift)]++] = from[i];
    }
}

/* Least significant digit first: an even number of stable passes ends where it began. */
void ring_points_sort(struct ring_point *points, struct ring_point *scratch, size_t n, bool wide)
{
    for (unsigned shift = wide ? 0 : HALF_BITS; shift < 2 * HALF_BITS; shift += 2 * RADIX_BITS) {
        sort_pass(points, scratch, n, shift);
        sort_pass(scratch, points, n, shift + RADIX_BITS);
    }
}

size_t ring_points_unique(struct ring_point *points, size_t n)
{
    size_t n_kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (n_kept == 0 || points[n_kept - 1].value != points[i].value) {
            points[n_kept++] = points[i];
        }
    }
    return n_kept;
}
