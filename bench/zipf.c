#include "zipf.h"

#include <math.h>

/* (exp(x) - 1) / x and log(1 + x) / x, which are smooth through 0. */
static double expm1_by_x(double x)
{
    return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2 * (1 + x / 3 * (1 + x / 4));
}

static double log1p_by_x(double x)
{
    return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x * (0.5 - x * (1.0 / 3 - x / 4));
}

/* The density without its constant, its integral, and the inverse of that. */
static double density(const struct zipf *zipf, double x)
{
    return exp(-zipf->alpha * log(x));
}

static double integral(const struct zipf *zipf, double x)
{
    double log_x = log(x);

    return expm1_by_x((1 - zipf->alpha) * log_x) * log_x;
}

static double integral_inverse(const struct zipf *zipf, double x)
{
    double t = x * (1 - zipf->alpha);

    t = t < -1 ? -1 : t; /* rounding */
    return exp(log1p_by_x(t) * x);
}

void zipf_init(struct zipf *zipf, uint64_t n, double alpha)
{
    *zipf = (struct zipf){.alpha = alpha, .n = (double)n};
    zipf->h_x1 = integral(zipf, 1.5) - 1;
    zipf->h_n = integral(zipf, zipf->n + 0.5);
    zipf->s = 2 - integral_inverse(zipf, integral(zipf, 2.5) - density(zipf, 2));
}

uint64_t zipf_next(const struct zipf *zipf, struct random *random)
{
    for (;;) {
        double u = zipf->h_n + random_unit(random) * (zipf->h_x1 - zipf->h_n);
        double x = integral_inverse(zipf, u);
        double k = floor(x + 0.5);

        k = k < 1 ? 1 : k > zipf->n ? zipf->n : k;
        if (k - x <= zipf->s || u >= integral(zipf, k + 0.5) - density(zipf, k)) {
            return (uint64_t)k - 1;
        }
    }
}
