#include "cli.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hashring/hashring.h"
#include "topology/http_explain.h"
#include "topology/topology.h"

#define MAX_KEY_BYTES 250u /* of memcached */

enum option_code {
    OPTION_CONFIG = 'c',
    OPTION_HELP = 'h',
    OPTION_VERSION = 'V',
    OPTION_CHECK = 256,
    OPTION_ROUTE,
    OPTION_ROUTE_URL,
    OPTION_HEADER,
    OPTION_CLIENT,
    OPTION_LISTENER,
    OPTION_LISTEN,
    OPTION_SHARD,
    OPTION_ADMIN,
    OPTION_PRINT_DEFAULTS
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"route", required_argument, NULL, OPTION_ROUTE},
    {"route-url", no_argument, NULL, OPTION_ROUTE_URL},
    {"header", required_argument, NULL, OPTION_HEADER},
    {"client", required_argument, NULL, OPTION_CLIENT},
    {"listener", required_argument, NULL, OPTION_LISTENER},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"shard", required_argument, NULL, OPTION_SHARD},
    {"admin", required_argument, NULL, OPTION_ADMIN},
    {"print-defaults", no_argument, NULL, OPTION_PRINT_DEFAULTS},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static const char help_text[] =
    "Usage: ringway -c FILE [--check | --route POOL KEY... | --route-url URL...]\n"
    "       ringway --listen PROTOCOL://ADDRESS... --shard NAME=ADDRESS...\n"
    "\n"
    "A sharding proxy for memcached and HTTP: clients talk to one address, and each\n"
    "key goes to the shard that owns it on a consistent-hash ring.\n"
    "\n"
    "Configuration:\n"
    "  -c, --config FILE          read FILE, or ringway.yaml in the directory FILE\n"
    "      --listen PROTOCOL://ADDRESS\n"
    "                             without a file: listen here; may be repeated;\n"
    "                             PROTOCOL is memcached or http\n"
    "      --shard NAME=ADDRESS[,ADDRESS...]\n"
    "                             without a file: a shard of the pool \"default\" and\n"
    "                             its replicas; may be repeated\n"
    "      --admin ADDRESS|off    the admin API (default 127.0.0.1:9900)\n"
    "\n"
    "Instead of running:\n"
    "      --check                say whether the configuration is good, and exit\n"
    "      --route POOL KEY...    print the shard and the replicas of each KEY, and\n"
    "                             exit; a KEY of - reads keys from standard input\n"
    "      --route-url [\"METHOD \"]URL...\n"
    "                             print where HTTP requests go: URL, pool, key,\n"
    "                             shard, replicas, listener and route, and exit;\n"
    "                             a URL of - reads them from standard input\n"
    "      --header \"NAME: VALUE\" a field of these requests; may be repeated\n"
    "      --client IP            who sends them (default " HTTP_EXPLAIN_CLIENT ")\n"
    "      --listener ADDRESS     the listener they come to (default: the first that\n"
    "                             speaks HTTP)\n"
    "      --print-defaults       print a file with all options, and exit\n"
    "  -h, --help                 print this, and exit\n"
    "  -V, --version              print the version, and exit\n"
    "\n"
    "ADDRESS is host:port, [v6]:port or unix:/path. Every option of the file can also\n"
    "be set as RINGWAY_<PATH>: RINGWAY_LOG_LEVEL=debug.\n"
    "\n"
    "Signals: SIGTERM and SIGINT drain and stop, SIGUSR1 opens the log file again.\n"
    "Exit: 0 stopped, 1 bad usage or configuration, 2 could not start, 3 drain\n"
    "deadline passed.\n"
    "\n"
    "Examples:\n"
    "  ringway -c /etc/ringway/ringway.yaml\n"
    "  ringway -c ringway.yaml --check\n"
    "  ringway -c ringway.yaml --route sessions user:1 user:2\n"
    "  ringway -c ringway.yaml --route-url /users/7 \"PUT http://shop/cart?id=1\"\n"
    "  ringway --listen memcached://127.0.0.1:11211 \\\n"
    "          --shard a=127.0.0.1:11311 --shard b=127.0.0.1:11312\n"
    "\n"
    "More in ringway(8) and ringway.yaml(5).\n";

/* --- Arguments --- */

static int usage_error(FILE *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int usage_error(FILE *err, const char *format, ...)
{
    va_list arguments;

    fputs("ringway: ", err);
    va_start(arguments, format);
    vfprintf(err, format, arguments);
    va_end(arguments);
    fputs("; try --help\n", err);
    return -1;
}

/* HELP and VERSION win over everything else; any other two commands exclude each other. */
static int set_command(struct cli_options *options, enum cli_command command, FILE *err)
{
    enum cli_command old = options->command;

    if (old == CLI_HELP || old == CLI_VERSION) {
        return 0;
    }
    if (old != CLI_RUN && old != command && command != CLI_HELP && command != CLI_VERSION) {
        return usage_error(err, "only one of --check, --route, --route-url and "
                                "--print-defaults can be given");
    }
    options->command = command;
    return 0;
}

static int set_once(const char **slot, const char *value, const char *option, FILE *err)
{
    if (*slot != NULL) {
        return usage_error(err, "%s is given twice", option);
    }
    *slot = value;
    return 0;
}

static int add_listen(struct cli_options *options, const char *value, FILE *err)
{
    if (options->source.n_listen == CLI_MAX_LISTEN) {
        return usage_error(err, "more than %u --listen", CLI_MAX_LISTEN);
    }
    options->listen[options->source.n_listen++] = value;
    return 0;
}

static int add_shard(struct cli_options *options, const char *value, FILE *err)
{
    if (options->source.n_shards == CLI_MAX_SHARDS) {
        return usage_error(err, "more than %u --shard", CLI_MAX_SHARDS);
    }
    options->shards[options->source.n_shards++] = value;
    return 0;
}

static int add_header(struct cli_options *options, const char *value, FILE *err)
{
    if (options->n_headers == CLI_MAX_HEADERS) {
        return usage_error(err, "more than %u --header", CLI_MAX_HEADERS);
    }
    options->headers[options->n_headers++] = slice_of(value);
    return 0;
}

static int take_option(struct cli_options *options, int code, FILE *err)
{
    switch (code) {
    case OPTION_CONFIG:
        return set_once(&options->source.path, optarg, "-c", err);
    case OPTION_ADMIN:
        return set_once(&options->source.admin, optarg, "--admin", err);
    case OPTION_LISTEN:
        return add_listen(options, optarg, err);
    case OPTION_SHARD:
        return add_shard(options, optarg, err);
    case OPTION_CHECK:
        return set_command(options, CLI_CHECK, err);
    case OPTION_ROUTE:
        if (set_once(&options->route_pool, optarg, "--route", err) != 0) {
            return -1;
        }
        return set_command(options, CLI_ROUTE, err);
    case OPTION_ROUTE_URL:
        return set_command(options, CLI_ROUTE_URL, err);
    case OPTION_HEADER:
        return add_header(options, optarg, err);
    case OPTION_CLIENT:
        return set_once(&options->client, optarg, "--client", err);
    case OPTION_LISTENER:
        return set_once(&options->listener, optarg, "--listener", err);
    case OPTION_PRINT_DEFAULTS:
        return set_command(options, CLI_PRINT_DEFAULTS, err);
    case OPTION_HELP:
        return set_command(options, CLI_HELP, err);
    case OPTION_VERSION:
        return set_command(options, CLI_VERSION, err);
    default: /* not an enumeration: getopt's ? and : */
        return -1;
    }
}

/* What getopt found wrong; [word] is the argument that it looked at. */
static int report_option(int code, const char *word, FILE *err)
{
    if (code == ':') {
        return usage_error(err, "%s needs a value", word);
    }
    if (word[0] == '-' && word[1] == '-' && optopt >= OPTION_CHECK) {
        return usage_error(err, "%s takes no value", word);
    }
    if (word[0] == '-' && word[1] != '-') {
        return usage_error(err, "unknown option -%c", optopt);
    }
    return usage_error(err, "unknown or ambiguous option %s", word);
}

static bool needs_words(enum cli_command command)
{
    return command == CLI_ROUTE || command == CLI_ROUTE_URL;
}

static bool needs_configuration(enum cli_command command)
{
    return command == CLI_RUN || command == CLI_CHECK || needs_words(command);
}

static int check_words(const struct cli_options *options, FILE *err)
{
    bool describes = options->n_headers > 0 || options->client != NULL || options->listener != NULL;

    if (!needs_words(options->command) && options->n_words > 0) {
        return usage_error(err, "unexpected argument %s", options->words[0]);
    }
    if (options->command == CLI_ROUTE && options->n_words == 0) {
        return usage_error(err, "--route %s needs a key", options->route_pool);
    }
    if (options->command == CLI_ROUTE_URL && options->n_words == 0) {
        return usage_error(err, "--route-url needs a URL");
    }
    if (options->command != CLI_ROUTE_URL && describes) {
        return usage_error(err, "--header, --client and --listener are for --route-url");
    }
    return 0;
}

static int check_together(const struct cli_options *options, FILE *err)
{
    const struct config_source *source = &options->source;
    bool has_line = source->n_listen > 0 || source->n_shards > 0;

    if (!needs_configuration(options->command)) {
        return 0;
    }
    if (check_words(options, err) != 0) {
        return -1;
    }
    if (source->path != NULL && has_line) {
        return usage_error(err, "--listen and --shard are for running without -c");
    }
    if (source->path == NULL && !has_line) {
        return usage_error(err, "no configuration: -c FILE, or --listen and --shard");
    }
    if (source->path != NULL && source->path[0] == '\0') {
        return usage_error(err, "-c needs the name of a file");
    }
    return 0;
}

int cli_parse(struct cli_options *out, int argc, char **argv, char *const *environment, FILE *err)
{
    *out = (struct cli_options){.command = CLI_RUN};
    out->source.environment = environment;
    out->source.listen = out->listen;
    out->source.shards = out->shards;

    opterr = 0;
    optind = 0; /* begin anew, also in a second call */
    for (;;) {
        int before = optind > 0 ? optind : 1;
        int code = getopt_long(argc, argv, ":c:hV", long_options, NULL);
        if (code == -1) {
            break;
        }
        if (code == '?' || code == ':') {
            bool is_at_end = optind > before && optind <= argc;
            return report_option(code, argv[is_at_end ? optind - 1 : before], err);
        }
        if (take_option(out, code, err) != 0) {
            return -1;
        }
    }
    out->words = argv + optind;
    out->n_words = (size_t)(argc - optind);
    return check_together(out, err);
}

/* --- Commands --- */

static int load(struct config **config, const struct cli_options *options, FILE *err)
{
    struct config_problems problems = {0};
    int result = config_load(config, &options->source, &problems);

    for (size_t i = 0; i < problems.n_lines; i++) {
        fprintf(err, "%s\n", problems.lines[i]);
    }
    config_problems_deinit(&problems);
    return result;
}

static int build(struct topology **topology, const struct config *config, FILE *err)
{
    uint32_t pool = 0;
    int result = topology_create(topology, config, &pool);

    if (result != 0) {
        fprintf(err, "ringway: the ring of the pool %s cannot be built: %s\n",
                config->pools[pool].name, hashring_strerror(result));
    }
    return result;
}

/* The rings are built too, as a start would. */
static int run_check(const struct cli_options *options, FILE *out, FILE *err)
{
    struct config *config = NULL;
    struct topology *topology = NULL;

    if (load(&config, options, err) != 0) {
        return 1;
    }
    int code = build(&topology, config, err) == 0 ? 0 : 1;
    if (code == 0) {
        fputs("configuration ok\n", out);
    }
    topology_destroy(&topology);
    config_destroy(&config);
    return code;
}

/* What --route and --route-url go through their words with. */
struct routing {
    const struct cli_options *options;
    const struct topology *topology;
    uint32_t pool; /* --route */
    FILE *out, *err;
};

static void print_replicas(const struct config_shard *shard, FILE *out)
{
    for (size_t i = 0; i < shard->n_replicas; i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", shard->replicas[i].text);
    }
}

static int report_key(const char *key, size_t len, size_t max, FILE *err)
{
    fprintf(err, "ringway: a key of %zu bytes: found \"%.*s%s\"; accepted: 1%s bytes\n", len,
            len > 40 ? 40 : (int)len, key, len > 40 ? "..." : "",
            max == MAX_KEY_BYTES ? "..250" : " or more");
    return 1;
}

/* 0, or 1 when [key] is none. A key may hold a space: the command line is not the protocol. */
static int route_key(const struct routing *routing, const char *key, size_t len)
{
    const struct topology_pool *pool = &routing->topology->pools[routing->pool];
    size_t max = pool->config->protocol == CONFIG_MEMCACHED ? MAX_KEY_BYTES : SIZE_MAX;

    if (len == 0 || len > max) {
        return report_key(key, len, max, routing->err);
    }
    uint32_t home = hashring_home(pool->ring, hashring_hash(pool->ring, key, len));
    const struct config_shard *owner = &pool->config->shards[home];

    fwrite(key, 1, len, routing->out);
    fprintf(routing->out, "\t%s\t", owner->name);
    print_replicas(owner, routing->out);
    fputc('\n', routing->out);
    return 0;
}

/* Pool, key, shard, replicas, and what decided it; "-" for what there is none of. */
static void print_explanation(const struct http_explain *explain, FILE *out)
{
    char reason[HTTP_EXPLAIN_PROBLEM_BYTES];
    bool is_home = explain->result == HTTP_EXPLAIN_HOME;

    assert(!is_home || explain->pool != NULL);
    fprintf(out, "\t%s\t", explain->pool != NULL ? explain->pool->config->name : "-");
    if (is_home) {
        const struct config_shard *shard = &explain->pool->config->shards[explain->shard];
        fwrite(explain->key.data, 1, explain->key.len, out);
        fprintf(out, "\t%s\t", shard->name);
        print_replicas(shard, out);
    } else {
        fprintf(out, "%s\t-\t-", explain->result == HTTP_EXPLAIN_RANDOM ? "random" : "-");
    }
    fprintf(out, "\t%s", explain->listener->bind.text);
    if (explain->route_number > 0) {
        fprintf(out, " route %zu", explain->route_number);
    }
    if (!is_home) {
        http_explain_reason(explain, reason);
        fprintf(out, ": %s", reason);
    }
    fputc('\n', out);
}

/* 0, or 1 when it goes to no certain shard. [word] is `[METHOD ]URL`. */
static int route_url(const struct routing *routing, const char *word, size_t len)
{
    const struct cli_options *options = routing->options;
    const char *space = memchr(word, ' ', len);
    size_t url_at = space != NULL ? (size_t)(space - word) + 1 : 0;
    struct http_explain_query query = {
        .method = slice_make(word, space != NULL ? url_at - 1 : 0),
        .url = slice_make(word + url_at, len - url_at),
        .headers = options->headers,
        .n_headers = options->n_headers,
        .client = slice_of(options->client != NULL ? options->client : ""),
        .listener = slice_of(options->listener != NULL ? options->listener : ""),
    };
    char problem[HTTP_EXPLAIN_PROBLEM_BYTES];
    struct http_explain explain;

    if (http_explain(&explain, routing->topology, &query, problem) != 0) {
        fprintf(routing->err, "ringway: --route-url: %s\n", problem);
        return 1;
    }
    fwrite(word, 1, len, routing->out);
    print_explanation(&explain, routing->out);
    int code = explain.result == HTTP_EXPLAIN_HOME ? 0 : 1;
    http_explain_deinit(&explain);
    return code;
}

static int route_word(const struct routing *routing, const char *word, size_t len)
{
    return routing->options->command == CLI_ROUTE ? route_key(routing, word, len)
                                                  : route_url(routing, word, len);
}

static int route_lines(const struct routing *routing, FILE *in)
{
    char *line = NULL;
    size_t capacity = 0;
    int code = 0;

    for (ssize_t len = getline(&line, &capacity, in); len >= 0;
         len = getline(&line, &capacity, in)) {
        size_t word_len = (size_t)len - (len > 0 && line[len - 1] == '\n');
        code |= route_word(routing, line, word_len);
    }
    free(line);
    return code;
}

static int route_words(const struct routing *routing)
{
    const struct cli_options *options = routing->options;
    int code = 0;

    for (size_t i = 0; i < options->n_words; i++) {
        const char *word = options->words[i];
        code |= strcmp(word, "-") == 0 ? route_lines(routing, stdin)
                                       : route_word(routing, word, strlen(word));
    }
    return code;
}

static int report_pool(const struct config *config, const char *name, FILE *err)
{
    fprintf(err, "ringway: --route: found the pool \"%s\"; accepted: ", name);
    for (size_t i = 0; i < config->n_pools; i++) {
        fprintf(err, "%s%s", i > 0 ? ", " : "", config->pools[i].name);
    }
    fputc('\n', err);
    return 1;
}

static int run_route(const struct cli_options *options, FILE *out, FILE *err)
{
    struct config *config = NULL;
    struct topology *topology = NULL;
    int pool = 0, code = 1;

    if (load(&config, options, err) != 0) {
        return code;
    }
    if (options->command == CLI_ROUTE) {
        pool = config_find_pool(config, options->route_pool);
    }
    if (pool < 0) {
        code = report_pool(config, options->route_pool, err);
    } else if (build(&topology, config, err) == 0) {
        const struct routing routing = {options, topology, (uint32_t)pool, out, err};
        code = route_words(&routing);
    }
    topology_destroy(&topology);
    config_destroy(&config);
    return code;
}

/* What could not be written was not said: a full disk must not look like success. */
static int flush(int code, FILE *out, FILE *err)
{
    if (fflush(out) != 0 || ferror(out)) {
        fputs("ringway: the output cannot be written\n", err);
        return 1;
    }
    return code;
}

int cli_run_offline(const struct cli_options *options, FILE *out, FILE *err)
{
    int code = 0;

    switch (options->command) {
    case CLI_RUN:
        break;
    case CLI_CHECK:
        code = run_check(options, out, err);
        break;
    case CLI_ROUTE:
    case CLI_ROUTE_URL:
        code = run_route(options, out, err);
        break;
    case CLI_HELP:
        fputs(help_text, out);
        break;
    case CLI_VERSION:
        fputs("ringway " RINGWAY_VERSION "\n", out);
        break;
    case CLI_PRINT_DEFAULTS:
        config_print_defaults(out);
        break;
    }
    return flush(code, out, err);
}
