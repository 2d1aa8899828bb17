/*
 * ringway-bench: questions about a ring before it is in use. Finds the subcommand and runs it.
 */
#include "command.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    const char *help;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
#define X(symbol, name, help) {name, help, cmd_##symbol},
#include "commands.def"
#undef X
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int print_help(void)
{
    printf("Usage: ringway-bench COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        printf("  %-12s %s\n", commands[i].name, commands[i].help);
    }
    printf("\nringway-bench COMMAND --help lists the options of a command.\n"
           "Exit codes: 0 done, 1 wrong options or configuration, 2 it could not be done.\n");
    return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

static int refuse(const char *word)
{
    fprintf(stderr, "ringway-bench: %s%s; accepted:", word != NULL ? "found " : "no command",
            word != NULL ? word : "");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        fprintf(stderr, " %s%s", commands[i].name, i + 1 < N_COMMANDS ? "," : "");
    }
    fprintf(stderr, ", --help, --version\n");
    return COMMAND_USAGE;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;

    if (word == NULL) {
        return refuse(NULL);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return print_help();
    }
    if (strcmp(word, "--version") == 0) {
        printf("ringway-bench " RINGWAY_VERSION "\n");
        return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
    }
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(word, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return refuse(word);
}
