/*
 * Numbers as people write them: counts, durations (us ms s m h), sizes (B KiB MiB GiB KB MB GB).
 */
#ifndef RINGWAY_CONFIG_UNITS_H
#define RINGWAY_CONFIG_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNITS_DURATIONS "us ms s m h"
#define UNITS_SIZES     "B KiB MiB GiB KB MB GB"

/** Large enough for what the two writers below produce. */
#define UNITS_TEXT_BYTES 32u

/**
 * Read all of [text]: decimal digits, no sign, no leading zero.
 *
 * Returns false and leaves [out] alone when it is anything else or does not fit.
 */
bool units_parse_number(const char *text, uint64_t *out);

/** "250ms" to microseconds. Only "0" may stand without a unit. */
bool units_parse_duration(const char *text, uint64_t *out_us);

/** "16KiB" to bytes. Only "0" may stand without a unit. */
bool units_parse_size(const char *text, uint64_t *out_bytes);

/** Write in the largest unit that needs no fraction. */
void units_write_duration(uint64_t us, char out[UNITS_TEXT_BYTES]);
void units_write_size(uint64_t bytes, char out[UNITS_TEXT_BYTES]);

#endif
