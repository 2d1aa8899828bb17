#include "reply.h"

#include <stdbool.h>
#include <string.h>

struct text {
    const char *at;
    size_t len;
};

void reply_init(struct reply_parser *parser)
{
    memset(parser, 0, sizeof(*parser));
}

/* Take the next word, up to a space, from [line]. */
static struct text take_word(struct text *line)
{
    const char *space = memchr(line->at, ' ', line->len);
    struct text word = {line->at, space != NULL ? (size_t)(space - line->at) : line->len};
    size_t used = space != NULL ? word.len + 1 : word.len;

    line->at += used;
    line->len -= used;
    return word;
}

static bool text_is(struct text text, const char *expected)
{
    return text.len == strlen(expected) && memcmp(text.at, expected, text.len) == 0;
}

static bool text_number(struct text text, uint64_t *number)
{
    *number = 0;
    if (text.len == 0 || text.len > 19) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
        *number = *number * 10 + (uint64_t)(text.at[i] - '0');
    }
    return true;
}

/* A key of a reply: it must be one that was asked for and has not come yet. */
static bool see_key(struct reply_parser *parser, const struct reply_rules *rules,
                    const struct reply_want *want, struct text key)
{
    uint32_t index = keys_index(rules->keys, key.at, key.len);
    uint32_t offset;
    uint64_t bit;

    if (index == UINT32_MAX) {
        return false;
    }
    offset = index >= want->first ? index - want->first : index + rules->keys->n - want->first;
    if (offset >= want->n_keys) {
        return false;
    }
    bit = UINT64_C(1) << (offset % 64);
    if (parser->seen[offset / 64] & bit) {
        return false;
    }
    parser->seen[offset / 64] |= bit;
    parser->n_seen++;
    return true;
}

/* The reply is complete: make the parser ready for the next one. */
static enum reply_result finish(struct reply_parser *parser, const struct reply_want *want,
                                enum reply_result result)
{
    parser->n_missed = want->n_keys - parser->n_seen;
    parser->n_seen = 0;
    memset(parser->seen, 0, (want->n_keys + 63) / 64 * sizeof(parser->seen[0]));
    return result;
}

static enum reply_result begin_body(struct reply_parser *parser, const struct reply_rules *rules,
                                    struct text size)
{
    uint64_t n;

    if (!text_number(size, &n) || n != rules->value_size) {
        return REPLY_BROKEN;
    }
    parser->body_left = n;
    parser->state = n > 0 ? REPLY_IN_BODY : REPLY_AFTER_BODY;
    return REPLY_MORE;
}

static enum reply_result on_get_line(struct reply_parser *parser, const struct reply_rules *rules,
                                     const struct reply_want *want, struct text line)
{
    struct text name = take_word(&line);
    struct text key, size;
    uint64_t flags;

    if (text_is(name, "END") && line.len == 0) {
        return finish(parser, want, REPLY_DONE);
    }
    key = take_word(&line);
    if (!text_is(name, "VALUE") || !see_key(parser, rules, want, key) ||
        !text_number(take_word(&line), &flags)) {
        return REPLY_BROKEN;
    }
    size = take_word(&line);
    return line.len == 0 ? begin_body(parser, rules, size) : REPLY_BROKEN;
}

static enum reply_result on_meta_line(struct reply_parser *parser, const struct reply_rules *rules,
                                      const struct reply_want *want, struct text line)
{
    struct text name = take_word(&line);
    struct text size, key;

    if (text_is(name, "EN") && line.len == 0) {
        return finish(parser, want, REPLY_DONE);
    }
    size = take_word(&line);
    key = take_word(&line);
    if (!text_is(name, "VA") || line.len > 0 || key.len < 1 || key.at[0] != 'k') {
        return REPLY_BROKEN;
    }
    key.at++;
    key.len--;
    return see_key(parser, rules, want, key) ? begin_body(parser, rules, size) : REPLY_BROKEN;
}

/* [line] is without its CRLF. */
static enum reply_result on_line(struct reply_parser *parser, const struct reply_rules *rules,
                                 const struct reply_want *want, struct text line)
{
    struct text rest = line;
    struct text name = take_word(&rest);

    if (parser->state == REPLY_AFTER_BODY) {
        if (line.len > 0) {
            return REPLY_BROKEN;
        }
        parser->state = REPLY_AT_LINE;
        return want->form == REPLY_META ? finish(parser, want, REPLY_DONE) : REPLY_MORE;
    }
    if (name.len >= 5 && memcmp(name.at + name.len - 5, "ERROR", 5) == 0) {
        return finish(parser, want, REPLY_FAILED);
    }
    switch (want->form) {
    case REPLY_GET:
        return on_get_line(parser, rules, want, line);
    case REPLY_META:
        return on_meta_line(parser, rules, want, line);
    case REPLY_STORED:
        return text_is(line, "STORED") ? finish(parser, want, REPLY_DONE) : REPLY_BROKEN;
    }
    return REPLY_BROKEN;
}

/*
 * Find the next line. Returns 1 with [line] set, 0 when it is not complete (and now kept), or -1
 * when it is too long or does not end in CRLF.
 */
static int next_line(struct reply_parser *parser, const char **at, const char *end,
                     struct text *line)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    size_t n = newline != NULL ? (size_t)(newline + 1 - *at) : (size_t)(end - *at);

    line->at = *at;
    line->len = n;
    *at += n;
    if (parser->n_line > 0 || newline == NULL) {
        if (n > REPLY_MAX_LINE - parser->n_line) {
            return -1;
        }
        memcpy(parser->line + parser->n_line, line->at, n);
        parser->n_line += n;
        line->at = parser->line;
        line->len = parser->n_line;
    }
    if (newline == NULL) {
        return 0;
    }
    parser->n_line = 0;
    if (line->len < 2 || line->at[line->len - 2] != '\r') {
        return -1;
    }
    line->len -= 2;
    return 1;
}

/* For the message about it; [line] may be parser->line already. */
static void keep_text(struct reply_parser *parser, struct text line)
{
    size_t n = line.len < REPLY_MAX_LINE ? line.len : REPLY_MAX_LINE;

    memmove(parser->line, line.at, n);
    parser->line[n] = '\0';
}

enum reply_result reply_feed(struct reply_parser *parser, const struct reply_rules *rules,
                             const struct reply_want *want, const char **at, const char *end)
{
    enum reply_result result = REPLY_MORE;

    while (result == REPLY_MORE && *at < end) {
        struct text line;
        int found;

        if (parser->state == REPLY_IN_BODY) {
            uint64_t n = (uint64_t)(end - *at);
            n = n < parser->body_left ? n : parser->body_left;
            *at += n;
            parser->body_left -= n;
            parser->state = parser->body_left > 0 ? REPLY_IN_BODY : REPLY_AFTER_BODY;
            continue;
        }
        found = next_line(parser, at, end, &line);
        if (found == 0) {
            return REPLY_MORE;
        }
        result = found < 0 ? REPLY_BROKEN : on_line(parser, rules, want, line);
        if (result == REPLY_FAILED || result == REPLY_BROKEN) {
            keep_text(parser, line);
        }
    }
    return result;
}
