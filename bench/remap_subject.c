#include "remap_subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "config/config.h"
#include "util.h"

enum { NAMES_BYTES = 256 }; /* of pools in a note */

static void subject_init(struct remap_subject *subject, const struct placement_type *before,
                         const struct placement_type *after)
{
    if (placement_create(&subject->before, before, subject->set_before, subject->refusal) != 0) {
        return;
    }
    if (placement_create(&subject->after, after, subject->set_after, subject->refusal) != 0) {
        placement_destroy(&subject->before);
        return;
    }
    churn_init(&subject->churn, subject->set_before, subject->set_after);
}

void remap_subjects_of_types(struct remap_subjects *subjects, const struct placement_type *types,
                             size_t n_types, struct shard_set *before, struct shard_set *after)
{
    *subjects = (struct remap_subjects){.n = n_types, .n_sets = 2};
    subjects->subjects = util_alloc(n_types, sizeof(*subjects->subjects));
    subjects->sets = util_alloc(2, sizeof(*subjects->sets));
    subjects->sets[0] = *before;
    subjects->sets[1] = *after;
    *before = (struct shard_set){0};
    *after = (struct shard_set){0};
    for (size_t i = 0; i < n_types; i++) {
        struct remap_subject *subject = &subjects->subjects[i];

        subject->name = strdup(types[i].name);
        subject->set_before = &subjects->sets[0];
        subject->set_after = &subjects->sets[1];
        subject_init(subject, &types[i], &types[i]);
    }
}

static int load(struct config **out, const char *path)
{
    struct config_source source = {.path = path, .environment = environ};
    struct config_problems problems = {0};
    int result = config_load(out, &source, &problems);

    for (size_t i = 0; i < problems.n_lines; i++) {
        fprintf(stderr, "%s\n", problems.lines[i]);
    }
    config_problems_deinit(&problems);
    return result == 0 ? COMMAND_OK : COMMAND_USAGE;
}

static void fill_set(struct shard_set *set, const struct config_pool *pool)
{
    for (size_t i = 0; i < pool->n_shards; i++) {
        shard_set_add(set, pool->shards[i].name, pool->shards[i].weight);
    }
}

static void add_pool(struct remap_subjects *subjects, const struct config_pool *before,
                     const struct config_pool *after)
{
    struct remap_subject *subject = &subjects->subjects[subjects->n++];
    struct shard_set *sets = &subjects->sets[subjects->n_sets];
    struct placement_type types[2] = {{.options = before->ring}, {.options = after->ring}};

    subjects->n_sets += 2;
    fill_set(&sets[0], before);
    fill_set(&sets[1], after);
    subject->name = strdup(before->name);
    subject->set_before = &sets[0];
    subject->set_after = &sets[1];
    subject_init(subject, &types[0], &types[1]);
}

/* One note for all pools of [from] that [to], which was read from [path], does not have. */
static void note_missing(const struct config *from, const struct config *to, const char *path,
                         struct report *report)
{
    char names[NAMES_BYTES] = "";
    size_t len = 0;

    for (size_t i = 0; i < from->n_pools && len < sizeof(names); i++) {
        if (config_find_pool(to, from->pools[i].name) < 0) {
            len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len > 0 ? ", " : "",
                                    from->pools[i].name);
        }
    }
    if (len > 0) {
        report_note(report, "Not in %s and left out: %s%s", path, names,
                    len < sizeof(names) ? "." : "...");
    }
}

int remap_subjects_of_files(struct remap_subjects *subjects, const char *from, const char *to,
                            struct report *report)
{
    struct config *before = NULL, *after = NULL;
    int code = load(&before, from);

    *subjects = (struct remap_subjects){.is_pools = true};
    code = code == COMMAND_OK ? load(&after, to) : code;
    if (code == COMMAND_OK) {
        subjects->subjects = util_alloc(before->n_pools, sizeof(*subjects->subjects));
        subjects->sets = util_alloc(before->n_pools * 2, sizeof(*subjects->sets));
        for (size_t i = 0; i < before->n_pools; i++) {
            int pool = config_find_pool(after, before->pools[i].name);

            if (pool >= 0) {
                add_pool(subjects, &before->pools[i], &after->pools[pool]);
            }
        }
        note_missing(before, after, to, report);
        note_missing(after, before, from, report);
        if (subjects->n == 0) {
            code = options_complain("remap", "%s and %s have no pool of the same name", from, to);
        }
    }
    config_destroy(&before);
    config_destroy(&after);
    return code;
}

void remap_subjects_deinit(struct remap_subjects *subjects)
{
    for (size_t i = 0; i < subjects->n; i++) {
        placement_destroy(&subjects->subjects[i].before);
        placement_destroy(&subjects->subjects[i].after);
        churn_deinit(&subjects->subjects[i].churn);
        free(subjects->subjects[i].name);
    }
    for (size_t i = 0; i < subjects->n_sets; i++) {
        shard_set_deinit(&subjects->sets[i]);
    }
    free(subjects->subjects);
    free(subjects->sets);
    *subjects = (struct remap_subjects){0};
}
