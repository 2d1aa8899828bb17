/*
 * What request targets and cookies hold: escapes, `name=value` pairs, dot segments.
 */
#include "wire/http1_parse.h"

/* ---- pairs ------------------------------------------------------------------------------- */

/* Take what stands before [separator] off [rest]. */
static struct slice take_piece(struct slice *rest, uint8_t separator)
{
    size_t end = http1_find_byte(*rest, separator);
    struct slice piece = slice_make(rest->data, end);

    *rest = slice_skip(*rest, end < rest->len ? end + 1 : end);
    return piece;
}

bool http1_query_find(struct slice query, struct slice name, struct slice *value)
{
    while (query.len > 0) {
        struct slice pair = take_piece(&query, '&');
        size_t equals = http1_find_byte(pair, '=');

        if (slice_equal(slice_make(pair.data, equals), name)) {
            *value = slice_skip(pair, equals < pair.len ? equals + 1 : equals);
            return true;
        }
    }
    return false;
}

bool http1_cookie_find(struct slice cookies, struct slice name, struct slice *value)
{
    while (cookies.len > 0) {
        struct slice pair = http1_trim(take_piece(&cookies, ';'));
        size_t equals = http1_find_byte(pair, '=');

        if (equals < pair.len && slice_equal(slice_make(pair.data, equals), name)) {
            *value = slice_skip(pair, equals + 1);
            return true;
        }
    }
    return false;
}

/* ---- escapes ----------------------------------------------------------------------------- */

/* The byte that the escape at in.data[at], where a '%' is, stands for, or -1. */
static int escaped_byte(struct slice in, size_t at)
{
    int high, low;

    if (in.len - at < 3) {
        return -1;
    }
    high = http1_hex_value(in.data[at + 1]);
    low = http1_hex_value(in.data[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

ptrdiff_t http1_percent_decode(struct slice in, uint8_t *out)
{
    size_t i = 0;
    ptrdiff_t n = 0;

    while (i < in.len) {
        int byte;

        if (in.data[i] != '%') {
            out[n++] = in.data[i++];
            continue;
        }
        byte = escaped_byte(in, i);
        if (byte < 0) {
            return -1;
        }
        out[n++] = (uint8_t)byte;
        i += 3;
    }
    return n;
}

/* ---- paths ------------------------------------------------------------------------------- */

/* Decode unreserved characters, write other escapes in upper case; a '%' without two digits stays.
 * Returns the bytes written, never more than came. */
static size_t normalize_escapes(struct slice path, uint8_t *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t i = 0, n = 0;

    while (i < path.len) {
        int byte = path.data[i] == '%' ? escaped_byte(path, i) : -1;

        if (byte < 0) {
            out[n++] = path.data[i++];
            continue;
        }
        i += 3;
        if (http1_is((uint8_t)byte, HTTP1_UNRESERVED)) {
            out[n++] = (uint8_t)byte;
        } else {
            out[n++] = '%';
            out[n++] = (uint8_t)digits[byte / 16];
            out[n++] = (uint8_t)digits[byte % 16];
        }
    }
    return n;
}

/* Remove `.` and `..` segments in place; returns the bytes left. What is written never passes what
 * is read. RFC 3986 5.2.4 */
static size_t remove_dot_segments(uint8_t *path, size_t len)
{
    size_t in = http1_find_byte(slice_make(path, len), '/'), out = in, root = in;

    while (in < len) { /* path[in] is a '/' */
        struct slice rest = slice_make(path + in + 1, len - in - 1);
        struct slice segment = slice_make(rest.data, http1_find_byte(rest, '/'));
        size_t next = in + 1 + segment.len;
        bool is_parent = slice_is(segment, "..");

        while (is_parent && out > root && path[--out] != '/') {
            /* back to the '/' before the segment that is left */
        }
        if (is_parent || slice_is(segment, ".")) {
            if (next == len) {
                path[out++] = '/';
            }
        } else {
            memmove(path + out, path + in, next - in);
            out += next - in;
        }
        in = next;
    }
    return out;
}

size_t http1_path_normalize(struct slice path, uint8_t *out)
{
    return remove_dot_segments(out, normalize_escapes(path, out));
}
