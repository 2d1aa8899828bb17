/*
 * Where the keys of a subcommand come from, a batch at a time, so that any number of them needs the
 * same memory: made up by number, lines of a file, requests of a log, or what a
 * memcached holds.
 */
#ifndef RINGWAY_BENCH_KEY_SOURCE_H
#define RINGWAY_BENCH_KEY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "options.h"

enum {
    KEY_SOURCE_BATCH = 1024,
    KEY_SOURCE_MADE_BYTES = 32, /* longest key that is made up */
};

enum key_source_style {
    KEY_SOURCE_NUMBERED, /* "key:0", "key:1", … */
    KEY_SOURCE_HASHED,   /* 16 hexadecimal digits that the seed and the number decide */
};

struct key_source_options {
    uint64_t n_keys;     /* made up, or 0 for all of the file or server; else at most so many */
    double zipf;         /* above 0: draw made-up keys by Zipf's distribution, key 0 most often */
    uint64_t n_requests; /* how many are drawn; 0: as many as there are keys */
    uint64_t n_sample;   /* draw so many of the made-up keys, with repetition; 0: take each once */
    enum key_source_style style;
    uint64_t seed;
    const char *file;      /* NULL, or a file; "-" is standard input */
    const char *log;       /* NULL, or an access log of Ringway; "-" is standard input */
    const char *log_pool;  /* NULL, or the pool whose requests count */
    const char *memcached; /* NULL, or "host:port" or "unix:/path" */
};

/* Begins with these; n_keys 0 means KEY_SOURCE_DEFAULT made-up keys. */
#define KEY_SOURCE_DEFAULT UINT64_C(1000000)
#define KEY_SOURCE_INIT                                                                            \
    {                                                                                              \
        .seed = 1                                                                                  \
    }

/* For the table of options; [o_] is a struct key_source_options *. */
#define KEY_SOURCE_OPTIONS(o_)                                                                     \
    OPTIONS_COUNT("keys", "N", "how many keys; of a file or server, at most (1000000; all)",       \
                  &(o_)->n_keys, 1, 1e12),                                                         \
        OPTIONS_COUNT("sample", "N", "draw N of the made-up keys and say how sure the result is",  \
                      &(o_)->n_sample, 100, 1e12),                                                 \
        OPTIONS_CUSTOM("key-style", "STYLE", "made-up keys: numbered (key:0, key:1, ...), hashed", \
                       &(o_)->style, key_source_set_style),                                        \
        OPTIONS_TEXT("key-file", "FILE", "keys from a file, one a line; - is standard input",      \
                     &(o_)->file),                                                                 \
        OPTIONS_TEXT("access-log", "FILE", "the keys of an access log of Ringway, text or JSON",   \
                     &(o_)->log),                                                                  \
        OPTIONS_TEXT("log-pool", "POOL", "of the log, only the requests of this pool",             \
                     &(o_)->log_pool),                                                             \
        OPTIONS_REAL("zipf", "ALPHA", "requests for made-up keys by Zipf's distribution",          \
                     &(o_)->zipf, 0.01, 10),                                                       \
        OPTIONS_COUNT("requests", "N", "with --zipf, how many (as many as keys)",                  \
                      &(o_)->n_requests, 1, 1e12),                                                 \
        OPTIONS_TEXT("memcached", "HOST:PORT",                                                     \
                     "the keys that a memcached holds (lru_crawler metadump)", &(o_)->memcached),  \
        OPTIONS_COUNT("seed", "N", "decides hashed keys and everything drawn (1)", &(o_)->seed, 0, \
                      1.8e19)

/** For OPTIONS_CUSTOM: "numbered" or "hashed" into an enum key_source_style. */
const char *key_source_set_style(void *out, const char *text);

/** Keys that lie one behind the other; valid until the next call on their source. */
struct key_source_batch {
    size_t n; /* 0 at the end */
    struct slice keys[KEY_SOURCE_BATCH];
};

struct key_source;

/**
 * Open a source.
 *
 * Returns 0, or COMMAND_USAGE when two sources are named or an address is none, COMMAND_FAILED
 * when a file or server cannot be opened; then it has been said on standard error.
 */
int key_source_open(struct key_source **out, const struct key_source_options *options);
void key_source_close(struct key_source **source);

/**
 * The next keys.
 *
 * Returns 0, also at the end, when [batch]->n is 0; or COMMAND_FAILED when the file or server broke
 * off, which has been said on standard error.
 */
int key_source_next(struct key_source *source, struct key_source_batch *batch);

/** How many keys there will be, for the progress; 0 when not known. */
uint64_t key_source_total(const struct key_source *source);

/** True if the keys are drawn from more: results are estimates. */
bool key_source_is_sample(const struct key_source *source);

/** How many keys the sample is drawn from; only of a sample. */
uint64_t key_source_population(const struct key_source *source);

/** Where they come from, in words, for the report: "numbered", "file keys.txt". Not NULL. */
const char *key_source_name(const struct key_source *source);

/**
 * Make up key [index].
 *
 * [out] KEY_SOURCE_MADE_BYTES; not terminated.
 *
 * Returns its length. About 10 ns.
 */
size_t key_source_make(enum key_source_style style, uint64_t seed, uint64_t index, char *out);

#endif
