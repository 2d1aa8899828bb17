/*
 * What a subcommand has to say: settings (the seed above all), tables, notes, charts. Written as
 * text, --json or --csv to standard output, the charts with --svg to a file.
 */
#ifndef RINGWAY_BENCH_REPORT_H
#define RINGWAY_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "chart.h"
#include "options.h"
#include "table.h"

struct report_options {
    bool json, csv;
    bool progress;   /* for progress_start() */
    const char *svg; /* file; NULL: none */
};

/* For the table of options; [o_] is a struct report_options *. */
#define REPORT_OPTIONS(o_)                                                                         \
    OPTIONS_FLAG("json", "write JSON", &(o_)->json),                                               \
        OPTIONS_FLAG("csv", "write CSV: a header and rows; tables are separated by an empty line", \
                     &(o_)->csv),                                                                  \
        OPTIONS_TEXT("svg", "FILE", "also draw it, as SVG", &(o_)->svg),                           \
        OPTIONS_FLAG("progress", "report progress even where standard error is no terminal",       \
                     &(o_)->progress)

struct report;

/** An empty report of the subcommand [command]. Both are borrowed. Dies when out of memory. */
struct report *report_create(const char *command, const struct report_options *options);
void report_destroy(struct report **report);

/** What was set, or drawn: in text one line, in JSON the object "settings". [key] as in JSON. */
void report_setting(struct report *report, const char *key, double value);
void report_setting_text(struct report *report, const char *key, const char *text);

/** A new table or chart that belongs to the report; the arguments are those of table.h, chart.h. */
struct table *report_table(struct report *report, const char *name, const char *title,
                           const struct table_column *columns, size_t n_columns);
struct chart *report_chart(struct report *report, enum chart_kind kind, const char *title,
                           const char *x_label, const char *y_label);

/** A line of explanation below the tables; in JSON in the array "notes", not in CSV. */
void report_note(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Write it all.
 *
 * Returns COMMAND_OK, or COMMAND_FAILED when standard output or the SVG file cannot be written,
 * which has been said on standard error.
 */
int report_write(struct report *report);

#endif
