/*
 * What remap compares: pairs of placements before and after a change. One for each algorithm, or
 * for each pool of two configuration files.
 */
#ifndef RINGWAY_BENCH_REMAP_SUBJECT_H
#define RINGWAY_BENCH_REMAP_SUBJECT_H

#include "churn.h"
#include "placement.h"
#include "report.h"

struct remap_subject {
    char *name;
    const struct shard_set *set_before, *set_after; /* borrowed */
    struct placement *before, *after;               /* both NULL when refused */
    char refusal[PLACEMENT_ERROR_BYTES];            /* why it was */
    struct churn churn;
};

struct remap_subjects {
    struct remap_subject *subjects; /* owned */
    size_t n;
    struct shard_set *sets; /* owned: before and after of each pool, or of all */
    size_t n_sets;
    bool is_pools;
};

/** Subjects for [n_types] types and one change; takes over both sets. */
void remap_subjects_of_types(struct remap_subjects *subjects, const struct placement_type *types,
                             size_t n_types, struct shard_set *before, struct shard_set *after);

/**
 * Subjects for the pools that both configuration files have. Pools that only one has are noted in
 * [report].
 *
 * Returns a COMMAND_ exit code; what is wrong has been said on standard error.
 */
int remap_subjects_of_files(struct remap_subjects *subjects, const char *from, const char *to,
                            struct report *report);

void remap_subjects_deinit(struct remap_subjects *subjects);

#endif
