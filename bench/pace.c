#include "pace.h"

#include <string.h>

#include "util.h"

static void begin(struct pace *pace)
{
    struct figures *figures = pace->figures;

    figures->requests = 0;
    figures->misses = 0;
    hist_reset(&figures->latency);
    if (pace->options->watch != NULL) {
        watch_start(pace->options->watch);
    }
    pace->now_ns = util_now_ns();
    pace->progress_ns = pace->now_ns;
    pace->start_ns = pace->now_ns;
    pace->n_issued = pace->n_in_flight;
    pace->phase = PACE_MEASURE;
}

static void end(struct pace *pace)
{
    if (pace->phase == PACE_MEASURE) {
        pace->figures->ns = util_now_ns() - pace->start_ns;
        if (pace->options->watch != NULL) {
            watch_stop(pace->options->watch, &pace->figures->watched);
        }
    }
    pace->phase = PACE_OVER;
}

static bool is_complete(const struct pace *pace)
{
    const struct pace_options *options = pace->options;

    if (pace->phase != PACE_MEASURE) {
        return false;
    }
    if (options->n_requests > 0) {
        return pace->figures->requests >= options->n_requests;
    }
    return pace->now_ns - pace->start_ns >= options->duration_ns;
}

void pace_start(struct pace *pace, const struct pace_options *options, struct figures *figures)
{
    memset(figures, 0, sizeof(*figures));
    memset(pace, 0, sizeof(*pace));
    pace->options = options;
    pace->figures = figures;
    pace->now_ns = util_now_ns();
    pace->start_ns = pace->now_ns;
    pace->progress_ns = pace->now_ns;
    if (options->warmup_ns == 0) {
        begin(pace);
    }
}

uint64_t pace_allowance(const struct pace *pace)
{
    if (pace->phase == PACE_OVER) {
        return 0;
    }
    if (pace->options->n_requests == 0 || pace->phase == PACE_WARMUP) {
        return UINT64_MAX;
    }
    return pace->options->n_requests > pace->n_issued ? pace->options->n_requests - pace->n_issued
                                                      : 0;
}

void pace_sent(struct pace *pace, uint64_t n)
{
    pace->n_issued += n;
    pace->n_in_flight += n;
}

void pace_answered(struct pace *pace, uint64_t sent_ns)
{
    pace->progress_ns = pace->now_ns;
    pace->n_in_flight--;
    pace->figures->requests++;
    hist_add(&pace->figures->latency, pace->now_ns - sent_ns);
}

void pace_check(struct pace *pace, uint32_t n_alive)
{
    struct figures *figures = pace->figures;

    pace->now_ns = util_now_ns();
    if (pace->phase == PACE_WARMUP && pace->now_ns - pace->start_ns >= pace->options->warmup_ns) {
        begin(pace);
    }
    if (is_complete(pace) || (n_alive == 0 && !pace->options->holds)) {
        end(pace);
    } else if (!pace->options->holds &&
               pace->now_ns - pace->progress_ns > pace->options->stall_ns) {
        figures->stalled = true;
        figures->errors += pace->n_in_flight > 0 ? pace->n_in_flight : 1;
        figures_note_error(figures, "stalled", "no reply in time");
        end(pace);
    }
}
