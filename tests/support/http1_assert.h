/*
 * What the tests of HTTP/1 share: parse a text, compare slices, and fields by name.
 */
#ifndef RINGWAY_TESTS_SUPPORT_HTTP1_ASSERT_H
#define RINGWAY_TESTS_SUPPORT_HTTP1_ASSERT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/http1.h"

#define HTTP1_TEST_HEAD_MAX 1024u
#define COUNT(array)        (sizeof(array) / sizeof(*(array)))

static inline enum http1_parse parse_request(const char *text, struct http1_request *out)
{
    const struct http1_limits limits = {.head_max = HTTP1_TEST_HEAD_MAX};
    struct http1_scan scan = {0};

    return http1_request_parse(slice_of(text), &scan, &limits, out);
}

static inline enum http1_parse parse_response(const char *text, struct http1_response *out)
{
    struct http1_scan scan = {0};

    return http1_response_parse(slice_of(text), &scan, HTTP1_TEST_HEAD_MAX, out);
}

/** A request that must be taken. */
static inline void take_request(const char *text, struct http1_request *out)
{
    if (parse_request(text, out) != HTTP1_PARSE_DONE) {
        fail_msg("not taken: %s", text);
    }
}

/** A response that must be taken. */
static inline void take_response(const char *text, struct http1_response *out)
{
    if (parse_response(text, out) != HTTP1_PARSE_DONE) {
        fail_msg("not taken: %s", text);
    }
}

static inline void assert_slice(struct slice slice, const char *text)
{
    if (!slice_is(slice, text)) {
        fail_msg("'%.*s' is not '%s'", (int)slice.len, (const char *)slice.data, text);
    }
}

/** The names of the fields that are hop by hop, or not, are these, with a space after each. */
static inline void assert_names(const struct http1_fields *fields, bool hop, const char *expected)
{
    char names[1024];
    size_t used = 0, i;

    for (i = 0; i < fields->n; i++) {
        if (fields->list[i].hop == hop) {
            struct slice name = fields->list[i].name;

            assert_true(name.len + 1 < sizeof names - used);
            memcpy(names + used, name.data, name.len);
            names[used + name.len] = ' ';
            used += name.len + 1;
        }
    }
    assert_slice(slice_make(names, used), expected);
}

#endif
