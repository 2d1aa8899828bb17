/*
 * Chunked bodies. RFC 9112 7.1
 */
#include "wire/http1_parse.h"

#define DIGITS_MAX 15u

enum state {
    SIZE, /* all zero: at the first byte of a size line */
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    FAILED,
};

/* One byte of a size line, its extensions excepted. */
static enum state after_size_byte(struct http1_chunks *chunks, uint8_t byte)
{
    int digit = http1_hex_value(byte);

    if (digit >= 0) {
        chunks->left = chunks->left * 16 + (uint64_t)digit;
        chunks->line++;
        return chunks->line <= DIGITS_MAX ? SIZE : FAILED;
    }
    if (chunks->line == 0) {
        return FAILED;
    }
    if (byte == ';') {
        chunks->line++;
        return EXTENSION;
    }
    return byte == '\r' ? SIZE_LF : FAILED;
}

/* Extensions, up to and with the CR; returns where they end in [p, end). */
static const uint8_t *skip_extension(struct http1_chunks *chunks, const uint8_t *p,
                                     const uint8_t *end)
{
    size_t max = HTTP1_CHUNK_LINE_MAX - chunks->line;
    const uint8_t *stop = http1_text_end(p, (size_t)(end - p) > max ? p + max : end);

    chunks->line += (uint32_t)(stop - p);
    if (stop == end) {
        return end;
    }
    chunks->state = *stop == '\r' ? SIZE_LF : FAILED;
    return stop + 1;
}

/* One byte that must be [byte]. */
static enum state expect(uint8_t byte, uint8_t expected, enum state next)
{
    return byte == expected ? next : FAILED;
}

static enum http1_chunk take_data(struct http1_chunks *chunks, struct slice in, size_t *used,
                                  struct slice *data)
{
    size_t n = in.len - *used;

    if (n > chunks->left) {
        n = (size_t)chunks->left;
    }
    *data = slice_make(in.data + *used, n);
    *used += n;
    chunks->left -= n;
    if (chunks->left == 0) {
        chunks->state = DATA_CR;
    }
    return HTTP1_CHUNK_DATA;
}

/* Everything but data: step over what is at [p, end), one byte at least. */
static const uint8_t *step(struct http1_chunks *chunks, const uint8_t *p, const uint8_t *end)
{
    switch ((enum state)chunks->state) {
    case SIZE:
        chunks->state = (uint8_t)after_size_byte(chunks, *p);
        break;
    case EXTENSION:
        return skip_extension(chunks, p, end);
    case SIZE_LF:
        chunks->state = (uint8_t)expect(*p, '\n', DATA);
        break;
    case DATA_CR:
        chunks->state = (uint8_t)expect(*p, '\r', DATA_LF);
        break;
    case DATA_LF:
        chunks->state = (uint8_t)expect(*p, '\n', SIZE);
        chunks->line = 0;
        break;
    case DATA:
    case FAILED:
        break;
    }
    return p + 1;
}

enum http1_chunk http1_chunks_next(struct http1_chunks *chunks, struct slice in, size_t *used,
                                   struct slice *data)
{
    *used = 0;
    for (;;) {
        if (chunks->state == FAILED) {
            return HTTP1_CHUNK_ERROR;
        }
        if (chunks->state == DATA && chunks->left == 0) {
            *chunks = (struct http1_chunks){0};
            return HTTP1_CHUNK_LAST;
        }
        if (*used == in.len) {
            return HTTP1_CHUNK_MORE;
        }
        if (chunks->state == DATA) {
            return take_data(chunks, in, used, data);
        }
        *used = (size_t)(step(chunks, in.data + *used, in.data + in.len) - in.data);
    }
}
