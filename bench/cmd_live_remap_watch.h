/*
 * The hit rate from second to second around a change, and what it comes to. Counts in, figures and
 * lines of text out: no clock, no I/O.
 */
#ifndef RINGWAY_BENCH_CMD_LIVE_REMAP_WATCH_H
#define RINGWAY_BENCH_CMD_LIVE_REMAP_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd_load_totals.h"

enum {
    REMAP_BAR_CHARS = 40,
    REMAP_LINE_BYTES = 120,
};

struct remap_second {
    uint64_t n_hits, n_misses, n_errors;
    bool changing; /* within it the change was begun or under way */
};

struct remap_watch {
    struct remap_second *seconds; /* owned */
    size_t n, max;
    struct load_live_sum before; /* as the last second ended */
    size_t change_at;            /* the second in which the change was begun; SIZE_MAX: not yet */
    double baseline;             /* hit rate until then, 0..1 */
};

struct remap_result {
    double baseline, lowest; /* hit rates; lowest is that of a second with answers */
    size_t below_from;       /* first and last second below the baseline less 0.01, */
    size_t below_to;         /* counted from 0; SIZE_MAX: there was none */
    size_t n_silent;         /* seconds without any answer since the change */
    bool recovered;          /* it is back for as long as was asked for */
};

void remap_watch_init(struct remap_watch *watch);
void remap_watch_deinit(struct remap_watch *watch);

/** A second has ended with these counts in all; [changing]: the change is under way. */
void remap_watch_add(struct remap_watch *watch, const struct load_live_sum *now, bool changing);

/** The change begins now; what was before is the baseline. */
void remap_watch_change(struct remap_watch *watch);

/** Hits of a second by its keys, 0..1; -1 without answers. */
double remap_second_rate(const struct remap_second *second);

/** What it comes to: recovered if the last [n_steady] seconds were, and the change was not. */
struct remap_result remap_watch_result(const struct remap_watch *watch, size_t n_steady);

/** Second [i] as a line of an aligned chart, without line end, into [out] of REMAP_LINE_BYTES. */
void remap_watch_line(const struct remap_watch *watch, size_t i, char *out);

/** The line above these lines. */
void remap_watch_head(char *out);

#endif
