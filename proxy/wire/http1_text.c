/*
 * Classes of bytes, and runs and lists of them.
 */
#include <endian.h>

#include "wire/http1_parse.h"

#define IS_DIGIT(c)                ((c) >= '0' && (c) <= '9')
#define IS_UPPER(c)                ((c) >= 'A' && (c) <= 'Z')
#define IS_ALPHA(c)                (((c) >= 'a' && (c) <= 'z') || IS_UPPER(c))
#define IS_ONE_OF_4(c, w, x, y, z) ((c) == (w) || (c) == (x) || (c) == (y) || (c) == (z))

#define IS_UNRESERVED(c) (IS_ALPHA(c) || IS_DIGIT(c) || IS_ONE_OF_4(c, '-', '.', '_', '~'))
#define IS_TOKEN(c)                                                                                \
    (IS_UNRESERVED(c) || IS_ONE_OF_4(c, '!', '#', '$', '%') ||                                     \
     IS_ONE_OF_4(c, '&', '\'', '*', '+') || IS_ONE_OF_4(c, '^', '`', '|', '|'))
#define IS_SUB_DELIM(c)                                                                            \
    (IS_ONE_OF_4(c, '!', '$', '&', '\'') || IS_ONE_OF_4(c, '(', ')', '*', '+') ||                  \
     IS_ONE_OF_4(c, ',', ';', '=', '='))
#define IS_VISIBLE(c) ((c) > 0x20 && (c) < 0x7f)
#define IS_TEXT(c)    (((c) >= 0x20 && (c) != 0x7f) || (c) == '\t')

#define CLASS(c)                                                                                   \
    ((IS_TOKEN(c) ? HTTP1_TOKEN : 0) | (IS_VISIBLE(c) ? HTTP1_VISIBLE : 0) |                       \
     (IS_TEXT(c) ? HTTP1_TEXT : 0) | (IS_UNRESERVED(c) ? HTTP1_UNRESERVED : 0) |                   \
     (IS_UNRESERVED(c) || IS_SUB_DELIM(c) ? HTTP1_REG_NAME : 0))
#define LOWER(c) ((uint8_t)(IS_UPPER(c) ? (c) | 0x20 : (c)))

/* X(c) for all the bytes c. */
#define FOUR(X, c)    X(c), X((c) + 1), X((c) + 2), X((c) + 3)
#define SIXTEEN(X, c) FOUR(X, c), FOUR(X, (c) + 4), FOUR(X, (c) + 8), FOUR(X, (c) + 12)
#define QUARTER(X, c)                                                                              \
    SIXTEEN(X, c), SIXTEEN(X, (c) + 16), SIXTEEN(X, (c) + 32), SIXTEEN(X, (c) + 48)
#define ALL(X) QUARTER(X, 0), QUARTER(X, 64), QUARTER(X, 128), QUARTER(X, 192)

const uint8_t http1_classes[256] = {ALL(CLASS)};
const uint8_t http1_lower_case[256] = {ALL(LOWER)};

/* Eight bytes at a time: what is below the space or is DEL is looked for first, and only then
 * looked at, for it may be a tab. */
const uint8_t *http1_text_end(const uint8_t *p, const uint8_t *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);

    while (end - p >= 8) {
        uint64_t word, low, delete, found;

        memcpy(&word, p, sizeof word);
        word = le64toh(word);
        delete = word ^ (ones * 0x7f);
        low = (word - ones * 0x20) & ~word;
        found = (low | ((delete - ones) & ~delete)) & (ones * 0x80);
        if (found == 0) {
            p += 8;
            continue;
        }
        /* The lowest set bit marks the first such byte; higher ones may be carries. */
        p += (unsigned)__builtin_ctzll(found) / 8;
        if (!http1_is(*p, HTTP1_TEXT)) {
            return p;
        }
        p++;
    }
    while (p < end && http1_is(*p, HTTP1_TEXT)) {
        p++;
    }
    return p;
}

bool http1_list_next(struct http1_list *list, struct slice *element)
{
    size_t comma;

    if (list->is_at_end) {
        return false;
    }
    comma = http1_find_byte(list->rest, ',');
    *element = http1_trim(slice_make(list->rest.data, comma));
    list->is_at_end = comma == list->rest.len;
    if (!list->is_at_end) {
        list->rest = slice_skip(list->rest, comma + 1);
    }
    return true;
}

static bool equal_nocase(struct slice text, const char *other)
{
    size_t i;

    if (text.len != strlen(other)) {
        return false;
    }
    for (i = 0; i < text.len; i++) {
        if (http1_lower_case[text.data[i]] != http1_lower_case[(uint8_t)other[i]]) {
            return false;
        }
    }
    return true;
}

bool http1_find_field(const struct http1_fields *fields, const char *name, struct slice *value)
{
    size_t i;

    for (i = 0; i < fields->n; i++) {
        if (equal_nocase(fields->list[i].name, name)) {
            *value = fields->list[i].value;
            return true;
        }
    }
    return false;
}

bool http1_list_has(struct slice value, const char *token)
{
    struct http1_list list = {.rest = value};
    struct slice element;

    while (http1_list_next(&list, &element)) {
        if (element.len > 0 && equal_nocase(element, token)) {
            return true;
        }
    }
    return false;
}
