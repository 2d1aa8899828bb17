/*
 * Keys from an access log of Ringway, one for each request: the field key="..." of a line of text,
 * or the member "key" of a line of JSON. What is not printable ASCII stands there as \u00XX, a byte
 * each, and so do quotes; so no value can look like a field. Lines without a key are passed over.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key_source_kind.h"
#include "util.h"

enum { FIELD_BYTES = 300 };

struct key_log {
    void *lines;      /* of key_lines_kind */
    const char *pool; /* only its requests; NULL: all */
};

int key_log_open(void **state, const char *path, const char *pool)
{
    struct key_log *log = util_alloc(1, sizeof(*log));
    int code = key_lines_open(&log->lines, path);

    log->pool = pool;
    if (code != 0) {
        free(log);
        return code;
    }
    *state = log;
    return 0;
}

static void log_close(void *state)
{
    struct key_log *log = state;

    key_lines_kind.close(log->lines);
    free(log);
}

/* What stands from [start] to the end of a value: a quote or, without quotes, a space. */
static struct slice value_at(const char *start, const char *end, bool is_quoted)
{
    const char *at = start;

    while (at < end && *at != (is_quoted ? '"' : ' ')) {
        at += is_quoted && *at == '\\' && at + 1 < end ? 2 : 1;
    }
    return slice_make(start, (size_t)((at < end ? at : end) - start));
}

/* The value behind [mark] in [line], as written. */
static bool find_after(struct slice line, const char *mark, struct slice *value)
{
    const char *end = (const char *)line.data + line.len;
    const char *at = memmem(line.data, line.len, mark, strlen(mark));
    bool is_quoted;

    if (at == NULL) {
        return false;
    }
    at += strlen(mark);
    at += at < end && *at == ' ';
    is_quoted = at < end && *at == '"';
    *value = value_at(at + is_quoted, end, is_quoted);
    return true;
}

static bool find_field(struct slice line, const char *name, struct slice *value)
{
    char mark[FIELD_BYTES];

    snprintf(mark, sizeof(mark), line.data[0] == '{' ? "\"%s\":" : " %s=", name);
    return find_after(line, mark, value);
}

static int hex_value(uint8_t digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = memchr(digits, digit | ((digit >= 'A' && digit <= 'F') ? 0x20 : 0), 16);

    return at != NULL ? (int)(at - digits) : -1;
}

/* The byte of \u00XX at [text] of [len] bytes, or -1. */
static int escaped_byte(const uint8_t *text, size_t len)
{
    int high, low;

    if (len < 6 || memcmp(text, "\\u00", 4) != 0) {
        return -1;
    }
    high = hex_value(text[4]);
    low = hex_value(text[5]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Undo the escapes of [value] in place, in the buffer of the lines, which is ours. */
static struct slice unescape(struct slice value)
{
    uint8_t *out = (uint8_t *)(uintptr_t)value.data;
    size_t n = 0;

    for (size_t i = 0; i < value.len; i++) {
        int byte = escaped_byte(value.data + i, value.len - i);

        if (byte >= 0) {
            i += 5;
        } else if (value.data[i] == '\\' && i + 1 < value.len) {
            i++; /* \" and \\ of another JSON writer */
        }
        out[n++] = byte >= 0 ? (uint8_t)byte : value.data[i];
    }
    return slice_make(out, n);
}

static bool take_key(const struct key_log *log, struct slice line, struct slice *key)
{
    struct slice pool;

    if (log->pool != NULL && (!find_field(line, "pool", &pool) || !slice_is(pool, log->pool))) {
        return false;
    }
    if (!find_field(line, "key", key)) {
        return false;
    }
    *key = unescape(*key);
    return key->len > 0;
}

static int log_next(void *state, struct key_source_batch *batch, size_t max)
{
    struct key_log *log = state;
    size_t n_lines;
    int code;

    do {
        batch->n = 0;
        code = key_lines_kind.next(log->lines, batch, max);
        n_lines = batch->n;
        batch->n = 0;
        for (size_t i = 0; i < n_lines; i++) {
            batch->n += take_key(log, batch->keys[i], &batch->keys[batch->n]);
        }
    } while (code == 0 && n_lines > 0 && batch->n == 0);
    return code;
}

const struct key_source_kind key_log_kind = {.next = log_next, .close = log_close};
