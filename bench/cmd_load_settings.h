/*
 * What load and live-remap have in common: the options of target, keys and traffic, what follows
 * from them, and runs that are watched from second to second.
 */
#ifndef RINGWAY_BENCH_CMD_LOAD_SETTINGS_H
#define RINGWAY_BENCH_CMD_LOAD_SETTINGS_H

#include "cmd_load_engine.h"
#include "cmd_load_target.h"
#include "options.h"
#include "report.h"
#include "zipf.h"

/* A size that is fixed, or drawn as in the ETC mix. */
struct load_size {
    bool is_etc;
    size_t bytes;
};

struct load_settings {
    const char *command; /* for messages */
    const char *target_text;
    const char *prefix;
    uint64_t n_keys;
    struct load_size key_size, value_size;
    double zipf_alpha; /* 0: uniform */
    double rate;       /* 0: closed loop */
    bool poisson;
    uint64_t n_connections, n_threads, depth;
    double timeout_s;
    uint64_t seed;
    struct report_options report;

    /* From load_settings_prepare() on: */
    struct load_target target;
    struct load_items items;
    struct zipf zipf;
};

#define LOAD_TARGET_OPTION(s_) OPTIONS_TEXT("target", "URL", LOAD_TARGET_FORMS, &(s_)->target_text)

#define LOAD_KEY_OPTIONS(s_)                                                                       \
    OPTIONS_COUNT("keys", "N", "how many keys (100000)", &(s_)->n_keys, 1, LOAD_ITEMS_MAX),        \
        OPTIONS_TEXT("key-prefix", "TEXT", "how keys begin (bench:)", &(s_)->prefix),              \
        OPTIONS_CUSTOM("key-size", "N|etc", "bytes of a key, or as in the ETC mix (32)",           \
                       &(s_)->key_size, load_size_set),                                            \
        OPTIONS_CUSTOM("value-size", "N|etc", "bytes of a value, or as in the ETC mix (100)",      \
                       &(s_)->value_size, load_size_set),                                          \
        OPTIONS_REAL("zipf", "ALPHA", "choose keys by Zipf's distribution, not evenly",            \
                     &(s_)->zipf_alpha, 0, 10)

#define LOAD_TRAFFIC_OPTIONS(s_)                                                                   \
    OPTIONS_REAL("rate", "R", "open loop: R requests a second in all; else a closed loop",         \
                 &(s_)->rate, 0, 1e8),                                                             \
        OPTIONS_FLAG("poisson", "with --rate: random gaps between requests, not equal ones",       \
                     &(s_)->poisson),                                                              \
        OPTIONS_COUNT("connections", "N", "connections in all (50)", &(s_)->n_connections, 1,      \
                      LOAD_MAX_CONNECTIONS),                                                       \
        OPTIONS_COUNT("threads", "N", "threads that share them (1)", &(s_)->n_threads, 1,          \
                      LOAD_MAX_THREADS),                                                           \
        OPTIONS_COUNT("pipeline", "N", "requests open on a connection at most (1)", &(s_)->depth,  \
                      1, LOAD_MAX_DEPTH),                                                          \
        OPTIONS_REAL("timeout", "S", "a request without an answer for so long is an error (5)",    \
                     &(s_)->timeout_s, 0.01, 3600),                                                \
        OPTIONS_COUNT("seed", "N", "decides everything that is drawn (1)", &(s_)->seed, 0, 1.8e19)

/** Takes --key-size and --value-size into a struct load_size. */
const char *load_size_set(void *out, const char *text);

/** The defaults. */
void load_settings_init(struct load_settings *settings, const char *command);

/**
 * Check the options, find the target, make the items. Free with load_settings_deinit().
 *
 * Returns COMMAND_OK, or another exit code after a message.
 */
int load_settings_prepare(struct load_settings *settings);

void load_settings_deinit(struct load_settings *settings);

/** Engine options as the settings say: gets only, until stopped. */
void load_settings_engine(const struct load_settings *settings, struct load_engine_options *out);

/** Write the settings into the report. */
void load_settings_report(const struct load_settings *settings, struct report *report);

/** Should lines of progress be written? */
bool load_settings_shows_progress(const struct load_settings *settings);

/**
 * Run [options] with a line of progress a second, until it is over, has got stuck (only a run
 * without a duration can), or is interrupted.
 *
 * [label]   Begins the lines.
 * [on_second] NULL, or called each second with the counts so far.
 *
 * Returns false after a message when the connections cannot be opened.
 */
typedef void load_second_fn(void *context, const struct load_live_sum *sum);

struct load_run {
    const struct load_settings *settings;
    const struct load_engine_options *options;
    const char *label;
    load_second_fn *on_second;
    void *context;
};

bool load_run(const struct load_run *run, struct load_totals *totals);

/**
 * Set every key once.
 *
 * Returns the number of keys that were not stored, or UINT64_MAX after a message when there is no
 * connection.
 */
uint64_t load_fill(const struct load_settings *settings);

/** SIGINT and SIGTERM end runs early, from now on, and the report is written. */
void load_catch_signals(void);
bool load_is_interrupted(void);

#endif
