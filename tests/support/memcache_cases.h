/*
 * Tables of memcached request lines and what the parser must make of them; for the unit tests.
 */
#ifndef RINGWAY_TESTS_SUPPORT_MEMCACHE_CASES_H
#define RINGWAY_TESTS_SUPPORT_MEMCACHE_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/memcache_request.h"

#define BCLF "CLIENT_ERROR bad command line format"

/* A line that may hold any byte. */
#define LINE(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

#define K50  "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define K250 K50 K50 K50 K50 K50
#define K251 K250 "k"

/* What is set in a request, as bits. */
enum {
    NOREPLY = 1,
    QUIET = 2,
    BASE64 = 4,
    WANTS_CAS = 8,
    VIVIFY = 16,
    VERBATIM = 32,
};

struct good_case {
    struct slice line;
    enum memcache_command command;
    const char *key;
    const char *args;
    unsigned bits;
    uint64_t value_len;
    const char *written; /* NULL: not looked at */
};

struct bad_case {
    struct slice line;
    const char *error; /* NULL: nothing is answered */
    uint64_t swallow;
};

/* Parse a copy of exactly the line's size, so that a sanitizer sees every byte read beyond. */
static inline enum memcache_parse parse_copy(struct slice line, uint8_t **copy,
                                             struct memcache_request *request)
{
    size_t scanned = 0;
    *copy = malloc(line.len);
    assert_non_null(*copy);
    memcpy(*copy, line.data, line.len);
    return memcache_request_parse(slice_make(*copy, line.len), &scanned, 1u << 20, request);
}

static inline void assert_slice(struct slice is, const char *should)
{
    if (!slice_is(is, should)) {
        fail_msg("is '%.*s', should be '%s'", (int)is.len, (const char *)is.data, should);
    }
}

static inline unsigned bits_of(const struct memcache_request *request)
{
    return (request->noreply ? NOREPLY : 0u) | (request->quiet ? QUIET : 0u) |
           (request->base64_key ? BASE64 : 0u) | (request->return_cas ? WANTS_CAS : 0u) |
           (request->vivify ? VIVIFY : 0u) | (request->verbatim ? VERBATIM : 0u);
}

static inline void check_written(const struct memcache_request *request, const char *written)
{
    uint8_t *buffer = malloc(request->line.len + 2);
    assert_non_null(buffer);
    size_t len = memcache_request_write_line(request, buffer);
    assert_true(len <= request->line.len + 2);
    assert_slice(slice_make(buffer, len), written);
    if (request->verbatim) {
        assert_true(slice_equal(slice_make(buffer, len), request->line));
    }
    free(buffer);
}

static inline void check_good(const struct good_case *c)
{
    struct memcache_request request;
    uint8_t *copy = NULL;
    print_message("%.*s", (int)c->line.len, (const char *)c->line.data);
    assert_int_equal(parse_copy(c->line, &copy, &request), MEMCACHE_PARSE_REQUEST);
    assert_int_equal(request.command, c->command);
    assert_int_equal(request.line.len, c->line.len);
    assert_slice(request.key, c->key);
    assert_slice(request.args, c->args);
    assert_int_equal(bits_of(&request), c->bits);
    assert_int_equal(request.value_len, c->value_len);
    assert_null(request.error);
    assert_int_equal(request.swallow, 0);
    if (c->written != NULL) {
        check_written(&request, c->written);
    }
    free(copy);
}

static inline void check_bad(const struct bad_case *c)
{
    struct memcache_request request;
    uint8_t *copy = NULL;
    print_message("%.*s", (int)c->line.len, (const char *)c->line.data);
    assert_int_equal(parse_copy(c->line, &copy, &request), MEMCACHE_PARSE_ERROR);
    assert_int_equal(request.line.len, c->line.len);
    if (c->error == NULL) {
        assert_null(request.error);
    } else {
        assert_non_null(request.error);
        assert_string_equal(request.error, c->error);
    }
    assert_int_equal(request.swallow, c->swallow);
    free(copy);
}

#define CHECK_ALL(check, cases)                                                                    \
    do {                                                                                           \
        for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++) {                          \
            check(&(cases)[i]);                                                                    \
        }                                                                                          \
    } while (0)

#endif
