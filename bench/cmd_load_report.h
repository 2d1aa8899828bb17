/*
 * The command load as it has been given and what came of it, and its report.
 */
#ifndef RINGWAY_BENCH_CMD_LOAD_REPORT_H
#define RINGWAY_BENCH_CMD_LOAD_REPORT_H

#include "cmd_load_settings.h"
#include "cmd_load_spread.h"

struct load_command {
    struct load_settings settings;
    bool use_library; /* --client libmemcached */
    bool etc, fill, no_verify;
    bool verify;
    double set_share; /* below 0: not given */
    uint64_t n_mget_keys;
    double duration_s, warmup_s;
    const char *admin; /* NULL: none */

    uint64_t n_not_filled; /* keys that could not be set before */
    struct load_totals totals;
    struct load_spread spread;     /* with [admin] */
    struct load_live_sum *seconds; /* owned: the counts at the end of each second */
    size_t n_seconds, max_seconds;
};

/** Write the report. Returns an enum command_exit. */
int load_report(const struct load_command *load);

#endif
