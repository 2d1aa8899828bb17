/*
 * How far a long measurement is, on standard error: a bar that is redrawn on a terminal, a plain
 * line every two seconds where --progress asks for it elsewhere, otherwise nothing.
 */
#ifndef RINGWAY_BENCH_PROGRESS_H
#define RINGWAY_BENCH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_LINE_BYTES = 160 };

struct progress {
    const char *label; /* borrowed */
    uint64_t total;    /* 0: not known, then neither bar nor end time */
    uint64_t start_ns;
    uint64_t shown_ns;
    bool bar, lines;
};

/** Begin. [forced] is --progress: show it even if standard error is no terminal. */
void progress_start(struct progress *progress, const char *label, uint64_t total, bool forced);

/** [done] of the total are done. Shows it if it is time to; reads the clock, about 25 ns. */
void progress_update(struct progress *progress, uint64_t done);

/** The end: clears the bar, or writes a last line. */
void progress_end(struct progress *progress, uint64_t done);

/**
 * What is shown, as text: "remap [#####     ] 50 % 5.0 M of 10.0 M, 00:03 left".
 *
 * [out] PROGRESS_LINE_BYTES.
 */
void progress_format(const struct progress *progress, uint64_t done, uint64_t now_ns, char *out);

#endif
