#include "cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hashring/hashring.h"
#include "topology/topology.h"

#define MAX_KEY_BYTES 250u

enum option_code {
    OPTION_CONFIG = 'c',
    OPTION_HELP = 'h',
    OPTION_VERSION = 'V',
    OPTION_CHECK = 256,
    OPTION_ROUTE,
    OPTION_LISTEN,
    OPTION_SHARD,
    OPTION_ADMIN,
    OPTION_PRINT_DEFAULTS
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"route", required_argument, NULL, OPTION_ROUTE},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"shard", required_argument, NULL, OPTION_SHARD},
    {"admin", required_argument, NULL, OPTION_ADMIN},
    {"print-defaults", no_argument, NULL, OPTION_PRINT_DEFAULTS},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static const char help_text[] =
    "Usage: ringway -c FILE [--check | --route POOL KEY...]\n"
    "       ringway --listen memcached://ADDRESS... --shard NAME=ADDRESS...\n"
    "\n"
    "A sharding proxy for memcached: clients talk to one address, and each key goes\n"
    "to the shard that owns it on a consistent-hash ring.\n"
    "\n"
    "Configuration:\n"
    "  -c, --config FILE          read FILE, or ringway.yaml in the directory FILE\n"
    "      --listen PROTOCOL://ADDRESS\n"
    "                             without a file: listen here; may be repeated\n"
    "      --shard NAME=ADDRESS[,ADDRESS...]\n"
    "                             without a file: a shard of the pool \"default\" and\n"
    "                             its replicas; may be repeated\n"
    "      --admin ADDRESS|off    the admin API (default 127.0.0.1:9900)\n"
    "\n"
    "Instead of running:\n"
    "      --check                say whether the configuration is good, and exit\n"
    "      --route POOL KEY...    print the shard and the replicas of each KEY, and\n"
    "                             exit; a KEY of - reads keys from standard input\n"
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
        return usage_error(err, "only one of --check, --route and --print-defaults can be given");
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

static bool needs_configuration(enum cli_command command)
{
    return command == CLI_RUN || command == CLI_CHECK || command == CLI_ROUTE;
}

static int check_together(const struct cli_options *options, FILE *err)
{
    const struct config_source *source = &options->source;
    bool has_line = source->n_listen > 0 || source->n_shards > 0;

    if (!needs_configuration(options->command)) {
        return 0;
    }
    if (options->command != CLI_ROUTE && options->n_route_keys > 0) {
        return usage_error(err, "unexpected argument %s", options->route_keys[0]);
    }
    if (options->command == CLI_ROUTE && options->n_route_keys == 0) {
        return usage_error(err, "--route %s needs a key", options->route_pool);
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
    out->route_keys = argv + optind;
    out->n_route_keys = (size_t)(argc - optind);
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

/* 0, or 1 when [key] is none. A key may hold a space: the command line is not the protocol. */
static int route_key(const struct topology_pool *pool, const char *key, size_t len, FILE *out,
                     FILE *err)
{
    uint32_t shard = 0;

    if (len == 0 || len > MAX_KEY_BYTES) {
        fprintf(err, "ringway: a key of %zu bytes: found \"%.*s%s\"; accepted: 1..250 bytes\n", len,
                len > 40 ? 40 : (int)len, key, len > 40 ? "..." : "");
        return 1;
    }
    uint64_t hash = hashring_hash(pool->ring, key, len);
    hashring_pick(pool->ring, hash, &shard, 1);
    const struct config_shard *owner = &pool->config->shards[shard];

    fwrite(key, 1, len, out);
    fprintf(out, "\t%s\t", owner->name);
    for (size_t i = 0; i < owner->n_replicas; i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", owner->replicas[i].text);
    }
    fputc('\n', out);
    return 0;
}

static int route_lines(const struct topology_pool *pool, FILE *in, FILE *out, FILE *err)
{
    char *line = NULL;
    size_t capacity = 0;
    int code = 0;

    for (ssize_t len = getline(&line, &capacity, in); len >= 0;
         len = getline(&line, &capacity, in)) {
        size_t key_len = (size_t)len - (len > 0 && line[len - 1] == '\n');
        code |= route_key(pool, line, key_len, out, err);
    }
    free(line);
    return code;
}

static int route_keys(const struct cli_options *options, const struct topology_pool *pool,
                      FILE *out, FILE *err)
{
    int code = 0;

    for (size_t i = 0; i < options->n_route_keys; i++) {
        const char *key = options->route_keys[i];
        code |= strcmp(key, "-") == 0 ? route_lines(pool, stdin, out, err)
                                      : route_key(pool, key, strlen(key), out, err);
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
    int code = 1;

    if (load(&config, options, err) != 0) {
        return code;
    }
    int pool = config_find_pool(config, options->route_pool);
    if (pool < 0) {
        code = report_pool(config, options->route_pool, err);
    } else if (build(&topology, config, err) == 0) {
        code = route_keys(options, &topology->pools[pool], out, err);
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
