#include "config/key_template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/text.h"
#include "config/units.h"
#include "config/words.h"

#define WRONG_BYTES KEY_TEMPLATE_WRONG_BYTES

/* One template being read. */
struct reading {
    struct config_key key;
    char literal[KEY_TEMPLATE_MAX_BYTES + 1]; /* text that is not a part yet */
    size_t literal_len;
    char *wrong;
};

static const struct variable {
    const char *name, *argument;
} variables[] = {[CONFIG_KEY_LITERAL] = {NULL, NULL},
#define X(kind, name, argument) [CONFIG_KEY_##kind] = {name, argument},
                 CONFIG_KEY_PARTS(X)
#undef X
};

#define N_VARIABLES (sizeof(variables) / sizeof(variables[0]))

bool key_template_is_token(const char *text)
{
    static const char characters[] = "!#$%&'*+-.^_`|~0123456789"
                                     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    return text[0] != '\0' && text[strspn(text, characters)] == '\0';
}

void key_template_variables(char out[KEY_TEMPLATE_VARIABLES_BYTES])
{
    size_t len = 0;

    for (size_t i = CONFIG_KEY_LITERAL + 1; i < N_VARIABLES; i++) {
        const char *argument = variables[i].argument;
        int n = snprintf(out + len, KEY_TEMPLATE_VARIABLES_BYTES - len, "%s{%s%s%s}",
                         len > 0 ? " " : "", variables[i].name, argument[0] != '\0' ? "." : "",
                         argument);
        len += (size_t)n;
    }
}

bool key_template_uses(const struct config_key *key, enum config_key_part_kind kind)
{
    for (size_t i = 0; i < key->n_parts; i++) {
        if (key->parts[i].kind == kind) {
            return true;
        }
    }
    return false;
}

void key_template_deinit(struct config_key *key)
{
    for (size_t i = 0; i < key->n_parts; i++) {
        free(key->parts[i].text);
    }
    free(key->parts);
    free(key->text);
    *key = (struct config_key){0};
}

/* --- Parts --- */

static int add_part(struct reading *reading, const struct config_key_part *part)
{
    struct config_key *key = &reading->key;

    if (key->n_parts == KEY_TEMPLATE_MAX_PARTS) {
        snprintf(reading->wrong, WRONG_BYTES, "more than %u parts", KEY_TEMPLATE_MAX_PARTS);
        return -1;
    }
    key->parts = xrealloc(key->parts, (key->n_parts + 1) * sizeof(*part));
    key->parts[key->n_parts] = *part;
    if (part->text != NULL) {
        key->parts[key->n_parts].text = xstrdup(part->text);
    }
    key->n_parts++;
    return 0;
}

static int end_literal(struct reading *reading)
{
    struct config_key_part part = {.kind = CONFIG_KEY_LITERAL, .text = reading->literal};

    if (reading->literal_len == 0) {
        return 0;
    }
    reading->literal[reading->literal_len] = '\0';
    reading->literal_len = 0;
    return add_part(reading, &part);
}

/* --- Variables --- */

static int reject(struct reading *reading, const char *variable, const char *reason)
{
    char shown[TREE_TEXT_BYTES];

    tree_quote(variable, shown, sizeof(shown));
    snprintf(reading->wrong, WRONG_BYTES, "%s %s", shown, reason);
    return -1;
}

static int reject_name(struct reading *reading, const char *variable, const char *name)
{
    struct words words = {0};
    char reason[96] = "is no variable";

    for (size_t i = CONFIG_KEY_LITERAL + 1; i < N_VARIABLES; i++) {
        words_add(&words, variables[i].name, strlen(variables[i].name));
    }
    const char *nearest = words_nearest(&words, name);
    if (nearest != NULL && strcmp(nearest, name) != 0) {
        snprintf(reason, sizeof(reason), "is no variable, did you mean %s?", nearest);
    }
    words_deinit(&words);
    return reject(reading, variable, reason);
}

/* The variable [name] whose argument is written as [argument]; 0 (a literal) if there is none. */
static enum config_key_part_kind find_variable(const char *name, const char *argument)
{
    for (size_t i = CONFIG_KEY_LITERAL + 1; i < N_VARIABLES; i++) {
        if (strcmp(variables[i].name, name) == 0 && strcmp(variables[i].argument, argument) == 0) {
            return (enum config_key_part_kind)i;
        }
    }
    return CONFIG_KEY_LITERAL;
}

/* {path.2}, {path.1-2} */
static int read_segments(struct reading *reading, const char *variable, const char *argument)
{
    bool is_range = strncmp(argument, "1-", 2) == 0;
    uint64_t n;

    if (!units_parse_number(argument + (is_range ? 2 : 0), &n) || n == 0 ||
        n > KEY_TEMPLATE_MAX_SEGMENT) {
        return reject(reading, variable, "has no segment N or 1-N of 1..1000");
    }
    const struct config_key_part part = {
        .kind = is_range ? CONFIG_KEY_SEGMENTS : CONFIG_KEY_SEGMENT, .n = (uint32_t)n};
    return add_part(reading, &part);
}

static bool is_query_name(const char *text)
{
    return text[0] != '\0' && strpbrk(text, "&=# ") == NULL;
}

/* {query.user}, {header.X-User}, {cookie.session} */
static int read_named(struct reading *reading, const char *variable, char *argument,
                      enum config_key_part_kind kind)
{
    const struct config_key_part part = {.kind = kind, .text = argument};

    if (kind == CONFIG_KEY_ARGUMENT && !is_query_name(argument)) {
        return reject(reading, variable, "has no name that an argument can have");
    }
    if (kind != CONFIG_KEY_ARGUMENT && !key_template_is_token(argument)) {
        return reject(reading, variable, "has no name that is a token");
    }
    return add_part(reading, &part);
}

/* [name] is what stands between the braces; it is cut at its dot. */
static int read_variable(struct reading *reading, const char *variable, char *name)
{
    char *argument = strchr(name, '.');

    if (argument == NULL) {
        const struct config_key_part part = {.kind = find_variable(name, "")};
        if (part.kind != CONFIG_KEY_LITERAL) {
            return add_part(reading, &part);
        }
        return find_variable(name, "NAME") != CONFIG_KEY_LITERAL
                   ? reject(reading, variable, "wants a name after a dot")
                   : reject_name(reading, variable, name);
    }
    *argument++ = '\0';
    if (find_variable(name, "N") != CONFIG_KEY_LITERAL) {
        return read_segments(reading, variable, argument);
    }
    enum config_key_part_kind kind = find_variable(name, "NAME");
    if (kind != CONFIG_KEY_LITERAL) {
        return read_named(reading, variable, argument, kind);
    }
    return find_variable(name, "") != CONFIG_KEY_LITERAL
               ? reject(reading, variable, "is no variable, it has nothing after a dot")
               : reject_name(reading, variable, name);
}

/* --- Templates --- */

/* [at] is behind a brace. Returns what follows the closing one, or NULL. */
static const char *read_braces(struct reading *reading, const char *at)
{
    const char *end = strchr(at, '}');

    if (end == NULL) {
        snprintf(reading->wrong, WRONG_BYTES, "a { without its }; {{ stands for a brace");
        return NULL;
    }
    if (end_literal(reading) != 0) {
        return NULL;
    }
    char *variable = text_copy(at, (size_t)(end - at));
    char *name = xstrdup(variable);
    int result = read_variable(reading, variable, name);
    free(name);
    free(variable);
    return result == 0 ? end + 1 : NULL;
}

static int read_parts(struct reading *reading, const char *at)
{
    while (*at != '\0') {
        if (at[0] == '{' && at[1] != '{') {
            at = read_braces(reading, at + 1);
            if (at == NULL) {
                return -1;
            }
            continue;
        }
        reading->literal[reading->literal_len++] = *at;
        at += at[0] == '{' ? 2 : 1;
    }
    return end_literal(reading);
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

int key_template_parse(struct config_key *out, const char *text, char wrong[WRONG_BYTES])
{
    struct reading reading = {.wrong = wrong};

    if (text[0] == '\0' || strlen(text) > KEY_TEMPLATE_MAX_BYTES) {
        snprintf(wrong, WRONG_BYTES, "%zu bytes, not 1..%u", strlen(text), KEY_TEMPLATE_MAX_BYTES);
        return -1;
    }
    if (has_control(text)) {
        snprintf(wrong, WRONG_BYTES, "a control character");
        return -1;
    }
    reading.key.text = xstrdup(text);
    if (read_parts(&reading, text) != 0) {
        key_template_deinit(&reading.key);
        return -1;
    }
    *out = reading.key;
    return 0;
}
