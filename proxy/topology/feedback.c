#include "topology/feedback.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Counters of different workers never share a cache line. */
#define CACHE_LINE 64u

/* Zeroed memory for [n] elements, whole cache lines. Zero bytes are zero counters. */
static void *allocate(size_t n, size_t size)
{
    size_t bytes = (n * size + CACHE_LINE - 1u) / CACHE_LINE * CACHE_LINE;
    void *memory = aligned_alloc(CACHE_LINE, bytes == 0 ? CACHE_LINE : bytes);

    if (memory == NULL) {
        abort();
    }
    return memset(memory, 0, bytes);
}

static struct feedback_replica *create_replicas(const struct topology_pool *pool)
{
    struct feedback_replica *replicas = allocate(pool->n_replicas, sizeof *replicas);
    uint32_t i;

    for (i = 0; i < pool->n_replicas && pool->config->protocol == CONFIG_HTTP; i++) {
        gauge_set(&replicas[i].state, FEEDBACK_STATE_UP);
    }
    return replicas;
}

struct feedback *feedback_create(const struct topology *topology)
{
    struct feedback *feedback = allocate(1, sizeof *feedback);
    uint32_t i;

    feedback->pools = allocate(topology->n_pools, sizeof *feedback->pools);
    for (i = 0; i < topology->n_pools; i++) {
        const struct topology_pool *pool = &topology->pools[i];

        feedback->pools[i].shards = allocate(pool->n_shards, sizeof(struct feedback_shard));
        feedback->pools[i].replicas = create_replicas(pool);
    }
    return feedback;
}

void feedback_destroy(struct feedback **feedback, const struct topology *topology)
{
    uint32_t i;

    if (*feedback == NULL) {
        return;
    }
    for (i = 0; i < topology->n_pools; i++) {
        free((*feedback)->pools[i].shards);
        free((*feedback)->pools[i].replicas);
    }
    free((*feedback)->pools);
    free(*feedback);
    *feedback = NULL;
}

const char *feedback_outcome_name(enum feedback_outcome outcome)
{
    static const char *const names[] = {
#define X(name, label) [FEEDBACK_##name] = label,
        FEEDBACK_OUTCOMES(X)
#undef X
    };

    return names[outcome];
}

bool feedback_is_failure(enum feedback_outcome outcome)
{
    switch (outcome) {
    case FEEDBACK_SERVER_ERROR:
    case FEEDBACK_TIMEOUT:
    case FEEDBACK_UNAVAILABLE:
    case FEEDBACK_BUSY:
        return true;
    case FEEDBACK_HIT:
    case FEEDBACK_MISS:
    case FEEDBACK_OK:
    case FEEDBACK_NOT_OK:
    case FEEDBACK_CLIENT_ERROR:
    case FEEDBACK_CANCELLED:
    case FEEDBACK_N_OUTCOMES:
        break;
    }
    return false;
}

const char *feedback_state_name(enum feedback_state state)
{
    static const char *const names[] = {
#define X(name, label) [FEEDBACK_STATE_##name] = label,
        FEEDBACK_STATES(X)
#undef X
    };

    return names[state];
}

const char *feedback_http_result_name(enum feedback_http_result result)
{
    static const char *const names[] = {
#define X(name, label) [FEEDBACK_HTTP_##name] = label,
        FEEDBACK_HTTP_RESULTS(X)
#undef X
    };

    return names[result];
}

enum feedback_http_result feedback_http_result_of(int status)
{
    static const enum feedback_http_result by_class[] = {
        [1] = FEEDBACK_HTTP_INFORMATIONAL, [2] = FEEDBACK_HTTP_SUCCESS,
        [3] = FEEDBACK_HTTP_REDIRECTION,   [4] = FEEDBACK_HTTP_CLIENT_ERROR,
        [5] = FEEDBACK_HTTP_SERVER_ERROR,
    };

    assert(status >= 100 && status <= 999);
    /* RFC 9110, 15: an invalid status of 600 or more counts as a 5xx. */
    return status < 600 ? by_class[status / 100] : FEEDBACK_HTTP_SERVER_ERROR;
}

int feedback_http_answer_status(enum feedback_http_answer answer)
{
    static const int statuses[] = {
#define X(status) [FEEDBACK_HTTP_ANSWER_##status] = (status),
        FEEDBACK_HTTP_ANSWERS(X)
#undef X
    };

    return statuses[answer];
}

_Atomic uint64_t *feedback_http_answer(struct feedback *feedback, int status)
{
    uint32_t i = 0;

    while (i < FEEDBACK_HTTP_N_ANSWERS &&
           feedback_http_answer_status((enum feedback_http_answer)i) != status) {
        i++;
    }
    assert(i < FEEDBACK_HTTP_N_ANSWERS);
    return &feedback->http_answers[i];
}
