#include "hist.h"

#include <string.h>

void hist_reset(struct hist *hist)
{
    memset(hist, 0, sizeof(*hist));
}

/* Below HIST_STEPS the slot is the value; above, the power of two and the 7 bits after it. */
static unsigned slot_of(uint64_t ns)
{
    unsigned shift;

    if (ns < HIST_STEPS) {
        return (unsigned)ns;
    }
    if (ns >> HIST_MAX_BITS) {
        return HIST_SLOTS - 1;
    }
    shift = 63u - (unsigned)__builtin_clzll(ns) - HIST_STEP_BITS;
    return (shift + 1) * HIST_STEPS + (unsigned)((ns >> shift) - HIST_STEPS);
}

/* The middle of what falls into [slot]. */
static uint64_t slot_value(unsigned slot)
{
    unsigned shift = slot / HIST_STEPS;
    uint64_t step = slot % HIST_STEPS;

    if (shift == 0) {
        return step;
    }
    shift--;
    return ((step + HIST_STEPS) << shift) + ((UINT64_C(1) << shift) >> 1);
}

void hist_add(struct hist *hist, uint64_t ns)
{
    hist->n++;
    hist->sum_ns += ns;
    if (ns > hist->max_ns) {
        hist->max_ns = ns;
    }
    hist->slot[slot_of(ns)]++;
}

void hist_merge(struct hist *hist, const struct hist *from)
{
    hist->n += from->n;
    hist->sum_ns += from->sum_ns;
    if (from->max_ns > hist->max_ns) {
        hist->max_ns = from->max_ns;
    }
    for (unsigned i = 0; i < HIST_SLOTS; i++) {
        hist->slot[i] += from->slot[i];
    }
}

uint64_t hist_quantile(const struct hist *hist, double fraction)
{
    uint64_t wanted = (uint64_t)((double)hist->n * fraction + 0.5);
    uint64_t seen = 0;

    for (unsigned i = 0; i < HIST_SLOTS && hist->n > 0; i++) {
        seen += hist->slot[i];
        if (seen >= wanted && seen > 0) {
            uint64_t value = slot_value(i);
            return value < hist->max_ns ? value : hist->max_ns;
        }
    }
    return hist->max_ns;
}
