/*
 * Keys that are the lines of a file or of standard input: read by blocks, split in place. A carriage
 * return before the end of a line does not belong to the key; empty lines are none.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "key_source_kind.h"
#include "util.h"

/* A batch of lines is taken from one block, so a line may be as long as a block. */
enum { BLOCK_BYTES = 1 << 20 };

struct key_lines {
    FILE *file;
    const char *path;
    size_t at, end; /* unread bytes of [block] */
    bool is_over;
    char block[BLOCK_BYTES];
};

int key_lines_open(void **state, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    struct key_lines *lines;

    if (file == NULL) {
        fprintf(stderr, "ringway-bench: %s: %s\n", path, strerror(errno));
        return COMMAND_FAILED;
    }
    lines = util_alloc(1, sizeof(*lines));
    lines->file = file;
    lines->path = is_stdin ? "standard input" : path;
    *state = lines;
    return COMMAND_OK;
}

static void lines_close(void *state)
{
    struct key_lines *lines = state;

    if (lines->file != stdin) {
        (void)fclose(lines->file);
    }
    free(lines);
}

static int fill(struct key_lines *lines)
{
    size_t kept = lines->end - lines->at, n;

    if (kept == BLOCK_BYTES) {
        fprintf(stderr, "ringway-bench: %s: a line is longer than %d bytes\n", lines->path,
                BLOCK_BYTES);
        return COMMAND_FAILED;
    }
    memmove(lines->block, lines->block + lines->at, kept);
    n = fread(lines->block + kept, 1, BLOCK_BYTES - kept, lines->file);
    lines->at = 0;
    lines->end = kept + n;
    lines->is_over = n == 0;
    if (ferror(lines->file)) {
        fprintf(stderr, "ringway-bench: %s: %s\n", lines->path, strerror(errno));
        return COMMAND_FAILED;
    }
    return COMMAND_OK;
}

/* The next line of the block; false if it does not end there, unless the file does. */
static bool take_line(struct key_lines *lines, struct slice *key)
{
    const char *start = lines->block + lines->at;
    size_t left = lines->end - lines->at, len;
    const char *newline = memchr(start, '\n', left);

    if (newline == NULL && (!lines->is_over || left == 0)) {
        return false;
    }
    len = newline != NULL ? (size_t)(newline - start) : left;
    lines->at += len + (newline != NULL);
    len -= len > 0 && start[len - 1] == '\r';
    *key = slice_make(start, len);
    return true;
}

static int lines_next(void *state, struct key_source_batch *batch, size_t max)
{
    struct key_lines *lines = state;
    struct slice key;

    while (batch->n < max) {
        if (take_line(lines, &key)) {
            batch->keys[batch->n] = key;
            batch->n += key.len > 0;
        } else if (batch->n > 0 || lines->is_over) {
            break; /* filling would move the keys of this batch */
        } else if (fill(lines) != COMMAND_OK) {
            return COMMAND_FAILED;
        }
    }
    return COMMAND_OK;
}

const struct key_source_kind key_lines_kind = {.next = lines_next, .close = lines_close};
