/*
 * Checks a stream of replies, byte for byte, against what was asked.
 *
 * A reply is right when it has the expected form, every value in it has the expected size and ends
 * in CRLF, every key in it was asked for and comes once (in any order: proxies answer a multi-get
 * as its parts arrive), and nothing comes that was not asked for. What the value's bytes are is not
 * compared. Nothing is allocated; text that ends inside a line is kept in the parser.
 */
#ifndef RINGWAY_BENCH_REPLY_H
#define RINGWAY_BENCH_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "keys.h"

enum {
    REPLY_MAX_KEYS = 1024,
    REPLY_MAX_LINE = 512,
};

enum reply_form {
    REPLY_GET,    /* VALUE blocks and END */
    REPLY_META,   /* VA with flag k, or EN */
    REPLY_STORED, /* STORED */
};

/** What one request waits for: [n_keys] consecutive keys from [first], wrapping at keys->n. */
struct reply_want {
    enum reply_form form;
    uint32_t first;
    uint32_t n_keys;
};

enum reply_result {
    REPLY_MORE,   /* all input used, the reply is not complete */
    REPLY_DONE,   /* complete; n_missed of its keys were not found */
    REPLY_FAILED, /* complete: an error line, kept in line[] */
    REPLY_BROKEN, /* not what was asked for; the stream is lost, the text is in line[] */
};

enum reply_state { REPLY_AT_LINE, REPLY_IN_BODY, REPLY_AFTER_BODY };

struct reply_parser {
    enum reply_state state;
    uint64_t body_left;
    uint32_t n_seen;
    uint32_t n_missed;
    uint64_t seen[REPLY_MAX_KEYS / 64];
    size_t n_line; /* bytes of an unfinished line in line[] */
    char line[REPLY_MAX_LINE + 1];
};

/** What is the same for all requests of a run. */
struct reply_rules {
    const struct keys *keys;
    uint64_t value_size;
};

/** Start at the beginning of a stream. */
void reply_init(struct reply_parser *parser);

/**
 * Check the bytes from *[at] to [end] as part of the reply that [want] describes.
 *
 * Stops after one complete reply, with *[at] behind it; call again with the next want for the rest.
 */
enum reply_result reply_feed(struct reply_parser *parser, const struct reply_rules *rules,
                             const struct reply_want *want, const char **at, const char *end);

#endif
