#include "control/json_value.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static json_t *must(json_t *value)
{
    if (value == NULL) {
        abort();
    }
    return value;
}

json_t *json_value_object(void)
{
    return must(json_object());
}

json_t *json_value_array(void)
{
    return must(json_array());
}

json_t *json_value_count(uint64_t count)
{
    return must(json_integer((json_int_t)count));
}

json_t *json_value_real(double value)
{
    return must(json_real(value));
}

json_t *json_value_bool(bool value)
{
    return json_boolean(value);
}

json_t *json_value_slice(struct slice text)
{
    json_t *value = json_stringn(text.len == 0 ? "" : (const char *)text.data, text.len);
    char *copy;
    size_t i;

    if (value != NULL) {
        return value;
    }
    copy = xmalloc(text.len + 1);
    for (i = 0; i < text.len; i++) {
        copy[i] = text.data[i] < 0x80 ? (char)text.data[i] : '?';
    }
    value = json_stringn(copy, text.len);
    free(copy);
    return must(value);
}

json_t *json_value_text(const char *text)
{
    return json_value_slice(slice_of(text));
}

json_t *json_value_seconds(uint64_t us)
{
    return json_value_real((double)us / 1e6);
}

void json_value_put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        abort();
    }
}

void json_value_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        abort();
    }
}

static int add_piece(const char *piece, size_t len, void *arg)
{
    body_add_bytes(arg, piece, len);
    return 0;
}

void json_value_write(json_t *value, struct body *out)
{
    if (json_dump_callback(value, add_piece, out,
                           JSON_INDENT(2) | JSON_REAL_PRECISION(9) | JSON_ENCODE_ANY) != 0) {
        abort();
    }
    body_add(out, "\n");
    json_decref(value);
}
