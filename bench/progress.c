#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define BAR_INTERVAL_NS   UINT64_C(100000000)
#define LINES_INTERVAL_NS UINT64_C(2000000000)
#define NS_PER_S          UINT64_C(1000000000)

enum { BAR_WIDTH = 30 };

void progress_start(struct progress *progress, const char *label, uint64_t total, bool forced)
{
    *progress = (struct progress){.label = label, .total = total, .start_ns = util_now_ns()};
    progress->bar = isatty(STDERR_FILENO) == 1;
    progress->lines = forced && !progress->bar;
    progress->shown_ns = progress->start_ns;
}

/* "950", "9.5 k", "12.3 M": steady in width while it grows. */
static void format_count(uint64_t n, char *out, size_t size)
{
    static const char *const units[] = {"", " k", " M", " G", " T"};
    double value = (double)n;
    size_t unit = 0;

    while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1000;
        unit++;
    }
    snprintf(out, size, unit == 0 ? "%.0f%s" : "%.1f%s", value, units[unit]);
}

void progress_format(const struct progress *progress, uint64_t done, uint64_t now_ns, char *out)
{
    char so_far[32], all[32], bar[BAR_WIDTH + 1];
    double part = progress->total > 0 ? (double)done / (double)progress->total : 0;
    uint64_t elapsed_ns = now_ns - progress->start_ns;
    uint64_t left_s;

    format_count(done, so_far, sizeof(so_far));
    format_count(progress->total, all, sizeof(all));
    if (progress->total == 0) {
        snprintf(out, PROGRESS_LINE_BYTES, "%s: %s, %llu s", progress->label, so_far,
                 (unsigned long long)(elapsed_ns / NS_PER_S));
        return;
    }
    part = part > 1 ? 1 : part;
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '#', (size_t)(part * BAR_WIDTH));
    bar[BAR_WIDTH] = '\0';
    left_s = part > 0 ? (uint64_t)((double)elapsed_ns * (1 - part) / part / 1e9 + 0.5) : 0;
    snprintf(out, PROGRESS_LINE_BYTES, "%s [%s] %3.0f %% %s of %s, %02llu:%02llu left",
             progress->label, bar, part * 100, so_far, all, (unsigned long long)(left_s / 60),
             (unsigned long long)(left_s % 60));
}

static void show(const struct progress *progress, uint64_t done, uint64_t now_ns)
{
    char line[PROGRESS_LINE_BYTES];

    progress_format(progress, done, now_ns, line);
    if (progress->bar) {
        fprintf(stderr, "\r%s\033[K", line);
        fflush(stderr);
    } else {
        fprintf(stderr, "%s\n", line);
    }
}

void progress_update(struct progress *progress, uint64_t done)
{
    uint64_t now_ns;

    if (!progress->bar && !progress->lines) {
        return;
    }
    now_ns = util_now_ns();
    if (now_ns - progress->shown_ns >= (progress->bar ? BAR_INTERVAL_NS : LINES_INTERVAL_NS)) {
        progress->shown_ns = now_ns;
        show(progress, done, now_ns);
    }
}

void progress_end(struct progress *progress, uint64_t done)
{
    if (progress->bar) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
    } else if (progress->lines) {
        show(progress, done, util_now_ns());
    }
    progress->bar = false;
    progress->lines = false;
}
