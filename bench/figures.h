/*
 * What one run of a load generator found, and how it is printed: the same JSON object for every
 * protocol, so that what reads it need not know which one it was.
 */
#ifndef RINGWAY_BENCH_FIGURES_H
#define RINGWAY_BENCH_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "hist.h"
#include "watch.h"

struct figures {
    uint64_t requests; /* answered, right or wrong */
    uint64_t errors;   /* error answers, broken ones, requests of lost connections; warm-up too */
    uint64_t misses;   /* keys that were not found */
    uint64_t lost;     /* connections */
    uint64_t ns;       /* measured time */
    bool stalled;
    char first_error[160];
    struct hist latency;
    struct watch_result watched;
};

/** Keep "what: text" if it is the first error of the run; does not count it. */
void figures_note_error(struct figures *figures, const char *what, const char *text);

/** Add the figures of a thread to those of another; [to] keeps what its thread watched. */
void figures_merge(struct figures *to, const struct figures *from);

/** Print one line of JSON to standard output. */
void figures_print(const struct figures *figures, const struct watch *watch);

#endif
