#include "config/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *memory)
{
    if (memory == NULL) {
        fputs("ringway: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *memory_zeroed(size_t n, size_t size)
{
    return or_abort(calloc(n > 0 ? n : 1, size));
}

void *memory_resize(void *old, size_t n, size_t size)
{
    return or_abort(reallocarray(old, n > 0 ? n : 1, size));
}

char *memory_copy_text(const char *text)
{
    return memory_copy_bytes(text, strlen(text));
}

char *memory_copy_bytes(const void *text, size_t len)
{
    char *copy = memory_zeroed(len + 1, 1);
    if (len > 0) {
        memcpy(copy, text, len);
    }
    return copy;
}

char *memory_format_list(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
    }
    return or_abort(text);
}

char *memory_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = memory_format_list(format, arguments);
    va_end(arguments);
    return text;
}
