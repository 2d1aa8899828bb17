/*
 * The subcommands of ringway-bench. Each is a function of its own file that reads its options
 * (options.h), works, and writes a report (report.h).
 */
#ifndef RINGWAY_BENCH_COMMAND_H
#define RINGWAY_BENCH_COMMAND_H

/** Exit codes of the process and of every subcommand. */
enum command_exit {
    COMMAND_OK = 0,
    COMMAND_USAGE = 1,  /* options that make no sense, or a bad configuration file */
    COMMAND_FAILED = 2, /* it could not be done: a file, a server, memory; or it went wrong */
};

/**
 * Run a subcommand. argv[0] is its name, the options follow. Messages go to standard error.
 *
 * Returns an enum command_exit.
 */
#define X(symbol, name, help) int cmd_##symbol(int argc, char **argv);
#include "commands.def"
#undef X

#endif
