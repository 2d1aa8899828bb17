#include "spread.h"

#include <math.h>

#define CONFIDENCE 0.95

static double sum(const uint64_t *loads, size_t n)
{
    double total = 0;

    for (size_t i = 0; i < n; i++) {
        total += (double)loads[i];
    }
    return total;
}

void spread_measure(struct spread *spread, const uint64_t *loads, const struct shard_set *set)
{
    double per_weight, squares = 0;

    *spread = (struct spread){.total = sum(loads, set->n)};
    if (!(spread->total > 0)) {
        return;
    }
    per_weight = spread->total / shard_set_total_weight(set);
    spread->min_by_mean = INFINITY;
    for (size_t i = 0; i < set->n; i++) {
        double ratio = (double)loads[i] / (per_weight * set->shards[i].weight);

        squares += (ratio - 1) * (ratio - 1);
        spread->min_by_mean = fmin(spread->min_by_mean, ratio);
        if (ratio > spread->max_by_mean) {
            spread->max_by_mean = ratio;
            spread->busiest = i;
        }
    }
    spread->sd = sqrt(squares / (double)set->n);
}

/* Acklam's rational approximation, then one step of Halley's method. */
static double normal_tail(double p)
{
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                               -2.400758277161838e+00, -2.549732539343734e+00,
                               4.374664141464968e+00,  2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                               3.754408661907416e+00};
    double q = sqrt(-2 * log(p));

    return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
           ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
}

static double normal_middle(double p)
{
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                               -2.759285104469687e+02, 1.383577518672690e+02,
                               -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                               -1.556989798598866e+02, 6.680131188771972e+01,
                               -1.328068155288572e+01};
    double q = p - 0.5, r = q * q;

    return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
           (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

double estimate_normal(double p)
{
    const double low = 0.02425;
    double x = p < low ? normal_tail(p) : p > 1 - low ? -normal_tail(1 - p) : normal_middle(p);
    double error = 0.5 * erfc(-x / sqrt(2)) - p;
    double u = error * sqrt(2 * M_PI) * exp(x * x / 2);

    return x - u / (1 + x * u / 2);
}

static struct estimate wilson(double hits, double n, double z)
{
    double p = hits / n, z2 = z * z / n;
    double middle = (p + z2 / 2) / (1 + z2);
    double half = sqrt(p * (1 - p) * z2 + z2 * z2 / 4) / (1 + z2);

    return (struct estimate){p, fmax(0, middle - half), fmin(1, middle + half)};
}

struct estimate estimate_part(uint64_t hits, uint64_t n)
{
    if (n == 0) {
        return (struct estimate){0, 0, 1};
    }
    return wilson((double)hits, (double)n, estimate_normal(1 - (1 - CONFIDENCE) / 2));
}

struct estimate estimate_max_by_mean(const uint64_t *loads, const struct shard_set *set)
{
    double total = sum(loads, set->n), weight = shard_set_total_weight(set);
    double z = estimate_normal(1 - (1 - CONFIDENCE) / 2 / (double)set->n);
    struct estimate max = {0};

    for (size_t i = 0; i < set->n && total > 0; i++) {
        double expected = set->shards[i].weight / weight;
        struct estimate part = wilson((double)loads[i], total, z);

        max.value = fmax(max.value, part.value / expected);
        max.low = fmax(max.low, part.low / expected);
        max.high = fmax(max.high, part.high / expected);
    }
    return max;
}

double estimate_sd(const uint64_t *loads, const struct shard_set *set)
{
    double weight = shard_set_total_weight(set), noise = 0;
    struct spread spread;

    spread_measure(&spread, loads, set);
    for (size_t i = 0; i < set->n && spread.total > 0; i++) {
        double expected = set->shards[i].weight / weight;

        noise += (1 - expected) / (expected * spread.total);
    }
    return sqrt(fmax(0, spread.sd * spread.sd - noise / (double)set->n));
}
