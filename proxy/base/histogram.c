#include "base/histogram.h"

/* The smallest duration in [bucket], in microseconds. */
static uint64_t bucket_start(uint32_t bucket)
{
    return bucket == 0 ? 0 : histogram_bucket_end(bucket - 1u);
}

void histogram_add_to(const struct histogram *h, struct histogram_sum *sum)
{
    uint32_t i;

    for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t n = counter_get(&h->counts[i]);

        sum->counts[i] += n;
        sum->count += n;
    }
    sum->sum_us += counter_get(&h->sum_us);
}

uint64_t histogram_quantile(const struct histogram_sum *sum, double q)
{
    double rank = q * (double)sum->count;
    uint64_t seen = 0;
    uint32_t i;

    if (sum->count == 0) {
        return 0;
    }
    for (i = 0; i < HISTOGRAM_BUCKETS - 1u; i++) {
        seen += sum->counts[i];
        if (seen > 0 && (double)seen >= rank) {
            break;
        }
    }
    return histogram_bucket_end(i) - 1u;
}

uint64_t histogram_count_below(const struct histogram_sum *sum, uint64_t us)
{
    uint32_t last = histogram_bucket(us);
    uint64_t below = 0, start, end;
    uint32_t i;

    for (i = 0; i < last; i++) {
        below += sum->counts[i];
    }
    if (last == HISTOGRAM_BUCKETS - 1u) { /* it has no end to divide it by */
        return below;
    }
    start = bucket_start(last);
    end = histogram_bucket_end(last);
    return below + (uint64_t)((double)sum->counts[last] * (double)(us + 1u - start) /
                              (double)(end - start));
}
