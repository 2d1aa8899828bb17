#include "control/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 4096u
#define FORMAT_MAX 1024u

void text_add_bytes(struct text *text, const char *bytes, size_t len)
{
    size_t size = text->size == 0 ? FIRST_SIZE : text->size;

    if (len == 0) {
        return;
    }
    while (size - text->len < len) {
        size *= 2;
    }
    if (size != text->size) {
        text->data = realloc(text->data, size);
        text->size = size;
        if (text->data == NULL) {
            abort();
        }
    }
    memcpy(text->data + text->len, bytes, len);
    text->len += len;
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_add_format(struct text *text, const char *format, ...)
{
    char buffer[FORMAT_MAX];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    if (n > 0) {
        text_add_bytes(text, buffer, (size_t)n < sizeof buffer ? (size_t)n : sizeof buffer - 1);
    }
}

void text_deinit(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}
