#include "cmd_load_protocol.h"

#include <string.h>

const char *load_error_name(enum load_error error)
{
    static const char *const names[] = {
#define X(name, text, what) [LOAD_ERROR_##name] = (text),
        LOAD_ERRORS(X)
#undef X
    };

    return error < LOAD_N_ERRORS ? names[error] : "none";
}

const char *load_error_meaning(enum load_error error)
{
    static const char *const meanings[] = {
#define X(name, text, what) [LOAD_ERROR_##name] = (what),
        LOAD_ERRORS(X)
#undef X
    };

    return error < LOAD_N_ERRORS ? meanings[error] : "";
}

void load_parser_init(struct load_parser *parser)
{
    memset(parser, 0, sizeof(*parser));
    parser->error = LOAD_ERROR_NONE;
}

void load_parser_fail(struct load_parser *parser, enum load_error error, const char *what,
                      struct slice text)
{
    size_t at = 0;

    if (parser->error != LOAD_ERROR_NONE) {
        return;
    }
    parser->error = error;
    while (*what != '\0' && at + 1 < sizeof(parser->text)) {
        parser->text[at++] = *what++;
    }
    for (size_t i = 0; i < text.len && at + 1 < sizeof(parser->text); i++) {
        uint8_t byte = text.data[i];

        if (byte == '\r' || byte == '\n') {
            break;
        }
        parser->text[at++] = (char)(byte >= 0x20 && byte < 0x7f ? byte : '?');
    }
    parser->text[at] = '\0';
}

bool load_parser_compare(const struct load_wire *wire, struct load_parser *parser, const void *data,
                         size_t len)
{
    size_t size;
    const char *value = load_items_value(wire->items, parser->key, &size);
    uint64_t at = parser->at;

    parser->at += len;
    if (!wire->verify) {
        return true;
    }
    return at <= size && len <= size - at && (len == 0 || memcmp(value + at, data, len) == 0);
}
