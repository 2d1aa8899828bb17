/*
 * The logarithm behind weights, in fixed point. A score is 2^-e times a number from 1/2 to 1, which
 * lies in one of 32 bins; below the upper end of its bin it is so little that five terms of
 * -ln(1 - v) = v + v^2/2 + v^3/3 + ... suffice. Every step is rounded down, so that the end of a bin
 * is never beyond the beginning of the next.
 */
#include "score.h"

#define TOP_BIT   (UINT64_C(1) << 63)
#define BIN_SHIFT 58u /* bins are 2^-6 wide */
#define N_BINS    32u

static const uint64_t ln_2 = UINT64_C(0x2c5c85fdf473de6);

/* -ln of the upper end of each bin, (33 + bin) / 64. */
static const uint64_t bin_neg_ln[N_BINS] = {
    UINT64_C(0x02a645c4d0cf0ae6), UINT64_C(0x0287b3fe5f247899), UINT64_C(0x026a0515b3b190b8),
    UINT64_C(0x024d2c42269b724f), UINT64_C(0x02311dc81e4794cc), UINT64_C(0x0215cedc5a0a9f48),
    UINT64_C(0x01fb358af7a48842), UINT64_C(0x01e148a1a2726cd9), UINT64_C(0x01c7ff9c74554c92),
    UINT64_C(0x01af5295248cdd06), UINT64_C(0x01973a3431356adc), UINT64_C(0x017fafa3bd8151be),
    UINT64_C(0x0168ac83e9c6a141), UINT64_C(0x01522ae0738a3d7c), UINT64_C(0x013c25277333183b),
    UINT64_C(0x01269621134db927), UINT64_C(0x011178e8227e47bd), UINT64_C(0x00fcc8e3659d9bcb),
    UINT64_C(0x00e881bf932af3da), UINT64_C(0x00d49f69e456cf1b), UINT64_C(0x00c11e0b2a8d1e0d),
    UINT64_C(0x00adfa035aa1ed8f), UINT64_C(0x009b2fe580ac80b1), UINT64_C(0x0088bc74113f23de),
    UINT64_C(0x00769c9d8e111a89), UINT64_C(0x0064cd7975652622), UINT64_C(0x00534c457481fab1),
    UINT64_C(0x00421662d678e81a), UINT64_C(0x00312954293f6686), UINT64_C(0x002082bb13ce8888),
    UINT64_C(0x0010205658935847), UINT64_C(0x0000000000000000),
};

uint64_t ring_neg_ln(uint64_t score)
{
    uint64_t octaves = 0;

    if (score == 0) {
        return UINT64_MAX;
    }
    while ((score & TOP_BIT) == 0) {
        score <<= 1;
        octaves++;
    }
    uint64_t bin = (score >> BIN_SHIFT) - N_BINS;
    uint64_t below = ((bin + N_BINS + 1) << BIN_SHIFT) - score; /* 2^64 wraps to 0 in the last */
    uint64_t v = (below << 5) / (bin + N_BINS + 1);             /* below / end, in 2^-63 */
    uint64_t top = v >> 31; /* the same in 2^-32; powers are in 2^-64 */
    uint64_t square = top * top;
    uint64_t third = (square >> 32) * top;
    uint64_t fourth = (square >> 32) * (square >> 32);
    uint64_t fifth = (fourth >> 32) * top;
    uint64_t sum = v + ((square / 2 + third / 3 + fourth / 4 + fifth / 5) >> 1);

    return octaves * ln_2 + bin_neg_ln[bin] + (sum >> 5);
}
