/*
 * The change of the shards that live-remap watches: a command that it runs, or something that the
 * user does and then says so, by Enter or by a file.
 */
#ifndef RINGWAY_BENCH_CMD_LIVE_REMAP_CHANGE_H
#define RINGWAY_BENCH_CMD_LIVE_REMAP_CHANGE_H

#include <stdbool.h>
#include <sys/types.h>

struct change {
    const char *command; /* for the shell; NULL: the user does it */
    const char *file;    /* without a command: it is made when this exists; NULL: Enter */
    pid_t pid;           /* of the command while it runs, also its process group */
    bool is_done;
    int status; /* of the command: its exit code, 128 + N when signal N ended it */
};

/** Run the command, its output to standard error, or ask the user on standard error. */
void change_begin(struct change *change);

/** Is it made? Does not wait. */
bool change_poll(struct change *change);

/** Give up: ends the command and what runs in its process group. Takes 2 s at most. */
void change_end(struct change *change);

#endif
