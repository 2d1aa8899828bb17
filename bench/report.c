#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "util.h"

enum { MAX_ITEMS = 64, NOTE_BYTES = 512 };

struct setting {
    const char *key;
    char *text; /* NULL for a number */
    double value;
};

struct report {
    const char *command;
    const struct report_options *options;
    struct setting settings[MAX_ITEMS];
    struct table *tables[MAX_ITEMS];
    struct chart *charts[MAX_ITEMS];
    char *notes[MAX_ITEMS];
    size_t n_settings, n_tables, n_charts, n_notes;
};

struct report *report_create(const char *command, const struct report_options *options)
{
    struct report *report = util_alloc(1, sizeof(*report));

    report->command = command;
    report->options = options;
    return report;
}

void report_destroy(struct report **report)
{
    struct report *old = *report;

    if (old == NULL) {
        return;
    }
    for (size_t i = 0; i < MAX_ITEMS; i++) {
        free(old->settings[i].text);
        table_destroy(&old->tables[i]);
        chart_destroy(&old->charts[i]);
        free(old->notes[i]);
    }
    free(old);
    *report = NULL;
}

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(util_alloc(1, size), text, size);
}

/* Our own bug: no subcommand has that many of anything. */
static size_t next_of(size_t *n)
{
    if (*n == MAX_ITEMS) {
        util_die("more than %d parts of a report", MAX_ITEMS);
    }
    return (*n)++;
}

void report_setting(struct report *report, const char *key, double value)
{
    report->settings[next_of(&report->n_settings)] = (struct setting){.key = key, .value = value};
}

void report_setting_text(struct report *report, const char *key, const char *text)
{
    report->settings[next_of(&report->n_settings)] =
        (struct setting){.key = key, .text = copy(text)};
}

struct table *report_table(struct report *report, const char *name, const char *title,
                           const struct table_column *columns, size_t n_columns)
{
    struct table *table = table_create(name, title, columns, n_columns);

    report->tables[next_of(&report->n_tables)] = table;
    return table;
}

struct chart *report_chart(struct report *report, enum chart_kind kind, const char *title,
                           const char *x_label, const char *y_label)
{
    struct chart *chart = chart_create(kind, title, x_label, y_label);

    report->charts[next_of(&report->n_charts)] = chart;
    return chart;
}

void report_note(struct report *report, const char *format, ...)
{
    char note[NOTE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(note, sizeof(note), format, args);
    va_end(args);
    report->notes[next_of(&report->n_notes)] = copy(note);
}

static void write_setting_value(const struct setting *setting, bool json, FILE *out)
{
    if (setting->text == NULL) {
        table_write_json_number(setting->value, out);
    } else if (json) {
        table_write_json_string(setting->text, out);
    } else {
        fputs(setting->text, out);
    }
}

static void write_json(const struct report *report, FILE *out)
{
    fputs("{\n  \"command\": ", out);
    table_write_json_string(report->command, out);
    fputs(",\n  \"settings\": {", out);
    for (size_t i = 0; i < report->n_settings; i++) {
        fputs(i > 0 ? ", " : "", out);
        table_write_json_string(report->settings[i].key, out);
        fputs(": ", out);
        write_setting_value(&report->settings[i], true, out);
    }
    fputc('}', out);
    for (size_t i = 0; i < report->n_tables; i++) {
        fputs(",\n  ", out);
        table_write_json_string(table_name(report->tables[i]), out);
        fputs(": ", out);
        table_write_json(report->tables[i], out);
    }
    fputs(",\n  \"notes\": [", out);
    for (size_t i = 0; i < report->n_notes; i++) {
        fputs(i > 0 ? ", " : "", out);
        table_write_json_string(report->notes[i], out);
    }
    fputs("]\n}\n", out);
}

static void write_text(const struct report *report, FILE *out)
{
    for (size_t i = 0; i < report->n_settings; i++) {
        fprintf(out, "%s%s ", i > 0 ? ", " : "", report->settings[i].key);
        write_setting_value(&report->settings[i], false, out);
    }
    fputs(report->n_settings > 0 ? "\n" : "", out);
    for (size_t i = 0; i < report->n_tables; i++) {
        fputc('\n', out);
        table_write_text(report->tables[i], out);
    }
    fputs(report->n_notes > 0 ? "\n" : "", out);
    for (size_t i = 0; i < report->n_notes; i++) {
        fprintf(out, "%s\n", report->notes[i]);
    }
}

static void write_csv(const struct report *report, FILE *out)
{
    for (size_t i = 0; i < report->n_tables; i++) {
        fputs(i > 0 ? "\n" : "", out);
        table_write_csv(report->tables[i], out);
    }
}

static int write_svg(const struct report *report)
{
    const char *path = report->options->svg;
    FILE *file = fopen(path, "we");
    bool is_bad;

    if (file == NULL) {
        fprintf(stderr, "ringway-bench: %s: %s\n", path, strerror(errno));
        return COMMAND_FAILED;
    }
    chart_write(report->charts, report->n_charts, file);
    is_bad = ferror(file) != 0;
    if (fclose(file) != 0 || is_bad) {
        fprintf(stderr, "ringway-bench: %s cannot be written\n", path);
        return COMMAND_FAILED;
    }
    return COMMAND_OK;
}

int report_write(struct report *report)
{
    if (report->options->json) {
        write_json(report, stdout);
    } else if (report->options->csv) {
        write_csv(report, stdout);
    } else {
        write_text(report, stdout);
    }
    /* What could not be written was not said: a full disk must not look like success. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "ringway-bench: the output cannot be written\n");
        return COMMAND_FAILED;
    }
    return report->options->svg != NULL ? write_svg(report) : COMMAND_OK;
}
