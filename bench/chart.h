/*
 * Charts as SVG, written by hand: bars and lines with axes, labels and a legend, readable on light
 * and dark ground (prefers-color-scheme). No scripts, no fonts, nothing loaded.
 */
#ifndef RINGWAY_BENCH_CHART_H
#define RINGWAY_BENCH_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum chart_kind {
    CHART_BARS,  /* a group of bars for each category, one bar for each series */
    CHART_LINES, /* points (x, y) joined in the order given */
};

struct chart;

/** An empty chart. Texts are copied, here and below. Dies when out of memory. */
struct chart *chart_create(enum chart_kind kind, const char *title, const char *x_label,
                           const char *y_label);
void chart_destroy(struct chart **chart);

/** Lines: the x axis, or the y axis, by powers of ten. Values of 0 and below are left out there. */
void chart_log_x(struct chart *chart);
void chart_log_y(struct chart *chart);

/** A horizontal line at [y] with a label, such as the optimum or the mean. */
void chart_mark(struct chart *chart, double y, const char *label);

/** Begin a series; the points that follow belong to it. */
void chart_series(struct chart *chart, const char *name);

/** Bars: the next value of the series; its category is that of the same number. */
void chart_bar(struct chart *chart, const char *category, double value);

/** Lines: the next point of the series. What is not finite is a gap. */
void chart_point(struct chart *chart, double x, double y);

/** Write [n] charts, one below the other, as one SVG document. */
void chart_write(struct chart *const *charts, size_t n, FILE *out);

#endif
