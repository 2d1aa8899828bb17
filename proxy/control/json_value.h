/*
 * Building JSON with jansson in the way of this folder: out of memory aborts, so that callers need
 * no error paths, and text that is not UTF-8 is made so.
 */
#ifndef RINGWAY_CONTROL_JSON_VALUE_H
#define RINGWAY_CONTROL_JSON_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/slice.h"
#include "control/body.h"

json_t *json_value_object(void);
json_t *json_value_array(void);
json_t *json_value_count(uint64_t count);
json_t *json_value_real(double value);
json_t *json_value_bool(bool value);

/** [text] as a JSON string; if it is not UTF-8, bytes above 0x7f become '?'. */
json_t *json_value_slice(struct slice text);
json_t *json_value_text(const char *text);

/** Microseconds as seconds. */
json_t *json_value_seconds(uint64_t us);

/** Set [key] of [object]; takes [value]. */
void json_value_put(json_t *object, const char *key, json_t *value);

/** Append to [array]; takes [value]. */
void json_value_append(json_t *array, json_t *value);

/** Write [value] and a newline to [out], and free it. */
void json_value_write(json_t *value, struct body *out);

#endif
