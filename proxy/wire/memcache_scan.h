/*
 * What the memcached parsers share: finding the ends of keys and tokens, and reading numbers as
 * memcached reads them. Private to wire/. Nothing here allocates or reads past what it is given.
 */
#ifndef RINGWAY_WIRE_MEMCACHE_SCAN_H
#define RINGWAY_WIRE_MEMCACHE_SCAN_H

#include <endian.h>

#include "base/slice.h"

/** The bytes that end a key: the space, and CR and NUL, which no key may hold. */
static inline bool scan_is_key_stop(uint8_t c)
{
    return c == ' ' || c == '\r' || c == '\0';
}

/**
 * The first byte of [p, end) that ends a key, or [end].
 *
 * Eight bytes at a time: control bytes are legal in keys but rare, so a byte up to the space is
 * looked for first and only then looked at.
 */
static inline const uint8_t *scan_key_end(const uint8_t *p, const uint8_t *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        word = le64toh(word);
        /* The lowest set bit marks the first byte below 0x21; higher ones may be carries. */
        uint64_t low = (word - ones * 0x21) & ~word & (ones * 0x80);
        if (low == 0) {
            p += 8;
            continue;
        }
        p += (unsigned)__builtin_ctzll(low) / 8;
        if (scan_is_key_stop(*p)) {
            return p;
        }
        p++;
    }
    while (p < end && !scan_is_key_stop(*p)) {
        p++;
    }
    return p;
}

static inline struct slice scan_between(const uint8_t *from, const uint8_t *to)
{
    return (struct slice){from, (size_t)(to - from)};
}

/** Take the next token off [rest]: what stands between spaces. Empty at the end. */
static inline struct slice scan_token(struct slice *rest)
{
    const uint8_t *p = rest->data;
    const uint8_t *end = p + rest->len;
    while (p < end && *p == ' ') {
        p++;
    }
    const uint8_t *start = p;
    while (p < end && *p != ' ') {
        p++;
    }
    *rest = scan_between(p, end);
    return scan_between(start, p);
}

/** As scan_token() but made for long tokens, and ends at CR and NUL, too. */
static inline struct slice scan_key(struct slice *rest)
{
    const uint8_t *p = rest->data;
    const uint8_t *end = p + rest->len;
    while (p < end && *p == ' ') {
        p++;
    }
    const uint8_t *start = p;
    p = scan_key_end(p, end);
    *rest = scan_between(p, end);
    return scan_between(start, p);
}

/** [text] without the spaces at its ends. */
static inline struct slice scan_trim(struct slice text)
{
    while (text.len > 0 && text.data[0] == ' ') {
        text = slice_skip(text, 1);
    }
    while (text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

/** One or more decimal digits, no sign, up to 2^64 - 1. */
static inline bool scan_digits(struct slice text, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9) {
            return false;
        }
        if (i >= 19 && (sum > UINT64_MAX / 10 || sum * 10 > UINT64_MAX - digit)) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *value = sum;
    return text.len > 0;
}

/** As strtoull() reads it, without white space and without wrapping negative numbers around. */
static inline bool scan_is_unsigned(struct slice text)
{
    uint64_t value = 0;
    if (text.len > 0 && text.data[0] == '+') {
        return scan_digits(slice_skip(text, 1), &value);
    }
    if (text.len > 0 && text.data[0] == '-') {
        return scan_digits(slice_skip(text, 1), &value) && value == 0;
    }
    return scan_digits(text, &value);
}

/** As strtoll() reads it, without white space. */
static inline bool scan_is_signed(struct slice text)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    if (negative || (text.len > 0 && text.data[0] == '+')) {
        text = slice_skip(text, 1);
    }
    uint64_t magnitude = 0;
    return scan_digits(text, &magnitude) && magnitude <= (uint64_t)INT64_MAX + (negative ? 1 : 0);
}

/** A 32-bit number as memcached reads lengths: at most eleven bytes, no plus sign. */
static inline bool scan_int32(struct slice text, int64_t *value)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    uint64_t magnitude = 0;
    if (text.len > 11 || !scan_digits(slice_skip(text, negative ? 1 : 0), &magnitude) ||
        magnitude > (uint64_t)INT32_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

#endif
