/*
 * Options of a subcommand as a table: the parser, --help and the messages follow from it.
 *
 *     struct options_spec specs[] = {
 *         OPTIONS_COUNT("keys", "N", "how many keys", &keys, 1, 1e12),
 *         OPTIONS_FLAG("twice", "do it twice", &twice),
 *         REPORT_OPTIONS(&report),
 *         OPTIONS_END,
 *     };
 *
 * An option is written `--name value` or `--name=value`. Messages name what was found and what is
 * accepted.
 */
#ifndef RINGWAY_BENCH_OPTIONS_H
#define RINGWAY_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum options_kind {
    OPTIONS_KIND_END,
    OPTIONS_KIND_FLAG,   /* bool */
    OPTIONS_KIND_TEXT,   /* const char *, borrowed from argv */
    OPTIONS_KIND_COUNT,  /* uint64_t: 12, 1e9, 10k, 5M, 1G */
    OPTIONS_KIND_REAL,   /* double */
    OPTIONS_KIND_CUSTOM, /* whatever [set] makes of it */
};

/**
 * Take the value [text] of an option. May be called several times: an option may be repeated.
 *
 * Returns NULL, or what is accepted, a constant text such as "NAME=WEIGHT".
 */
typedef const char *(*options_set_fn)(void *out, const char *text);

struct options_spec {
    const char *name;     /* without the dashes */
    const char *argument; /* as help shows it; NULL for a flag */
    const char *help;     /* one line */
    enum options_kind kind;
    void *out; /* changed only when the option is given: set defaults before */
    double min, max;
    options_set_fn set;
};

#define OPTIONS_FLAG(name_, help_, out_)                                                           \
    {                                                                                              \
        .name = (name_), .help = (help_), .kind = OPTIONS_KIND_FLAG, .out = (out_)                 \
    }
#define OPTIONS_TEXT(name_, argument_, help_, out_)                                                \
    {                                                                                              \
        .name = (name_), .argument = (argument_), .help = (help_), .kind = OPTIONS_KIND_TEXT,      \
        .out = (out_)                                                                              \
    }
#define OPTIONS_COUNT(name_, argument_, help_, out_, min_, max_)                                   \
    {                                                                                              \
        .name = (name_), .argument = (argument_), .help = (help_), .kind = OPTIONS_KIND_COUNT,     \
        .out = (out_), .min = (min_), .max = (max_)                                                \
    }
#define OPTIONS_REAL(name_, argument_, help_, out_, min_, max_)                                    \
    {                                                                                              \
        .name = (name_), .argument = (argument_), .help = (help_), .kind = OPTIONS_KIND_REAL,      \
        .out = (out_), .min = (min_), .max = (max_)                                                \
    }
#define OPTIONS_CUSTOM(name_, argument_, help_, out_, set_)                                        \
    {                                                                                              \
        .name = (name_), .argument = (argument_), .help = (help_), .kind = OPTIONS_KIND_CUSTOM,    \
        .out = (out_), .set = (set_)                                                               \
    }
#define OPTIONS_END                                                                                \
    {                                                                                              \
        .kind = OPTIONS_KIND_END                                                                   \
    }

enum options_result { OPTIONS_GO_ON, OPTIONS_HELP_SHOWN, OPTIONS_WRONG };

/**
 * Read the options of a subcommand.
 *
 * [specs]    Ended by OPTIONS_END.
 * [about]    A few lines for --help, what the subcommand does; ends with a newline.
 * [argc, argv] As the subcommand got them; argv[0] is its name. Not changed.
 *
 * Returns OPTIONS_GO_ON; OPTIONS_HELP_SHOWN when --help was given and written to standard output;
 * or OPTIONS_WRONG when one line on standard error says what is wrong.
 */
enum options_result options_parse(const struct options_spec *specs, const char *about, int argc,
                                  char **argv);

/**
 * Read a number from 0 up, with an exponent (1e9) or one of k M G (powers of ten) behind it.
 *
 * Returns true, or false when [text] is no such number or not whole.
 */
bool options_read_count(const char *text, uint64_t *out);

/** Read a finite decimal number. Returns true, or false when [text] is none. */
bool options_read_real(const char *text, double *out);

/**
 * Print "ringway-bench COMMAND: message" to standard error.
 *
 * Returns COMMAND_USAGE, for `return options_complain(...)`.
 */
int options_complain(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
