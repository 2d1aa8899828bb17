/*
 * What a run of a load has counted: of one thread, and added up.
 */
#ifndef RINGWAY_BENCH_CMD_LOAD_TOTALS_H
#define RINGWAY_BENCH_CMD_LOAD_TOTALS_H

#include <stdatomic.h>
#include <stdint.h>

#include "cmd_load_protocol.h"
#include "hist.h"

enum { LOAD_MAX_ERROR_TEXTS = 12 };

/* An error with its text, and how often it came. */
struct load_error_text {
    enum load_error error;
    uint64_t n;
    char text[LOAD_MAX_ERROR_TEXT];
};

struct load_totals {
    uint64_t n_gets, n_sets; /* answered, right or wrong, within the measurement */
    uint64_t n_keys;         /* asked for by these gets */
    uint64_t n_hits, n_misses;
    uint64_t sent_bytes, received_bytes;
    uint64_t errors[LOAD_N_ERRORS]; /* of the whole run, the warm-up included */
    struct load_error_text texts[LOAD_MAX_ERROR_TEXTS];
    uint32_t n_texts;
    uint64_t first_ns, last_ns; /* begin of the measurement, its end or the last answer */
    struct hist latency;
    struct hist get_latency;
    struct hist set_latency;
};

/* What can be looked at while a thread runs: written by it alone. */
struct load_live {
    _Atomic uint64_t n_requests; /* answered, right or wrong */
    _Atomic uint64_t n_right;
    _Atomic uint64_t n_hits, n_misses;
    _Atomic uint64_t n_errors;
    _Atomic uint64_t n_protocol_errors;
};

struct load_live_sum {
    uint64_t n_requests, n_right, n_hits, n_misses, n_errors, n_protocol_errors;
};

/** Count [n] errors, and keep [text] if it is new and there is room. */
void load_totals_error(struct load_totals *totals, struct load_live *live, enum load_error error,
                       const char *text, uint64_t n);

/** Forget what was counted, but for the errors. The measurement begins at [now_ns]. */
void load_totals_begin(struct load_totals *totals, uint64_t now_ns);

/** Count the answer that [parser] has to [request], which took [ns]. */
void load_totals_answer(struct load_totals *totals, const struct load_request *request,
                        const struct load_parser *parser, uint64_t ns);

/** The same for those who look at it while it runs. */
void load_live_answer(struct load_live *live, const struct load_request *request,
                      const struct load_parser *parser);

/** Add [from] to [to]. */
void load_totals_merge(struct load_totals *to, const struct load_totals *from);

/** Add what [live] has counted so far to [to]. */
void load_live_add(struct load_live_sum *to, const struct load_live *live);

uint64_t load_totals_n_errors(const struct load_totals *totals);

/** Hits by keys, 0..1; 0 when nothing was asked for. */
double load_totals_hit_rate(const struct load_totals *totals);

/** Length of the measurement in seconds, never 0. */
double load_totals_seconds(const struct load_totals *totals);

#endif
