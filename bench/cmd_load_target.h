/*
 * What a load is sent to: memcached://HOST:PORT, memcached://unix:/PATH, http://HOST:PORT/PREFIX.
 */
#ifndef RINGWAY_BENCH_CMD_LOAD_TARGET_H
#define RINGWAY_BENCH_CMD_LOAD_TARGET_H

#include "cmd_load_protocol.h"
#include "util.h"

#define LOAD_TARGET_FORMS                                                                          \
    "memcached://HOST:PORT, memcached://unix:/PATH or http://HOST:PORT[/PREFIX]"

enum { LOAD_TARGET_MAX_ERROR = 160 };

struct load_target {
    const char *text; /* borrowed, as given */
    const struct load_protocol *protocol;
    char *host;      /* owned: name or address without brackets, or the path of a Unix socket */
    uint16_t port;   /* 0: a Unix socket */
    char *authority; /* owned: HTTP, as in the Host field */
    char *path;      /* owned: HTTP, begins and ends with '/' */
    struct util_addr addr;
};

/**
 * Read [text], which is borrowed. Free with load_target_deinit() if it succeeds.
 *
 * Returns NULL, or what is wrong with it, a constant.
 */
const char *load_target_parse(struct load_target *target, const char *text);

/**
 * Look the host up.
 *
 * Returns true, or false with a text in [error] of LOAD_TARGET_MAX_ERROR bytes.
 */
bool load_target_resolve(struct load_target *target, char *error);

void load_target_deinit(struct load_target *target);

#endif
