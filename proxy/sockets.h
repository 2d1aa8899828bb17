/*
 * Listening addresses: resolves and binds one address for several threads, so that each has a
 * descriptor of its own. Does not listen(2) and does not accept.
 */
#ifndef RINGWAY_SOCKETS_H
#define RINGWAY_SOCKETS_H

#include <sys/types.h>

#include "config/config.h"

struct sockets_options {
    const struct config_address *address; /* borrowed for the call */
    uint32_t n_fds;                       /* descriptors wanted, 1 or more */
    uint32_t mode;                        /* Unix sockets: permission bits */
};

/* One bound address. Begin with all zero bytes. */
struct sockets {
    int *fds; /* n_fds of them; -1 once taken */
    uint32_t n_fds;
    char text[192];    /* where it really is: the port that the kernel chose instead of 0 */
    char *unix_path;   /* NULL for TCP */
    dev_t unix_device; /* which file is ours */
    ino_t unix_inode;
};

/**
 * Bind [options->address] on options->n_fds descriptors, non-blocking and close-on-exec.
 *
 * TCP: one socket a descriptor, all on one port by SO_REUSEPORT, also if the port is 0; a port
 * that another process listens on is refused although the kernel would share it. A host name is
 * resolved; the first of its addresses that can be bound is taken. IPv6 sockets take IPv6 only.
 * Unix: one socket, duplicated; a socket file that nobody listens on is replaced.
 *
 * [out]     Zeroed; filled on success; free with sockets_deinit().
 * [problem] Receives one line without newline that says what could not be done, at most [max]
 *           bytes with its NUL.
 *
 * Returns 0, or -1 with the problem. Blocks while a host name is resolved.
 */
int sockets_bind(struct sockets *out, const struct sockets_options *options, char *problem,
                 size_t max);

/** The descriptor [index], which belongs to the caller from now on. */
int sockets_take(struct sockets *sockets, uint32_t index);

/** Close what was not taken and remove our Unix socket file. Harmless on zero bytes, or twice. */
void sockets_deinit(struct sockets *sockets);

#endif
