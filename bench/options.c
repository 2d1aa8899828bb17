#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

enum { HELP_COLUMN = 26 };

bool options_read_real(const char *text, double *out)
{
    char *end = NULL;
    double value;

    errno = 0;
    value = strtod(text, &end);
    if (end == text || *end != '\0' || errno == ERANGE || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

/* The number that stands behind a number: 1 for nothing, 0 for what is none. */
static double unit_of(const char *text)
{
    static const struct {
        const char *text;
        double factor;
    } units[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text, units[i].text) == 0) {
            return units[i].factor;
        }
    }
    return 0;
}

/* Seeds use all 64 bits, which a double does not have. */
static bool read_digits(const char *text, uint64_t *out)
{
    char *end = NULL;
    unsigned long long value;

    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0') {
        return false;
    }
    errno = 0;
    value = strtoull(text, &end, 10);
    *out = value;
    return errno == 0;
}

bool options_read_count(const char *text, uint64_t *out)
{
    char *end = NULL;
    double value;

    if (read_digits(text, out)) {
        return true;
    }
    if (text[0] < '0' || text[0] > '9' || text[1] == 'x' || text[1] == 'X') {
        return false;
    }
    value = strtod(text, &end);
    value *= unit_of(end);
    if (!(value >= 0 && value <= 9e15) || unit_of(end) == 0 || value != floor(value)) {
        return false;
    }
    *out = (uint64_t)value;
    return true;
}

int options_complain(const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "ringway-bench %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return COMMAND_USAGE;
}

static int print_help(const struct options_spec *specs, const char *about, const char *command)
{
    printf("Usage: ringway-bench %s [OPTION...]\n\n%s\n", command, about);
    for (const struct options_spec *spec = specs; spec->kind != OPTIONS_KIND_END; spec++) {
        int width = printf("  --%s%s%s", spec->name, spec->argument != NULL ? " " : "",
                           spec->argument != NULL ? spec->argument : "");

        if (width >= HELP_COLUMN) {
            printf("\n");
            width = 0;
        }
        printf("%*s%s\n", HELP_COLUMN - width, "", spec->help);
    }
    printf("  --%-*s%s\n", HELP_COLUMN - 4, "help", "this text");
    return fflush(stdout);
}

static const struct options_spec *find(const struct options_spec *specs, const char *name,
                                       size_t len)
{
    for (const struct options_spec *spec = specs; spec->kind != OPTIONS_KIND_END; spec++) {
        if (strlen(spec->name) == len && memcmp(spec->name, name, len) == 0) {
            return spec;
        }
    }
    return NULL;
}

static enum options_result refuse_unknown(const struct options_spec *specs, const char *command,
                                          const char *word)
{
    fprintf(stderr, "ringway-bench %s: found %s; accepted: ", command, word);
    for (const struct options_spec *spec = specs; spec->kind != OPTIONS_KIND_END; spec++) {
        fprintf(stderr, "--%s, ", spec->name);
    }
    fprintf(stderr, "--help\n");
    return OPTIONS_WRONG;
}

static bool set_number(const struct options_spec *spec, const char *text)
{
    double value = 0;
    uint64_t count = 0;
    bool is_read;

    if (spec->kind == OPTIONS_KIND_COUNT) {
        is_read = options_read_count(text, &count);
        value = (double)count;
    } else {
        is_read = options_read_real(text, &value);
    }
    if (!is_read || value < spec->min || value > spec->max) {
        return false;
    }
    if (spec->kind == OPTIONS_KIND_COUNT) {
        *(uint64_t *)spec->out = count;
    } else {
        *(double *)spec->out = value;
    }
    return true;
}

static enum options_result set(const struct options_spec *spec, const char *command,
                               const char *text)
{
    const char *accepted = NULL;

    switch (spec->kind) {
    case OPTIONS_KIND_END:
    case OPTIONS_KIND_FLAG:
        *(bool *)spec->out = true;
        return OPTIONS_GO_ON;
    case OPTIONS_KIND_TEXT:
        *(const char **)spec->out = text;
        return OPTIONS_GO_ON;
    case OPTIONS_KIND_COUNT:
    case OPTIONS_KIND_REAL:
        if (set_number(spec, text)) {
            return OPTIONS_GO_ON;
        }
        options_complain(command, "--%s: found \"%s\"; accepted: a%s number from %g to %g",
                         spec->name, text, spec->kind == OPTIONS_KIND_COUNT ? " whole" : "",
                         spec->min, spec->max);
        return OPTIONS_WRONG;
    case OPTIONS_KIND_CUSTOM:
        accepted = spec->set(spec->out, text);
        break;
    }
    if (accepted != NULL) {
        options_complain(command, "--%s: found \"%s\"; accepted: %s", spec->name, text, accepted);
        return OPTIONS_WRONG;
    }
    return OPTIONS_GO_ON;
}

/* One option at argv[*i]; moves *i past its value. */
static enum options_result parse_one(const struct options_spec *specs, int argc, char **argv,
                                     int *i)
{
    const char *word = argv[*i];
    const char *name = word + 2;
    const struct options_spec *spec = NULL;
    size_t len;

    if (strncmp(word, "--", 2) != 0) {
        return refuse_unknown(specs, argv[0], word);
    }
    len = strcspn(name, "=");
    spec = find(specs, name, len);
    if (spec == NULL) {
        return refuse_unknown(specs, argv[0], word);
    }
    if (spec->argument == NULL && name[len] == '=') {
        options_complain(argv[0], "--%s takes no value", spec->name);
        return OPTIONS_WRONG;
    }
    if (spec->argument == NULL || name[len] == '=') {
        return set(spec, argv[0], name + len + (name[len] == '='));
    }
    if (*i + 1 >= argc) {
        options_complain(argv[0], "--%s needs a value: %s", spec->name, spec->argument);
        return OPTIONS_WRONG;
    }
    *i += 1;
    return set(spec, argv[0], argv[*i]);
}

enum options_result options_parse(const struct options_spec *specs, const char *about, int argc,
                                  char **argv)
{
    for (int i = 1; i < argc; i++) {
        enum options_result result;

        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(specs, about, argv[0]);
            return OPTIONS_HELP_SHOWN;
        }
        result = parse_one(specs, argc, argv, &i);
        if (result != OPTIONS_GO_ON) {
            return result;
        }
    }
    return OPTIONS_GO_ON;
}
