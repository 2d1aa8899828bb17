/*
 * Writing: numbers, dates, and heads of answers.
 */
#include "wire/http1.h"

void http1_put_number(struct http1_writer *writer, uint64_t number)
{
    uint8_t digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    http1_put(writer, slice_make(digits + at, sizeof digits - at));
}

void http1_put_hex(struct http1_writer *writer, uint64_t number)
{
    uint8_t digits[16];
    size_t at = sizeof digits;

    do {
        digits[--at] = (uint8_t) "0123456789abcdef"[number % 16];
        number /= 16;
    } while (number > 0);
    http1_put(writer, slice_make(digits + at, sizeof digits - at));
}

/* ---- dates ------------------------------------------------------------------------------- */

struct date {
    unsigned year, month, day; /* month 0..11, day 1..31 */
};

/* Years are counted from March, so that the leap day is the last of its year; 400 years have
 * 146097 days, five months from March on have 153. */
static struct date date_of(uint64_t days_since_1970)
{
    uint64_t days = days_since_1970 + 719468; /* since 1 March of the year 0 */
    unsigned in_era = (unsigned)(days % 146097);
    unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153;

    return (struct date){
        .year = (unsigned)(days / 146097) * 400 + year + (month >= 10 ? 1 : 0),
        .month = (month + 2) % 12,
        .day = in_year - (153 * month + 2) / 5 + 1,
    };
}

static char *put_two(char *out, unsigned number, char after)
{
    out[0] = (char)('0' + number / 10 % 10);
    out[1] = (char)('0' + number % 10);
    out[2] = after;
    return out + 3;
}

void http1_format_date(uint64_t seconds, char out[HTTP1_DATE_BYTES])
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1 January 1970 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct date date = date_of(seconds / 86400);
    unsigned second = (unsigned)(seconds % 86400);
    char *at = out;

    memcpy(at, days + seconds / 86400 % 7 * 3, 3);
    memcpy(at + 3, ", ", 2);
    at = put_two(at + 5, date.day, ' ');
    memcpy(at, months + date.month * 3, 3);
    at[3] = ' ';
    at = put_two(at + 4, date.year / 100, ' ') - 1;
    at = put_two(at, date.year, ' ');
    at = put_two(at, second / 3600, ':');
    at = put_two(at, second / 60 % 60, ':');
    at = put_two(at, second % 60, ' ');
    memcpy(at, "GMT", 3);
}

/* ---- answers ----------------------------------------------------------------------------- */

const char *http1_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {508, "Loop Detected"},
    };
    size_t i;

    for (i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Unknown";
}

static void put_text_field(struct http1_writer *writer, const char *name, const char *value)
{
    http1_put_field(writer, slice_of(name), slice_of(value));
}

size_t http1_answer_write(const struct http1_answer *answer, char *out, size_t max)
{
    struct http1_writer writer = {.data = (uint8_t *)out, .max = max};

    http1_put_text(&writer, "HTTP/1.1 ");
    http1_put_number(&writer, (uint64_t)answer->status);
    http1_put_text(&writer, " ");
    http1_put_text(&writer, http1_reason(answer->status));
    http1_put_text(&writer, "\r\n");
    if (answer->content_type != NULL) {
        put_text_field(&writer, "Content-Type", answer->content_type);
    }
    http1_put_text(&writer, "Content-Length: ");
    http1_put_number(&writer, answer->content_length);
    http1_put_text(&writer, "\r\n");
    if (!answer->keep_alive) {
        put_text_field(&writer, "Connection", "close");
    }
    if (answer->fields != NULL) {
        http1_put_text(&writer, answer->fields);
    }
    http1_put_text(&writer, "\r\n");
    return writer.overflowed ? 0 : writer.len;
}
