#include "cmd_load_totals.h"

#include <string.h>

/* One thread writes: no locked instruction is needed. */
static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static void note_text(struct load_totals *totals, enum load_error error, const char *text,
                      uint64_t n)
{
    struct load_error_text *entry;

    for (uint32_t i = 0; i < totals->n_texts; i++) {
        entry = &totals->texts[i];
        if (entry->error == error && strcmp(entry->text, text) == 0) {
            entry->n += n;
            return;
        }
    }
    if (totals->n_texts == LOAD_MAX_ERROR_TEXTS || *text == '\0') {
        return;
    }
    entry = &totals->texts[totals->n_texts++];
    entry->error = error;
    entry->n = n;
    strncpy(entry->text, text, sizeof(entry->text) - 1);
    entry->text[sizeof(entry->text) - 1] = '\0';
}

void load_totals_error(struct load_totals *totals, struct load_live *live, enum load_error error,
                       const char *text, uint64_t n)
{
    totals->errors[error] += n;
    add(&live->n_errors, n);
    if (error == LOAD_ERROR_PROTOCOL) {
        add(&live->n_protocol_errors, n);
    }
    note_text(totals, error, text, n);
}

void load_totals_begin(struct load_totals *totals, uint64_t now_ns)
{
    totals->n_gets = 0;
    totals->n_sets = 0;
    totals->n_keys = 0;
    totals->n_hits = 0;
    totals->n_misses = 0;
    totals->sent_bytes = 0;
    totals->received_bytes = 0;
    totals->first_ns = now_ns;
    totals->last_ns = now_ns;
    hist_reset(&totals->latency);
    hist_reset(&totals->get_latency);
    hist_reset(&totals->set_latency);
}

/* Keys that were looked for and not found: an error answer says nothing about keys. */
static uint32_t n_missed(const struct load_request *request, const struct load_parser *parser)
{
    bool says =
        !request->is_set && (parser->error == LOAD_ERROR_NONE || parser->error == LOAD_ERROR_VALUE);

    return says ? request->n_keys - parser->n_hits : 0;
}

void load_totals_answer(struct load_totals *totals, const struct load_request *request,
                        const struct load_parser *parser, uint64_t ns)
{
    hist_add(&totals->latency, ns);
    if (request->is_set) {
        totals->n_sets++;
        hist_add(&totals->set_latency, ns);
        return;
    }
    totals->n_gets++;
    totals->n_keys += request->n_keys;
    totals->n_hits += parser->n_hits;
    totals->n_misses += n_missed(request, parser);
    hist_add(&totals->get_latency, ns);
}

void load_live_answer(struct load_live *live, const struct load_request *request,
                      const struct load_parser *parser)
{
    add(&live->n_requests, 1);
    add(&live->n_right, parser->error == LOAD_ERROR_NONE ? 1 : 0);
    add(&live->n_hits, parser->n_hits);
    add(&live->n_misses, n_missed(request, parser));
}

void load_totals_merge(struct load_totals *to, const struct load_totals *from)
{
    to->n_gets += from->n_gets;
    to->n_sets += from->n_sets;
    to->n_keys += from->n_keys;
    to->n_hits += from->n_hits;
    to->n_misses += from->n_misses;
    to->sent_bytes += from->sent_bytes;
    to->received_bytes += from->received_bytes;
    for (uint32_t i = 0; i < LOAD_N_ERRORS; i++) {
        to->errors[i] += from->errors[i];
    }
    for (uint32_t i = 0; i < from->n_texts; i++) {
        note_text(to, from->texts[i].error, from->texts[i].text, from->texts[i].n);
    }
    if (to->first_ns == 0 || from->first_ns < to->first_ns) {
        to->first_ns = from->first_ns;
    }
    if (from->last_ns > to->last_ns) {
        to->last_ns = from->last_ns;
    }
    hist_merge(&to->latency, &from->latency);
    hist_merge(&to->get_latency, &from->get_latency);
    hist_merge(&to->set_latency, &from->set_latency);
}

void load_live_add(struct load_live_sum *to, const struct load_live *live)
{
    to->n_requests += atomic_load_explicit(&live->n_requests, memory_order_relaxed);
    to->n_right += atomic_load_explicit(&live->n_right, memory_order_relaxed);
    to->n_hits += atomic_load_explicit(&live->n_hits, memory_order_relaxed);
    to->n_misses += atomic_load_explicit(&live->n_misses, memory_order_relaxed);
    to->n_errors += atomic_load_explicit(&live->n_errors, memory_order_relaxed);
    to->n_protocol_errors += atomic_load_explicit(&live->n_protocol_errors, memory_order_relaxed);
}

uint64_t load_totals_n_errors(const struct load_totals *totals)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < LOAD_N_ERRORS; i++) {
        n += totals->errors[i];
    }
    return n;
}

double load_totals_hit_rate(const struct load_totals *totals)
{
    uint64_t n = totals->n_hits + totals->n_misses;

    return n > 0 ? (double)totals->n_hits / (double)n : 0;
}

double load_totals_seconds(const struct load_totals *totals)
{
    uint64_t ns = totals->last_ns > totals->first_ns ? totals->last_ns - totals->first_ns : 1;

    return (double)ns / 1e9;
}
