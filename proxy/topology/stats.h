/*
 * What the memcached command `stats` answers: figures of the whole process, added up from the
 * workers' feedback, in memcached's names where it has them. `stats reset` does not touch the
 * counters (metrics must never go back); it remembers them and subtracts.
 */
#ifndef RINGWAY_TOPOLOGY_STATS_H
#define RINGWAY_TOPOLOGY_STATS_H

#include "topology/feedback.h"

struct stats_baseline;

struct stats_source {
    const struct topology *topology;
    struct feedback *const *feedback;
    uint32_t n_feedback;
    struct stats_baseline *baseline;
};

/** Room for the baseline of [topology]; aborts when out of memory. Starts at zero, counts from now. */
struct stats_baseline *stats_baseline_create(const struct topology *topology);
void stats_baseline_destroy(struct stats_baseline **baseline);

/* Receives the answer in pieces; [text] is valid during the call only. */
typedef void (*stats_write_fn)(void *context, const char *text, size_t len);

/** Write `STAT name value` lines and END for the whole process. Any thread. */
void stats_write(const struct stats_source *source, stats_write_fn write, void *context);

/** The same for every shard of every memcached pool: `STAT pool:shard:name value`. */
void stats_write_shards(const struct stats_source *source, stats_write_fn write, void *context);

/** The limits that the process runs with, in the names of memcached's `stats settings`. */
void stats_write_settings(const struct stats_source *source, stats_write_fn write, void *context);

/** Make the counters start from zero again for stats_write(); any thread. */
void stats_reset(const struct stats_source *source);

#endif
