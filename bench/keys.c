#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

void keys_init(struct keys *keys, uint32_t n, size_t size)
{
    static const char prefix[] = "ringway-bench:";

    keys->n = n;
    keys->size = size;
    keys->text = util_alloc(n, size);
    for (uint32_t i = 0; i < n; i++) {
        char *key = keys->text + (size_t)i * size;
        uint32_t rest = i;

        memset(key, '.', size);
        if (size >= sizeof(prefix) - 1 + KEYS_DIGITS) {
            memcpy(key, prefix, sizeof(prefix) - 1);
        }
        for (size_t digit = 0; digit < KEYS_DIGITS; digit++) {
            key[size - 1 - digit] = (char)('0' + rest % 10);
            rest /= 10;
        }
    }
}

void keys_deinit(struct keys *keys)
{
    free(keys->text);
    keys->text = NULL;
}

const char *keys_text(const struct keys *keys, uint32_t index)
{
    return keys->text + (size_t)index * keys->size;
}

uint32_t keys_index(const struct keys *keys, const char *text, size_t len)
{
    uint32_t index = 0;

    if (len != keys->size) {
        return UINT32_MAX;
    }
    for (size_t i = len - KEYS_DIGITS; i < len; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';
        if (digit > 9) {
            return UINT32_MAX;
        }
        index = index * 10 + digit;
    }
    if (index >= keys->n || memcmp(keys_text(keys, index), text, len) != 0) {
        return UINT32_MAX;
    }
    return index;
}
