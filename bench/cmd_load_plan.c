#include "cmd_load_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REDRAWS = 8 };

void load_plan_init(struct load_plan *plan, const struct load_engine_options *options,
                    uint32_t index, uint32_t n_threads)
{
    memset(plan, 0, sizeof(*plan));
    plan->options = options;
    random_init(&plan->random, random_mix(options->seed + index));
    if (options->rate > 0) {
        plan->gap_ns = 1e9 * n_threads / options->rate;
        /* The threads take turns. */
        plan->due_ns = plan->gap_ns * index / n_threads;
    }
}

void load_plan_start(struct load_plan *plan, uint64_t now_ns)
{
    const struct load_engine_options *options = plan->options;

    plan->start_ns = now_ns;
    plan->measure_ns = now_ns + options->warmup_ns;
    plan->end_ns = options->duration_ns > 0 ? plan->measure_ns + options->duration_ns : UINT64_MAX;
}

void load_plan_deinit(struct load_plan *plan)
{
    free(plan->repairs);
    plan->repairs = NULL;
}

void load_plan_repair(struct load_plan *plan, uint64_t key)
{
    if (plan->n_repairs == plan->max_repairs) {
        size_t max = plan->max_repairs > 0 ? plan->max_repairs * 2 : 64;
        uint64_t *more = util_alloc(max, sizeof(*more));

        if (plan->n_repairs > 0) {
            memcpy(more, plan->repairs, plan->n_repairs * sizeof(*more));
        }
        free(plan->repairs);
        plan->repairs = more;
        plan->max_repairs = max;
    }
    plan->repairs[plan->n_repairs++] = key;
}

static bool is_stopped(const struct load_plan *plan)
{
    return plan->ended || atomic_load_explicit(plan->stop, memory_order_relaxed);
}

static bool is_due(const struct load_plan *plan, uint64_t now_ns)
{
    if (is_stopped(plan)) {
        return false;
    }
    if (plan->gap_ns <= 0) {
        return now_ns < plan->end_ns;
    }
    return load_plan_due(plan, now_ns) <= now_ns;
}

uint64_t load_plan_due(const struct load_plan *plan, uint64_t now_ns)
{
    uint64_t due;

    if (is_stopped(plan)) {
        return UINT64_MAX;
    }
    if (plan->gap_ns <= 0) {
        return now_ns < plan->end_ns ? 0 : UINT64_MAX;
    }
    due = plan->start_ns + (uint64_t)plan->due_ns;
    return due < plan->end_ns ? due : UINT64_MAX;
}

bool load_plan_is_over(const struct load_plan *plan, uint64_t now_ns)
{
    return load_plan_due(plan, now_ns) == UINT64_MAX;
}

static uint64_t next_in_sequence(struct load_plan *plan)
{
    const struct load_engine_options *options = plan->options;
    uint64_t key;

    do {
        key = atomic_fetch_add_explicit(plan->sequence, 1, memory_order_relaxed);
    } while (options->skip_marked && key < options->wire.items->options.n &&
             atomic_load_explicit(&options->marks[key], memory_order_relaxed) != 0);
    return key;
}

static bool has_key(const struct load_request *request, uint32_t n, uint64_t key)
{
    for (uint32_t i = 0; i < n; i++) {
        if (request->keys[i] == key) {
            return true;
        }
    }
    return false;
}

/* Different keys; after some draws in vain, as a few keys have most of the draws, the next free. */
static void draw_keys(struct load_plan *plan, struct load_request *request)
{
    const struct load_engine_options *options = plan->options;
    uint64_t n = options->wire.items->options.n;

    for (uint32_t i = 0; i < request->n_keys; i++) {
        uint64_t key = options->choose(options->choose_context, &plan->random);

        for (int draws = 0; draws < REDRAWS && has_key(request, i, key); draws++) {
            key = options->choose(options->choose_context, &plan->random);
        }
        while (has_key(request, i, key)) {
            key = key + 1 < n ? key + 1 : 0;
        }
        request->keys[i] = key;
    }
}

static void advance(struct load_plan *plan)
{
    /* The gaps of a Poisson process are exponential. */
    plan->due_ns += plan->options->poisson ? -log(1.0 - random_unit(&plan->random)) * plan->gap_ns
                                           : plan->gap_ns;
}

bool load_plan_next(struct load_plan *plan, uint64_t now_ns, struct load_request *request)
{
    const struct load_engine_options *options = plan->options;

    *request = (struct load_request){
        .keys = request->keys, .n_keys = 1, .start_ns = now_ns, .sent_ns = now_ns};
    if (plan->n_repairs > 0 && !is_stopped(plan)) {
        request->is_set = true;
        request->keys[0] = plan->repairs[--plan->n_repairs];
        return true;
    }
    if (!is_due(plan, now_ns)) {
        return false;
    }
    if (plan->gap_ns > 0) {
        request->start_ns = load_plan_due(plan, now_ns);
        advance(plan);
    }
    if (options->set_share > 0) {
        request->is_set =
            options->set_share >= 1 || random_unit(&plan->random) < options->set_share;
    }
    if (options->sequence) {
        request->keys[0] = next_in_sequence(plan);
        plan->ended = request->keys[0] >= options->wire.items->options.n;
        return !plan->ended;
    }
    request->n_keys = request->is_set ? 1 : options->n_mget_keys;
    draw_keys(plan, request);
    return true;
}

uint64_t load_plan_unsent(struct load_plan *plan)
{
    uint64_t n = 0;

    if (plan->gap_ns <= 0) {
        return 0;
    }
    while (load_plan_due(plan, 0) != UINT64_MAX) {
        advance(plan);
        n++;
    }
    return n;
}

bool load_plan_counts(const struct load_plan *plan, const struct load_request *request,
                      uint64_t now_ns)
{
    return request->start_ns >= plan->measure_ns && (plan->gap_ns > 0 || now_ns <= plan->end_ns);
}
