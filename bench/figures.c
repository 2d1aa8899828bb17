#include "figures.h"

#include <stdio.h>
#include <string.h>

void figures_note_error(struct figures *figures, const char *what, const char *text)
{
    if (figures->first_error[0] == '\0') {
        snprintf(figures->first_error, sizeof(figures->first_error), "%s: %.100s", what, text);
    }
}

void figures_merge(struct figures *to, const struct figures *from)
{
    to->requests += from->requests;
    to->errors += from->errors;
    to->misses += from->misses;
    to->lost += from->lost;
    to->stalled = to->stalled || from->stalled;
    if (from->ns > to->ns) {
        to->ns = from->ns;
    }
    if (to->first_error[0] == '\0') {
        memcpy(to->first_error, from->first_error, sizeof(to->first_error));
    }
    hist_merge(&to->latency, &from->latency);
}

static void print_string(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20 || c > 0x7e) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void print_watched(const struct watch *watch, const struct watch_result *watched)
{
    uint64_t data = watched->calls[WATCH_DATA];
    uint64_t wait = watched->calls[WATCH_WAIT];
    uint64_t all = watched->calls[WATCH_ALL];

    printf(", \"cpu_ns\": %llu, \"user_ticks\": %llu, \"system_ticks\": %llu",
           (unsigned long long)watched->cpu_ns, (unsigned long long)watched->user_ticks,
           (unsigned long long)watched->system_ticks);
    if (watch->counts_calls) {
        printf(", \"calls\": {\"data\": %llu, \"wait\": %llu, \"other\": %llu}",
               (unsigned long long)data, (unsigned long long)wait,
               (unsigned long long)(all > data + wait ? all - data - wait : 0));
    }
}

void figures_print(const struct figures *figures, const struct watch *watch)
{
    const struct hist *latency = &figures->latency;
    double seconds = (double)figures->ns / 1e9;

    printf("{\"requests\": %llu, \"seconds\": %.6f, \"rps\": %.1f, \"errors\": %llu, "
           "\"misses\": %llu, \"lost\": %llu, \"stalled\": %s, \"first_error\": ",
           (unsigned long long)figures->requests, seconds,
           seconds > 0 ? (double)figures->requests / seconds : 0.0,
           (unsigned long long)figures->errors, (unsigned long long)figures->misses,
           (unsigned long long)figures->lost, figures->stalled ? "true" : "false");
    print_string(figures->first_error);
    printf(", \"latency_us\": {\"p50\": %.3f, \"p99\": %.3f, \"p99_9\": %.3f, \"max\": %.3f, "
           "\"mean\": %.3f}",
           (double)hist_quantile(latency, 0.5) / 1e3, (double)hist_quantile(latency, 0.99) / 1e3,
           (double)hist_quantile(latency, 0.999) / 1e3, (double)latency->max_ns / 1e3,
           latency->n > 0 ? (double)latency->sum_ns / (double)latency->n / 1e3 : 0.0);
    if (watch->pid > 0) {
        print_watched(watch, &figures->watched);
    }
    printf("}\n");
}
