#include "config/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first. Decimal sizes are read, not written. */
static const struct unit durations[] = {{"h", UINT64_C(3600000000)}, {"m", UINT64_C(60000000)},
                                        {"s", UINT64_C(1000000)},    {"ms", UINT64_C(1000)},
                                        {"us", UINT64_C(1)},         {NULL, 0}};
static const struct unit sizes[] = {{"GiB", UINT64_C(1) << 30},   {"MiB", UINT64_C(1) << 20},
                                    {"KiB", UINT64_C(1) << 10},   {"B", UINT64_C(1)},
                                    {"GB", UINT64_C(1000000000)}, {"MB", UINT64_C(1000000)},
                                    {"KB", UINT64_C(1000)},       {NULL, 0}};

/* The digits at the start of [text]; returns how many bytes they take, 0 for no valid number. */
static size_t parse_digits(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    size_t n = 0;

    for (; text[n] >= '0' && text[n] <= '9'; n++) {
        uint64_t digit = (uint64_t)(text[n] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return 0;
        }
        value = value * 10 + digit;
    }
    if (n > 1 && text[0] == '0') {
        return 0;
    }
    *out = value;
    return n;
}

bool units_parse_number(const char *text, uint64_t *out)
{
    uint64_t value;
    size_t n = parse_digits(text, &value);

    if (n == 0 || text[n] != '\0') {
        return false;
    }
    *out = value;
    return true;
}

static bool parse_with_unit(const char *text, const struct unit *units, uint64_t *out)
{
    uint64_t value;
    size_t n = parse_digits(text, &value);

    if (n == 0) {
        return false;
    }
    if (value == 0 && text[n] == '\0') {
        *out = 0;
        return true;
    }
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcmp(text + n, unit->name) == 0 && value <= UINT64_MAX / unit->factor) {
            *out = value * unit->factor;
            return true;
        }
    }
    return false;
}

bool units_parse_duration(const char *text, uint64_t *out_us)
{
    return parse_with_unit(text, durations, out_us);
}

bool units_parse_size(const char *text, uint64_t *out_bytes)
{
    return parse_with_unit(text, sizes, out_bytes);
}

static void write_with_unit(uint64_t value, const struct unit *units, const char *zero,
                            char out[UNITS_TEXT_BYTES])
{
    if (value == 0) {
        snprintf(out, UNITS_TEXT_BYTES, "%s", zero);
        return;
    }
    const struct unit *unit = units;
    while (value % unit->factor != 0) {
        unit++;
    }
    snprintf(out, UNITS_TEXT_BYTES, "%" PRIu64 "%s", value / unit->factor, unit->name);
}

void units_write_duration(uint64_t us, char out[UNITS_TEXT_BYTES])
{
    write_with_unit(us, durations, "0s", out);
}

void units_write_size(uint64_t bytes, char out[UNITS_TEXT_BYTES])
{
    write_with_unit(bytes, sizes, "0B", out);
}
