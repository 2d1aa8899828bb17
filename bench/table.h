/*
 * A table of figures, written as aligned text for people, as JSON or as CSV for programs.
 *
 * Cells are added from left to right; what is not added is "none": a dash in text, null in JSON,
 * empty in CSV. Numbers are kept whole, so JSON and CSV have every digit.
 */
#ifndef RINGWAY_BENCH_TABLE_H
#define RINGWAY_BENCH_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum table_kind {
    TABLE_TEXT,   /* left-aligned */
    TABLE_NUMBER, /* right-aligned, [decimals] in text */
};

struct table_column {
    const char *key;   /* in JSON and CSV: lower case, with the unit: "build_ms" */
    const char *title; /* in text */
    const char *unit;  /* in text, under the title; "" for none */
    enum table_kind kind;
    int decimals;
};

struct table;

/**
 * An empty table. Dies when out of memory, like everything here.
 *
 * [name]    Its key in JSON. Borrowed, like the title.
 * [title]   A line above it in text; NULL for none.
 * [columns] [n_columns] of them, borrowed: static as a rule.
 */
struct table *table_create(const char *name, const char *title, const struct table_column *columns,
                           size_t n_columns);
void table_destroy(struct table **table);

/** Begin a row. */
void table_row(struct table *table);

/** The next cell of the row. A text is copied; a number that is not finite is "none". */
void table_text(struct table *table, const char *text);
void table_number(struct table *table, double value);
void table_none(struct table *table);

size_t table_n_rows(const struct table *table);
const char *table_name(const struct table *table);

/** Write it to [out]: aligned text; the header and rows of CSV (RFC 4180 with \n); a JSON array. */
void table_write_text(const struct table *table, FILE *out);
void table_write_csv(const struct table *table, FILE *out);
void table_write_json(const struct table *table, FILE *out);

/** Write [text] as a JSON string, with quotes; what is not UTF-8 becomes U+FFFD. */
void table_write_json_string(const char *text, FILE *out);

/** Write a number as JSON: as short as it can be without losing a digit; null if not finite. */
void table_write_json_number(double value, FILE *out);

#endif
