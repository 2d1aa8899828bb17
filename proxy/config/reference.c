#include "config/reference.h"

#include <stdbool.h>
#include <string.h>

#include "config/config.h"
#include "config/params.h"

#define MAX_SEGMENTS 8u
#define TEXT_COLUMNS 78u

/* --- The manual page --- */

/* mdoc wants each sentence on a line of its own. */
static void write_sentences(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        if (text[0] == ' ' && text[-1] == '.') {
            fputc('\n', to);
        } else {
            fputc(*text, to);
        }
    }
    fputc('\n', to);
}

/* The first sentence of what is said about an option for one protocol. */
static const char *protocol_text(const struct param *param)
{
    switch (param->protocol) {
    case PARAM_PROTOCOL_MEMCACHED:
        return "For protocol: memcached.";
    case PARAM_PROTOCOL_HTTP:
        return "For protocol: http.";
    case PARAM_PROTOCOL_ANY:
        break;
    }
    return "";
}

static void write_item(FILE *to, const struct param *param)
{
    char accepted[PARAM_ACCEPTED_BYTES];

    params_accepted(param, accepted);
    fprintf(to, ".It Ic %s\n%s", param->path, protocol_text(param));
    if (param->protocol != PARAM_PROTOCOL_ANY) {
        fputc('\n', to);
    }
    write_sentences(to, param->help);
    fprintf(to, ".Pp\nAccepted: %s.\n", accepted);
    if (param->is_required) {
        fputs("Required.\n", to);
    } else if (strcmp(param->value, "~") == 0) {
        fputs("Default: none.\n", to);
    } else {
        fprintf(to, "Default:\n.Cm %s .\n", param->value);
    }
}

void reference_write_manual(FILE *to)
{
    for (size_t i = 0; i < params_n; i++) {
        write_item(to, &params_table[i]);
    }
}

/* --- The file of defaults --- */

/* One step of a path: "pools[]" is {"pools…", 5, true}. */
struct segment {
    const char *name;
    size_t len;
    bool is_list;
};

/* A path in its steps; the last is the key of the value. */
struct steps {
    struct segment at[MAX_SEGMENTS];
    size_t n;
};

static struct steps split(const char *path)
{
    struct steps steps = {0};

    while (steps.n < MAX_SEGMENTS) {
        size_t len = strcspn(path, ".[");
        bool is_list = path[len] == '[';
        steps.at[steps.n++] = (struct segment){path, len, is_list};
        path += len + (is_list ? strlen("[]") : 0);
        if (*path == '\0') {
            break;
        }
        path++;
    }
    return steps;
}

static bool same_segment(const struct segment *a, const struct segment *b)
{
    return a->len == b->len && memcmp(a->name, b->name, a->len) == 0;
}

/* How many of the parents of [b] are open after [a]. */
static size_t shared_parents(const struct steps *a, const struct steps *b)
{
    size_t n = 0;

    while (n + 1 < a->n && n + 1 < b->n && same_segment(&a->at[n], &b->at[n])) {
        n++;
    }
    return n;
}

static size_t indent_of(const struct steps *steps, size_t depth)
{
    size_t columns = 0;

    for (size_t i = 0; i < depth; i++) {
        columns += steps->at[i].is_list ? 4 : 2;
    }
    return columns;
}

static void write_indent(FILE *to, bool is_comment, size_t columns)
{
    if (is_comment) {
        fputc('#', to);
        columns = columns > 0 ? columns - 1 : 0;
    }
    fprintf(to, "%*s", (int)columns, "");
}

/* [text] as comment lines, broken between words. */
static void write_comment(FILE *to, bool is_comment, size_t indent, const char *text)
{
    while (*text != '\0') {
        size_t room = TEXT_COLUMNS - indent - strlen("# ");
        size_t len = strlen(text);
        if (len > room) {
            len = room;
            while (text[len] != ' ') {
                len--;
            }
        }
        write_indent(to, is_comment, indent);
        fprintf(to, "# %.*s\n", (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
}

static void write_value(FILE *to, const char *value)
{
    bool needs_quotes = value[0] == '{' || value[strlen(value) - 1] == ':';
    fprintf(to, needs_quotes ? "\"%s\"\n" : "%s\n", value);
}

/* The file has a pool and a listener for memcached, without routes: what is for others stands in
 * comments. */
static bool is_shown_as_comment(const struct param *param)
{
    return param->scope == PARAM_SCOPE_ROUTE || param->protocol == PARAM_PROTOCOL_HTTP;
}

static size_t dash_columns(bool begins_element)
{
    return begins_element ? strlen("- ") : 0;
}

static void write_default(FILE *to, const struct param *param, const struct steps *steps,
                          size_t n_open)
{
    char accepted[PARAM_ACCEPTED_BYTES];
    char range[PARAM_ACCEPTED_BYTES + sizeof("Accepted: ")];
    bool is_comment = is_shown_as_comment(param);
    bool begins_element = false;

    for (size_t i = n_open; i + 1 < steps->n; i++) {
        write_indent(to, is_comment, indent_of(steps, i) - dash_columns(begins_element));
        fprintf(to, "%s%.*s:\n", begins_element ? "- " : "", (int)steps->at[i].len,
                steps->at[i].name);
        begins_element = steps->at[i].is_list;
    }
    size_t indent = indent_of(steps, steps->n - 1) - dash_columns(begins_element);
    params_accepted(param, accepted);
    snprintf(range, sizeof(range), "Accepted: %s", accepted);
    if (param->protocol != PARAM_PROTOCOL_ANY) {
        write_comment(to, is_comment, indent, protocol_text(param));
    }
    write_comment(to, is_comment, indent, param->help);
    write_comment(to, is_comment, indent, range);
    write_indent(to, is_comment, indent);
    fprintf(to, "%s%s: ", begins_element ? "- " : "", steps->at[steps->n - 1].name);
    write_value(to, param->value);
}

void config_print_defaults(FILE *to)
{
    struct steps open = {0};

    fputs("# Every option of Ringway with its default. Names and addresses of pools, shards and\n"
          "# listeners have none: here they are examples. See ringway.yaml(5).\n\n",
          to);
    for (size_t i = 0; i < params_n; i++) {
        struct steps steps = split(params_table[i].path);
        /* The routes of either protocol are a list of their own. */
        bool begins_routes = i > 0 && params_table[i].scope == PARAM_SCOPE_HTTP_ROUTE &&
                             params_table[i - 1].scope == PARAM_SCOPE_ROUTE;
        size_t n_open = begins_routes ? 1 : shared_parents(&open, &steps);
        write_default(to, &params_table[i], &steps, n_open);
        open = steps;
    }
}
