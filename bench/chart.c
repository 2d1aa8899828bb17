#include "chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* The picture: one chart is WIDTH x HEIGHT, the plot lies within the margins. */
enum {
    WIDTH = 860,
    HEIGHT = 440,
    LEFT = 84,
    RIGHT = 36,
    TOP = 76,
    BOTTOM = 64,
    PLOT_WIDTH = WIDTH - LEFT - RIGHT,
    PLOT_HEIGHT = HEIGHT - TOP - BOTTOM,
    MAX_SERIES = 64,
    N_COLOURS = 8,
    MAX_X_LABELS = 20, /* categories of bars that have their name below them */
    TICKS = 5,
    LEGEND_STEP = 118,
    MAX_VALUES = 24, /* bars that have their value above them */
};

struct point {
    double x, y;
    char *category; /* bars; owned */
};

struct series {
    char *name;
    struct point *points;
    size_t n, max;
};

struct chart {
    enum chart_kind kind;
    char *title, *x_label, *y_label, *mark_label;
    bool log_x, log_y, has_mark;
    double mark;
    struct series series[MAX_SERIES];
    size_t n_series;
};

/* What an axis shows. */
struct axis {
    double min, max;
    bool is_log;
};

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(util_alloc(1, size), text, size);
}

struct chart *chart_create(enum chart_kind kind, const char *title, const char *x_label,
                           const char *y_label)
{
    struct chart *chart = util_alloc(1, sizeof(*chart));

    chart->kind = kind;
    chart->title = copy(title);
    chart->x_label = copy(x_label);
    chart->y_label = copy(y_label);
    return chart;
}

void chart_destroy(struct chart **chart)
{
    struct chart *old = *chart;

    if (old == NULL) {
        return;
    }
    for (size_t i = 0; i < old->n_series; i++) {
        for (size_t j = 0; j < old->series[i].n; j++) {
            free(old->series[i].points[j].category);
        }
        free(old->series[i].points);
        free(old->series[i].name);
    }
    free(old->title);
    free(old->x_label);
    free(old->y_label);
    free(old->mark_label);
    free(old);
    *chart = NULL;
}

void chart_log_x(struct chart *chart)
{
    chart->log_x = true;
}

void chart_log_y(struct chart *chart)
{
    chart->log_y = true;
}

void chart_mark(struct chart *chart, double y, const char *label)
{
    free(chart->mark_label);
    chart->mark_label = copy(label);
    chart->mark = y;
    chart->has_mark = true;
}

void chart_series(struct chart *chart, const char *name)
{
    if (chart->n_series == MAX_SERIES) {
        util_die("a chart has at most %d series", MAX_SERIES);
    }
    chart->series[chart->n_series++].name = copy(name);
}

static void add(struct chart *chart, struct point point)
{
    struct series *series = &chart->series[chart->n_series - 1];

    if (series->n == series->max) {
        struct point *points;

        series->max = series->max * 2 + 16;
        points = util_alloc(series->max, sizeof(*points));
        if (series->n > 0) {
            memcpy(points, series->points, series->n * sizeof(*points));
        }
        free(series->points);
        series->points = points;
    }
    series->points[series->n++] = point;
}

void chart_bar(struct chart *chart, const char *category, double value)
{
    size_t n = chart->series[chart->n_series - 1].n;

    add(chart, (struct point){(double)n, value, copy(category)});
}

void chart_point(struct chart *chart, double x, double y)
{
    add(chart, (struct point){x, y, NULL});
}

static void write_text(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        default:
            /* XML knows no other control characters. */
            fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
            break;
        }
    }
}

static bool is_drawn(const struct chart *chart, struct point point)
{
    return isfinite(point.x) && isfinite(point.y) && (!chart->log_x || point.x > 0) &&
           (!chart->log_y || point.y > 0);
}

/* 1, 2 or 5 times a power of ten, so that about TICKS of them make [span]. */
static double tick_step(double span)
{
    double raw = span / TICKS, power = pow(10, floor(log10(raw)));
    double digit = raw / power;

    return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

static void widen(struct axis *axis, double value)
{
    axis->min = value < axis->min ? value : axis->min;
    axis->max = value > axis->max ? value : axis->max;
}

/* Round the ends: to powers of ten, or to steps; a linear y axis begins at 0. */
static void finish_axis(struct axis *axis, bool from_zero)
{
    double step;

    if (!(axis->min <= axis->max)) {
        axis->min = axis->is_log ? 1 : 0;
        axis->max = axis->is_log ? 10 : 1;
    }
    if (axis->is_log) {
        axis->min = pow(10, floor(log10(axis->min) + 1e-9));
        axis->max = pow(10, ceil(log10(axis->max) - 1e-9));
        axis->max = axis->max <= axis->min ? axis->min * 10 : axis->max;
        return;
    }
    axis->min = from_zero && axis->min > 0 ? 0 : axis->min;
    axis->max = axis->max <= axis->min ? axis->min + 1 : axis->max;
    step = tick_step(axis->max - axis->min);
    axis->min = floor(axis->min / step + 1e-9) * step;
    axis->max = from_zero ? ceil(axis->max / step - 1e-9) * step : axis->max;
}

static void find_axes(const struct chart *chart, struct axis *x, struct axis *y)
{
    *x = (struct axis){INFINITY, -INFINITY, chart->log_x};
    *y = (struct axis){INFINITY, -INFINITY, chart->log_y};
    for (size_t i = 0; i < chart->n_series; i++) {
        for (size_t j = 0; j < chart->series[i].n; j++) {
            if (is_drawn(chart, chart->series[i].points[j])) {
                widen(x, chart->series[i].points[j].x);
                widen(y, chart->series[i].points[j].y);
            }
        }
    }
    if (chart->has_mark) {
        widen(y, chart->mark);
    }
    finish_axis(x, false);
    finish_axis(y, true);
}

/* Where [value] lies between the ends, 0..1. */
static double place(const struct axis *axis, double value)
{
    if (axis->is_log) {
        return log10(value / axis->min) / log10(axis->max / axis->min);
    }
    return (value - axis->min) / (axis->max - axis->min);
}

static double place_x(const struct axis *axis, double value)
{
    return LEFT + place(axis, value) * PLOT_WIDTH;
}

static double place_y(const struct axis *axis, double value)
{
    return TOP + (1 - place(axis, value)) * PLOT_HEIGHT;
}

/* "1500000" as 1.5M: the room beside an axis is small. */
static void format_tick(double value, char *out, size_t size)
{
    double absolute = fabs(value);

    if (absolute >= 1e9) {
        snprintf(out, size, "%gG", value / 1e9);
    } else if (absolute >= 1e6) {
        snprintf(out, size, "%gM", value / 1e6);
    } else if (absolute >= 1e4) {
        snprintf(out, size, "%gk", value / 1e3);
    } else {
        snprintf(out, size, "%g", absolute < 1e-12 ? 0 : value);
    }
}

static double tick_at(const struct axis *axis, unsigned i)
{
    return axis->is_log ? axis->min * pow(10, i) : axis->min + i * tick_step(axis->max - axis->min);
}

static void write_y_axis(const struct chart *chart, const struct axis *y, FILE *out)
{
    char text[32];
    double slack = (y->max - y->min) * 1e-9;

    for (unsigned i = 0; tick_at(y, i) <= y->max + slack; i++) {
        double at = place_y(y, tick_at(y, i));

        format_tick(tick_at(y, i), text, sizeof(text));
        fprintf(out,
                "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text class=\"end\" x=\"%d\" y=\"%.1f\">%s</text>\n",
                LEFT, LEFT + PLOT_WIDTH, at, at, LEFT - 8, at + 4, text);
    }
    fprintf(out, "<text class=\"mid\" transform=\"translate(20 %d) rotate(-90)\">",
            TOP + PLOT_HEIGHT / 2);
    write_text(chart->y_label, out);
    fputs("</text>\n", out);
}

static void write_x_label(const struct chart *chart, FILE *out)
{
    fprintf(out,
            "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>"
            "<text class=\"mid\" x=\"%d\" y=\"%d\">",
            LEFT, LEFT + PLOT_WIDTH, TOP + PLOT_HEIGHT, TOP + PLOT_HEIGHT, LEFT + PLOT_WIDTH / 2,
            HEIGHT - 14);
    write_text(chart->x_label, out);
    fputs("</text>\n", out);
}

static void write_x_ticks(const struct axis *x, FILE *out)
{
    char text[32];
    double slack = (x->max - x->min) * 1e-9;

    for (unsigned i = 0; tick_at(x, i) <= x->max + slack; i++) {
        format_tick(tick_at(x, i), text, sizeof(text));
        fprintf(out, "<text class=\"mid\" x=\"%.1f\" y=\"%d\">%s</text>\n",
                place_x(x, tick_at(x, i)), TOP + PLOT_HEIGHT + 18, text);
    }
}

static size_t n_categories(const struct chart *chart)
{
    size_t n = 0;

    for (size_t i = 0; i < chart->n_series; i++) {
        n = chart->series[i].n > n ? chart->series[i].n : n;
    }
    return n;
}

/* Names below the groups, slanted when they are many; every k-th if there is no room. */
static void write_categories(const struct chart *chart, size_t n, FILE *out)
{
    size_t every = (n + MAX_X_LABELS - 1) / MAX_X_LABELS;
    const struct series *longest = &chart->series[0];

    for (size_t i = 1; i < chart->n_series; i++) {
        longest = chart->series[i].n > longest->n ? &chart->series[i] : longest;
    }
    for (size_t i = 0; i < n; i += every) {
        double x = LEFT + ((double)i + 0.5) * PLOT_WIDTH / (double)n;

        if (n > 8) {
            fprintf(out, "<text class=\"end\" transform=\"translate(%.1f %d) rotate(-30)\">", x + 4,
                    TOP + PLOT_HEIGHT + 14);
        } else {
            fprintf(out, "<text class=\"mid\" x=\"%.1f\" y=\"%d\">", x, TOP + PLOT_HEIGHT + 18);
        }
        write_text(longest->points[i].category, out);
        fputs("</text>\n", out);
    }
}

static void write_bar(const struct chart *chart, size_t series, size_t index, size_t n,
                      const struct axis *y, FILE *out)
{
    const struct point *point = &chart->series[series].points[index];
    double group = (double)PLOT_WIDTH / (double)n;
    double width = group * 0.8 / (double)chart->n_series;
    double x = LEFT + group * ((double)index + 0.1) + width * (double)series;
    double top = place_y(y, point->y);

    fprintf(out,
            "<rect class=\"f%zu\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>",
            series % N_COLOURS, x, top, width, TOP + PLOT_HEIGHT - top);
    write_text(chart->series[series].name, out);
    fputs(", ", out);
    write_text(point->category, out);
    fprintf(out, ": %.6g</title></rect>\n", point->y);
    if (n * chart->n_series <= MAX_VALUES) {
        fprintf(out, "<text class=\"mid over\" x=\"%.1f\" y=\"%.1f\">%.3g</text>\n", x + width / 2,
                top - 5, point->y);
    }
}

static void write_bars(const struct chart *chart, const struct axis *y, FILE *out)
{
    size_t n = n_categories(chart);

    for (size_t i = 0; i < chart->n_series; i++) {
        for (size_t j = 0; j < chart->series[i].n; j++) {
            if (is_drawn(chart, chart->series[i].points[j])) {
                write_bar(chart, i, j, n, y, out);
            }
        }
    }
    if (n > 0) {
        write_categories(chart, n, out);
    }
}

static void write_line(const struct chart *chart, size_t index, const struct axis *x,
                       const struct axis *y, FILE *out)
{
    const struct series *series = &chart->series[index];
    bool is_joined = false;

    fprintf(out, "<path class=\"s%zu%s\" d=\"", index % N_COLOURS,
            index >= N_COLOURS ? " again" : "");
    for (size_t i = 0; i < series->n; i++) {
        struct point point = series->points[i];

        if (is_drawn(chart, point)) {
            fprintf(out, "%s%.1f %.1f", is_joined ? "L" : "M", place_x(x, point.x),
                    place_y(y, point.y));
        }
        is_joined = is_drawn(chart, point);
    }
    fputs("\"/>\n", out);
    for (size_t i = 0; series->n <= 64 && i < series->n; i++) {
        struct point point = series->points[i];

        if (is_drawn(chart, point)) {
            fprintf(out,
                    "<circle class=\"f%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>%.6g: %.6g"
                    "</title></circle>\n",
                    index % N_COLOURS, place_x(x, point.x), place_y(y, point.y), point.x, point.y);
        }
    }
}

static void write_mark(const struct chart *chart, const struct axis *y, FILE *out)
{
    double at = place_y(y, chart->mark);

    fprintf(out,
            "<line class=\"mark\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
            "<text class=\"end over\" x=\"%d\" y=\"%.1f\">",
            LEFT, LEFT + PLOT_WIDTH, at, at, LEFT + PLOT_WIDTH - 4, at - 5);
    write_text(chart->mark_label, out);
    fputs("</text>\n", out);
}

static void write_legend(const struct chart *chart, FILE *out)
{
    const size_t per_row = PLOT_WIDTH / LEGEND_STEP;

    for (size_t i = 0; i < chart->n_series; i++) {
        size_t x = LEFT + i % per_row * LEGEND_STEP, y = 40 + i / per_row * 16;

        fprintf(out,
                "<rect class=\"f%zu\" x=\"%zu\" y=\"%zu\" width=\"10\" height=\"10\"/>"
                "<text x=\"%zu\" y=\"%zu\">",
                i % N_COLOURS, x, y, x + 15, y + 9);
        write_text(chart->series[i].name, out);
        fputs("</text>\n", out);
    }
}

static void write_chart(const struct chart *chart, FILE *out)
{
    struct axis x, y;

    find_axes(chart, &x, &y);
    fprintf(out, "<text class=\"title\" x=\"%d\" y=\"24\">", LEFT);
    write_text(chart->title, out);
    fputs("</text>\n", out);
    write_legend(chart, out);
    write_y_axis(chart, &y, out);
    write_x_label(chart, out);
    if (chart->kind == CHART_BARS) {
        write_bars(chart, &y, out);
    } else {
        write_x_ticks(&x, out);
        for (size_t i = 0; i < chart->n_series; i++) {
            write_line(chart, i, &x, &y, out);
        }
    }
    if (chart->has_mark) {
        write_mark(chart, &y, out);
    }
}

/* Okabe and Ito's colours, which colour-blind people tell apart; lighter ones on a dark ground. */
static void write_style(FILE *out)
{
    static const char *const light[N_COLOURS] = {"#0072b2", "#d55e00", "#009e73", "#b0307a",
                                                 "#8a6d00", "#3d9bd0", "#444444", "#7a4fbf"};
    static const char *const dark[N_COLOURS] = {"#5ab4e5", "#ff8a3d", "#2fd0a5", "#f08cc4",
                                                "#f0d040", "#9ad4f5", "#cccccc", "#b79cf0"};

    fputs("<style>\ntext{font:12px sans-serif;fill:#222}.title{font-size:15px;font-weight:bold}"
          ".end{text-anchor:end}.mid{text-anchor:middle}path{fill:none;stroke-width:2}"
          ".ground{fill:#fff}.over{paint-order:stroke;stroke:#fff;stroke-width:3px}.grid{stroke:#"
          "ddd}.axis{stroke:#222}"
          ".again{stroke-dasharray:2 3}.mark{stroke:#222;stroke-dasharray:5 4}\n",
          out);
    for (int i = 0; i < N_COLOURS; i++) {
        fprintf(out, ".f%d{fill:%s}.s%d{stroke:%s}\n", i, light[i], i, light[i]);
    }
    fputs("@media(prefers-color-scheme:dark){text{fill:#ddd}.ground{fill:#181818}.over{stroke:#"
          "181818}"
          ".grid{stroke:#3a3a3a}.axis,.mark{stroke:#ddd}\n",
          out);
    for (int i = 0; i < N_COLOURS; i++) {
        fprintf(out, ".f%d{fill:%s}.s%d{stroke:%s}\n", i, dark[i], i, dark[i]);
    }
    fputs("}\n</style>\n", out);
}

void chart_write(struct chart *const *charts, size_t n, FILE *out)
{
    size_t height = (n > 0 ? n : 1) * HEIGHT;

    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
            "viewBox=\"0 0 %d %zu\" role=\"img\">\n",
            WIDTH, height, WIDTH, height);
    write_style(out);
    fprintf(out, "<rect class=\"ground\" width=\"%d\" height=\"%zu\"/>\n", WIDTH, height);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "<g transform=\"translate(0 %zu)\">\n", i * HEIGHT);
        write_chart(charts[i], out);
        fputs("</g>\n", out);
    }
    fputs("</svg>\n", out);
}
