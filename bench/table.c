#include "table.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

enum { CELL_BYTES = 64, COLUMN_GAP = 2 };

struct cell {
    char *text; /* owned; NULL for a number or none */
    double number;
    bool is_number;
};

struct table {
    const char *name;
    const char *title;
    const struct table_column *columns;
    size_t n_columns;
    struct cell *cells; /* n_rows * n_columns */
    size_t n_rows, max_rows;
    size_t at; /* next column of the last row */
};

struct table *table_create(const char *name, const char *title, const struct table_column *columns,
                           size_t n_columns)
{
    struct table *table = util_alloc(1, sizeof(*table));

    *table =
        (struct table){.name = name, .title = title, .columns = columns, .n_columns = n_columns};
    return table;
}

void table_destroy(struct table **table)
{
    struct table *old = *table;

    if (old == NULL) {
        return;
    }
    for (size_t i = 0; i < old->n_rows * old->n_columns; i++) {
        free(old->cells[i].text);
    }
    free(old->cells);
    free(old);
    *table = NULL;
}

void table_row(struct table *table)
{
    if (table->n_rows == table->max_rows) {
        size_t n_old = table->n_rows * table->n_columns;
        struct cell *cells;

        table->max_rows = table->max_rows * 2 + 8;
        cells = util_alloc(table->max_rows * table->n_columns, sizeof(*cells));
        if (n_old > 0) {
            memcpy(cells, table->cells, n_old * sizeof(*cells));
        }
        free(table->cells);
        table->cells = cells;
    }
    table->n_rows++;
    table->at = 0;
}

/* The next cell, or NULL beyond the last column. */
static struct cell *next_cell(struct table *table)
{
    if (table->n_rows == 0 || table->at == table->n_columns) {
        return NULL;
    }
    return &table->cells[(table->n_rows - 1) * table->n_columns + table->at++];
}

void table_text(struct table *table, const char *text)
{
    struct cell *cell = next_cell(table);
    size_t size = strlen(text) + 1;

    if (cell != NULL) {
        cell->text = util_alloc(1, size);
        memcpy(cell->text, text, size);
    }
}

void table_number(struct table *table, double value)
{
    struct cell *cell = next_cell(table);

    if (cell != NULL && isfinite(value)) {
        cell->is_number = true;
        cell->number = value;
    }
}

void table_none(struct table *table)
{
    (void)next_cell(table);
}

size_t table_n_rows(const struct table *table)
{
    return table->n_rows;
}

const char *table_name(const struct table *table)
{
    return table->name;
}

static const struct cell *cell_at(const struct table *table, size_t row, size_t column)
{
    return &table->cells[row * table->n_columns + column];
}

/* Characters on a terminal: UTF-8 bytes that do not continue one. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0u) != 0x80u;
    }
    return width;
}

/* Thousands are set apart: 10,000,000 is read at a glance. */
static void format_number(double value, int decimals, char *out)
{
    char plain[CELL_BYTES];
    const char *digits = plain;
    size_t whole;

    snprintf(plain, sizeof(plain), "%.*f", decimals, value);
    if (strlen(plain) > CELL_BYTES / 2) {
        snprintf(out, CELL_BYTES, "%g", value);
        return;
    }
    if (*digits == '-') {
        *out++ = *digits++;
    }
    whole = strcspn(digits, ".");
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0) {
            *out++ = ',';
        }
        *out++ = digits[i];
    }
    memcpy(out, digits + whole, strlen(digits + whole) + 1);
}

/* [scratch] CELL_BYTES. */
static const char *cell_text(const struct table *table, size_t row, size_t column, char *scratch)
{
    const struct cell *cell = cell_at(table, row, column);

    if (cell->text != NULL) {
        return cell->text;
    }
    if (!cell->is_number) {
        return table->columns[column].kind == TABLE_NUMBER ? "–" : "";
    }
    format_number(cell->number, table->columns[column].decimals, scratch);
    return scratch;
}

static size_t column_width(const struct table *table, size_t column)
{
    char scratch[CELL_BYTES];
    size_t width = width_of(table->columns[column].title);
    size_t unit = width_of(table->columns[column].unit);

    width = unit > width ? unit : width;
    for (size_t row = 0; row < table->n_rows; row++) {
        size_t cell = width_of(cell_text(table, row, column, scratch));

        width = cell > width ? cell : width;
    }
    return width;
}

/* Remarks that no row has take no room. */
static bool is_shown(const struct table *table, size_t column)
{
    for (size_t row = 0; row < table->n_rows; row++) {
        if (cell_at(table, row, column)->text != NULL) {
            return true;
        }
    }
    return table->columns[column].kind == TABLE_NUMBER;
}

/* A line of text; spaces are written only when something follows. */
struct line {
    FILE *out;
    size_t n_spaces;
};

static void put_cell(struct line *line, enum table_kind kind, const char *text, size_t width)
{
    size_t pad = width - width_of(text);

    line->n_spaces += kind == TABLE_NUMBER ? pad : 0;
    if (text[0] != '\0') {
        fprintf(line->out, "%*s%s", (int)line->n_spaces, "", text);
        line->n_spaces = 0;
    }
    line->n_spaces += (kind == TABLE_NUMBER ? 0 : pad) + COLUMN_GAP;
}

static void end_line(struct line *line)
{
    fputc('\n', line->out);
    line->n_spaces = 0;
}

static void write_heads(const struct table *table, const size_t *widths, FILE *out)
{
    struct line line = {out, 0};
    bool has_units = false;

    for (size_t i = 0; i < table->n_columns; i++) {
        has_units = has_units || table->columns[i].unit[0] != '\0';
        if (widths[i] > 0) {
            put_cell(&line, table->columns[i].kind, table->columns[i].title, widths[i]);
        }
    }
    end_line(&line);
    for (size_t i = 0; has_units && i < table->n_columns; i++) {
        if (widths[i] > 0) {
            put_cell(&line, table->columns[i].kind, table->columns[i].unit, widths[i]);
        }
    }
    if (has_units) {
        end_line(&line);
    }
}

void table_write_text(const struct table *table, FILE *out)
{
    size_t *widths = util_alloc(table->n_columns, sizeof(*widths));
    struct line line = {out, 0};
    char scratch[CELL_BYTES];

    for (size_t i = 0; i < table->n_columns; i++) {
        widths[i] = is_shown(table, i) ? column_width(table, i) : 0;
    }
    if (table->title != NULL) {
        fprintf(out, "%s\n", table->title);
    }
    write_heads(table, widths, out);
    for (size_t row = 0; row < table->n_rows; row++) {
        for (size_t i = 0; i < table->n_columns; i++) {
            if (widths[i] > 0) {
                put_cell(&line, table->columns[i].kind, cell_text(table, row, i, scratch),
                         widths[i]);
            }
        }
        end_line(&line);
    }
    free(widths);
}

static void write_csv_text(const char *text, FILE *out)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        fputs(*text == '"' ? "\"" : "", out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void table_write_csv(const struct table *table, FILE *out)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", table->columns[i].key);
    }
    fputc('\n', out);
    for (size_t row = 0; row < table->n_rows; row++) {
        for (size_t i = 0; i < table->n_columns; i++) {
            const struct cell *cell = cell_at(table, row, i);

            fputs(i > 0 ? "," : "", out);
            if (cell->text != NULL) {
                write_csv_text(cell->text, out);
            } else if (cell->is_number) {
                table_write_json_number(cell->number, out);
            }
        }
        fputc('\n', out);
    }
}

/* Length of the UTF-8 character at [text], 0 if it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *text)
{
    size_t n = text[0] < 0x80    ? 1
               : text[0] < 0xc2  ? 0
               : text[0] < 0xe0  ? 2
               : text[0] < 0xf0  ? 3
               : text[0] <= 0xf4 ? 4
                                 : 0;

    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0u) != 0x80u) {
            return 0;
        }
    }
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f)) {
        return 0;
    }
    return n;
}

void table_write_json_string(const char *text, FILE *out)
{
    const unsigned char *at = (const unsigned char *)text;

    fputc('"', out);
    while (*at != '\0') {
        size_t n = utf8_length(at);

        if (n == 0) {
            fputs("\\ufffd", out);
            n = 1;
        } else if (*at == '"' || *at == '\\') {
            fprintf(out, "\\%c", *at);
        } else if (*at < 0x20) {
            fprintf(out, "\\u%04x", *at);
        } else {
            fwrite(at, 1, n, out);
        }
        at += n;
    }
    fputc('"', out);
}

void table_write_json_number(double value, FILE *out)
{
    char text[CELL_BYTES];

    if (!isfinite(value)) {
        fputs("null", out);
        return;
    }
    snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) < value || strtod(text, NULL) > value) {
        snprintf(text, sizeof(text), "%.17g", value);
    }
    fputs(text, out);
}

void table_write_json(const struct table *table, FILE *out)
{
    fputc('[', out);
    for (size_t row = 0; row < table->n_rows; row++) {
        fputs(row > 0 ? ",\n    {" : "\n    {", out);
        for (size_t i = 0; i < table->n_columns; i++) {
            const struct cell *cell = cell_at(table, row, i);

            fputs(i > 0 ? ", " : "", out);
            table_write_json_string(table->columns[i].key, out);
            fputs(": ", out);
            if (cell->text != NULL) {
                table_write_json_string(cell->text, out);
            } else if (cell->is_number) {
                table_write_json_number(cell->number, out);
            } else {
                fputs("null", out);
            }
        }
        fputc('}', out);
    }
    fputs(table->n_rows > 0 ? "\n  ]" : "]", out);
}
