/*
 * The command line: what the process is asked to do, and all that can be done without a network.
 *
 * Not here: running the proxy (main.c), what the options of a file mean (config/).
 */
#ifndef RINGWAY_CLI_H
#define RINGWAY_CLI_H

#include <stddef.h>
#include <stdio.h>

#include "base/slice.h"
#include "config/config.h"

/* Most --listen and most --shard options of one command line; a file has room for more. */
#define CLI_MAX_LISTEN  64u
#define CLI_MAX_SHARDS  1024u
#define CLI_MAX_HEADERS 64u /* --header */

enum cli_command {
    CLI_RUN,
    CLI_CHECK,
    CLI_ROUTE,
    CLI_ROUTE_URL,
    CLI_HELP,
    CLI_VERSION,
    CLI_PRINT_DEFAULTS
};

/*
 * All texts are borrowed from the arguments and the environment. The source points into the struct
 * itself, which therefore must not be copied. Nothing needs to be freed.
 */
struct cli_options {
    enum cli_command command;
    struct config_source source;
    const char *route_pool; /* ROUTE */
    char **words; /* ROUTE: keys, ROUTE_URL: URLs; "-" stands for lines of standard input */
    size_t n_words;
    const char *client;   /* ROUTE_URL: who asks; NULL: not given */
    const char *listener; /* ROUTE_URL: the bind of the listener asked; NULL: the first for HTTP */
    struct slice headers[CLI_MAX_HEADERS]; /* ROUTE_URL */
    size_t n_headers;
    const char *listen[CLI_MAX_LISTEN];
    const char *shards[CLI_MAX_SHARDS];
};

/**
 * Read the command line.
 *
 * [out]         Overwritten. Good for use on success only.
 * [argc, argv]  As main() got them; argv may be reordered, words after the options.
 * [environment] Goes to out->source; may be NULL.
 * [err]         Receives one line that says what is wrong.
 *
 * Returns 0, or -1 when the arguments make no sense. Not for several threads at a time (getopt).
 */
int cli_parse(struct cli_options *out, int argc, char **argv, char *const *environment, FILE *err);

/**
 * Do everything but CLI_RUN.
 *
 * [out] Receives the answer, [err] the problems of the configuration and bad keys and URLs, one a line.
 *
 * Returns the exit code of the process: 0, or 1 when there was a problem, or a URL that goes to no
 * certain shard.
 */
int cli_run_offline(const struct cli_options *options, FILE *out, FILE *err);

#endif
