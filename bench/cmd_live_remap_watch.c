#include "cmd_live_remap_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Back means: within one hundredth of what it was. */
static const double TOLERANCE = 0.01;

void remap_watch_init(struct remap_watch *watch)
{
    *watch = (struct remap_watch){.change_at = SIZE_MAX};
}

void remap_watch_deinit(struct remap_watch *watch)
{
    free(watch->seconds);
    watch->seconds = NULL;
}

void remap_watch_add(struct remap_watch *watch, const struct load_live_sum *now, bool changing)
{
    if (watch->n == watch->max) {
        size_t max = watch->max > 0 ? watch->max * 2 : 64;
        struct remap_second *more = util_alloc(max, sizeof(*more));

        if (watch->n > 0) {
            memcpy(more, watch->seconds, watch->n * sizeof(*more));
        }
        free(watch->seconds);
        watch->seconds = more;
        watch->max = max;
    }
    watch->seconds[watch->n++] =
        (struct remap_second){.n_hits = now->n_hits - watch->before.n_hits,
                              .n_misses = now->n_misses - watch->before.n_misses,
                              .n_errors = now->n_errors - watch->before.n_errors,
                              .changing = changing};
    watch->before = *now;
}

void remap_watch_change(struct remap_watch *watch)
{
    struct remap_second sum = {0};

    for (size_t i = 0; i < watch->n; i++) {
        sum.n_hits += watch->seconds[i].n_hits;
        sum.n_misses += watch->seconds[i].n_misses;
    }
    watch->baseline = sum.n_hits > 0 ? remap_second_rate(&sum) : 0;
    watch->change_at = watch->n;
}

double remap_second_rate(const struct remap_second *second)
{
    uint64_t n = second->n_hits + second->n_misses;

    return n > 0 ? (double)second->n_hits / (double)n : -1;
}

struct remap_result remap_watch_result(const struct remap_watch *watch, size_t n_steady)
{
    struct remap_result result = {.baseline = watch->baseline,
                                  .lowest = watch->baseline,
                                  .below_from = SIZE_MAX,
                                  .below_to = SIZE_MAX};
    size_t n_good = 0;

    for (size_t i = watch->change_at; i < watch->n; i++) {
        double rate = remap_second_rate(&watch->seconds[i]);

        result.n_silent += rate < 0;
        if (rate >= 0 && rate < result.lowest) {
            result.lowest = rate;
        }
        if (rate < watch->baseline - TOLERANCE) {
            result.below_from = result.below_from == SIZE_MAX ? i : result.below_from;
            result.below_to = i;
            n_good = 0;
        } else {
            n_good = watch->seconds[i].changing ? 0 : n_good + 1;
        }
    }
    result.recovered = n_good >= n_steady && watch->change_at != SIZE_MAX;
    return result;
}

void remap_watch_head(char *out)
{
    snprintf(out, REMAP_LINE_BYTES, "%6s  %9s   %-*s  %9s  %7s", "second", "hit rate",
             REMAP_BAR_CHARS, "0 %", "misses", "errors");
    /* The bar's scale ends above its end. */
    memcpy(out + 20 + REMAP_BAR_CHARS - 5, "100 %", 5);
}

void remap_watch_line(const struct remap_watch *watch, size_t i, char *out)
{
    const struct remap_second *second = &watch->seconds[i];
    double rate = remap_second_rate(second);
    char bar[REMAP_BAR_CHARS + 1];
    char percent[16];
    int n_marks = rate > 0 ? (int)(rate * REMAP_BAR_CHARS + 0.5) : 0;

    memset(bar, ' ', sizeof(bar) - 1);
    memset(bar, '#', (size_t)n_marks);
    bar[sizeof(bar) - 1] = '\0';
    if (rate < 0) {
        snprintf(percent, sizeof(percent), "no answer");
    } else {
        snprintf(percent, sizeof(percent), "%7.2f %%", 100 * rate);
    }
    snprintf(out, REMAP_LINE_BYTES, "%6zu  %9s  |%s| %9llu  %7llu%s", i + 1, percent, bar,
             (unsigned long long)second->n_misses, (unsigned long long)second->n_errors,
             second->changing ? "  change" : "");
}
