#include "control/body.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define FIRST_SIZE 4096u
#define FORMAT_MAX 1024u

void body_add_bytes(struct body *body, const char *bytes, size_t len)
{
    size_t size = body->size == 0 ? FIRST_SIZE : body->size;

    if (len == 0) {
        return;
    }
    while (size - body->len < len) {
        size *= 2;
    }
    if (size != body->size) {
        body->data = xrealloc(body->data, size);
        body->size = size;
    }
    memcpy(body->data + body->len, bytes, len);
    body->len += len;
}

void body_add(struct body *body, const char *string)
{
    body_add_bytes(body, string, strlen(string));
}

void body_add_format(struct body *body, const char *format, ...)
{
    char buffer[FORMAT_MAX];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    if (n > 0) {
        body_add_bytes(body, buffer, (size_t)n < sizeof buffer ? (size_t)n : sizeof buffer - 1);
    }
}

void body_deinit(struct body *body)
{
    free(body->data);
    *body = (struct body){0};
}
