/*
 * What a bad file is told: every problem, in the order of the file, in these very words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

#define MAX_LINES 8

#define POOL   "pools: [{name: a, shards: [{name: 'h:1'}]}]\n"
#define LISTEN "listeners: [{bind: 'h:0', pool: a}]\n"

#define ROOT(text)        text POOL LISTEN
#define IN_POOL(text)     "pools:\n  - name: a\n    shards: [{name: 'h:1'}]\n    " text "\n" LISTEN
#define IN_LISTENER(text) POOL "listeners:\n  - bind: h:0\n    pool: a\n    " text "\n"
#define SHARDS(text)      "pools:\n  - name: a\n    shards: [" text "]\n" LISTEN
#define LISTENERS(text)   POOL "listeners: [" text "]\n"

/* Problems without the name of the file in front. */
struct problem_case {
    const char *text;
    const char *lines[MAX_LINES];
};

static const struct problem_case document_cases[] = {
    {"",
     {"1: document: found an empty file; accepted: one YAML document with the options of "
      "ringway.yaml(5)"}},
    {"# nothing\n",
     {"1: document: found an empty file; accepted: one YAML document with the options of "
      "ringway.yaml(5)"}},
    {"~\n",
     {"1: document: found an empty file; accepted: one YAML document with the options of "
      "ringway.yaml(5)"}},
    {"a\n",
     {"1: document: found a single value; accepted: a map of options, as in ringway.yaml(5)"}},
    {"[1, 2]\n", {"1: document: found a list; accepted: a map of options, as in ringway.yaml(5)"}},
    {"{}\n",
     {"1: pools: found nothing; accepted: a list of 1..1024 pools",
      "1: listeners: found nothing; accepted: a list of 1..256 listeners"}},
    {"a: [\n",
     {"2: document: found invalid YAML (while parsing a flow node in line 2, did not find expected "
      "node content); accepted: YAML"}},
    {"a: b: c\n",
     {"1: document: found invalid YAML (mapping values are not allowed in this context); accepted: "
      "YAML"}},
    {"workers: 1\n\tadmin: off\n",
     {"2: document: found a tab in the indentation; accepted: spaces"}},
    {"log:\n\tlevel: info\n", {"2: document: found a tab in the indentation; accepted: spaces"}},
    {"workers: 1\n---\nworkers: 2\n",
     {"2: document: found a second document; accepted: one document"}},
    {"workers: \xff"
     "1\n",
     {"1: document: found the byte 0xff; accepted: UTF-8 text"}},
    {"a: \xc0\xaf\n", {"1: document: found the byte 0xc0; accepted: UTF-8 text"}},
    {"a: \xed\xa0\x80\n", {"1: document: found the byte 0xed; accepted: UTF-8 text"}},
    {"x: 1\na: \"\x01\"\n",
     {"2: document: found invalid YAML (control characters are not allowed); accepted: printable "
      "UTF-8 text"}},
    {"a: \"x\\0y\"\n", {"1: document: found a NUL byte; accepted: text without NUL bytes"}},
    {"a: !!str b\n", {"1: document: found a tag; accepted: values without tags"}},
    {"a: !x {}\n", {"1: document: found a tag; accepted: values without tags"}},
    {"? [a]\n: b\n", {"1: document: found a list or map as a key; accepted: text"}},
    {"? {a: b}\n: c\n", {"1: document: found a list or map as a key; accepted: text"}},
    {"a: *b\n", {"1: document: found an unknown alias; accepted: an anchor that stands before it"}},
    {"a: &a [*a]\n",
     {"1: document: found an alias inside its own anchor; accepted: an alias of something "
      "complete"}},
    {"&k a: 1\n*k : 2\n",
     {"1: pools: found nothing; accepted: a list of 1..1024 pools",
      "1: listeners: found nothing; accepted: a list of 1..256 listeners",
      "1: a: found an unknown key; accepted: workers, batch_delay, admin, log, drain, limits, "
      "timeouts, pools, "
      "listeners",
      "2: a: found the key a second time (first in line 1); accepted: each key once",
      "2: a: found an unknown key; accepted: workers, batch_delay, admin, log, drain, limits, "
      "timeouts, pools, "
      "listeners"}},
    {"a: &a []\n*a : 2\n",
     {"2: document: found an alias of a list or map as a key; accepted: text"}},
    {"%YAML 2.0\n--- a\n",
     {"1: document: found invalid YAML (found incompatible YAML document); accepted: YAML"}},
    {"a: 'b\n",
     {"2: document: found invalid YAML (while scanning a quoted scalar in line 1, found unexpected "
      "end of stream); accepted: YAML"}},
};

static const struct problem_case keys_cases[] = {
    {ROOT("workrs: 1\n"),
     {"1: workrs: found an unknown key (did you mean workers?); accepted: workers, batch_delay, "
      "admin, log, "
      "drain, limits, timeouts, pools, listeners"}},
    {ROOT("zzz: 1\n"),
     {"1: zzz: found an unknown key; accepted: workers, batch_delay, admin, log, drain, limits, "
      "timeouts, "
      "pools, listeners"}},
    {ROOT("log: {levl: info}\n"),
     {"1: log.levl: found an unknown key (did you mean level?); accepted: level, format, access, "
      "file"}},
    {ROOT("workers: 1\nworkers: 2\nworkers: 3\n"),
     {"2: workers: found the key a second time (first in line 1); accepted: each key once",
      "3: workers: found the key a second time (first in line 1); accepted: each key once"}},
    {ROOT("'log.level': info\n"),
     {"1: log.level: found an unknown key; accepted: workers, batch_delay, admin, log, drain, "
      "limits, timeouts, "
      "pools, listeners"}},
    {ROOT("'pools[]': 1\n"),
     {"1: pools[]: found an unknown key (did you mean pools?); accepted: workers, batch_delay, "
      "admin, log, "
      "drain, limits, timeouts, pools, listeners"}},
    {ROOT("'': 1\n"),
     {"1: \"\": found an unknown key; accepted: workers, batch_delay, admin, log, drain, limits, "
      "timeouts, "
      "pools, listeners"}},
    {ROOT("<<: {workers: 1}\n"),
     {"1: <<: found an unknown key; accepted: workers, batch_delay, admin, log, drain, limits, "
      "timeouts, pools, "
      "listeners"}},
    {ROOT("log: info\n"),
     {"1: log: found \"info\"; accepted: a map of level, format, access, file"}},
    {ROOT("log: [info]\n"),
     {"1: log: found a list; accepted: a map of level, format, access, file"}},
    {ROOT("log: {level: {a: b}}\n"),
     {"1: log.level: found a map; accepted: debug, info, warn or error"}},
    {ROOT("limits: 5\n"),
     {"1: limits: found \"5\"; accepted: a map of max_clients, max_item, max_line, "
      "client_output, max_request_header, max_response_header, max_request_body, "
      "stream_buffer"}},
    {IN_POOL("discovery: ~"),
     {"4: pools[a].discovery: found an unknown key; accepted: name, protocol, ring, shards, "
      "connections, max_pending, max_queue, timeouts, health, on_shard_down, on_partial, "
      "flush_all"}},
    {IN_POOL("ring: ketama"),
     {"4: pools[a].ring: found \"ketama\"; accepted: a map of compatible_with, algorithm, hash, "
      "points, hash_tag"}},
    {IN_LISTENER("tls: ~"),
     {"5: listeners[0].tls: found an unknown key; accepted: bind, mode, protocol, pool, routes"}},
};

static const struct problem_case process_cases[] = {
    {ROOT("workers: 0\n"), {"1: workers: found \"0\"; accepted: auto or a number 1..256"}},
    {ROOT("workers: 257\n"), {"1: workers: found \"257\"; accepted: auto or a number 1..256"}},
    {ROOT("workers: four\n"), {"1: workers: found \"four\"; accepted: auto or a number 1..256"}},
    {ROOT("workers: -1\n"), {"1: workers: found \"-1\"; accepted: auto or a number 1..256"}},
    {ROOT("workers: 1.5\n"), {"1: workers: found \"1.5\"; accepted: auto or a number 1..256"}},
    {ROOT("workers: [1]\n"), {"1: workers: found a list; accepted: auto or a number 1..256"}},
    {ROOT("workers: {a: 1}\n"), {"1: workers: found a map; accepted: auto or a number 1..256"}},
    {ROOT("admin: on\n"), {"1: admin: found \"on\"; accepted: off, or a map of bind"}},
    {ROOT("admin: 127.0.0.1:1\n"),
     {"1: admin: found \"127.0.0.1:1\"; accepted: off, or a map of bind"}},
    {ROOT("admin: {bind: 9900}\n"),
     {"1: admin.bind: found \"9900\" (no port); accepted: host:port, [v6]:port or unix:/path, or "
      "off"}},
    {ROOT("admin: {bind: 'off'}\n"),
     {"1: admin.bind: found \"off\" (no port); accepted: host:port, [v6]:port or unix:/path, or "
      "off"}},
    {ROOT("log: {level: INFO}\n"),
     {"1: log.level: found \"INFO\"; accepted: debug, info, warn or error"}},
    {ROOT("log: {format: xml}\n"), {"1: log.format: found \"xml\"; accepted: text or json"}},
    {ROOT("log: {access: 1/0}\n"),
     {"1: log.access: found \"1/0\"; accepted: off, all, errors or 1/N (N 2..1000000)"}},
    {ROOT("log: {access: 1/1}\n"),
     {"1: log.access: found \"1/1\"; accepted: off, all, errors or 1/N (N 2..1000000)"}},
    {ROOT("log: {access: 1/1000001}\n"),
     {"1: log.access: found \"1/1000001\"; accepted: off, all, errors or 1/N (N 2..1000000)"}},
    {ROOT("log: {access: 2/3}\n"),
     {"1: log.access: found \"2/3\"; accepted: off, all, errors or 1/N (N 2..1000000)"}},
    {ROOT("log: {file: ''}\n"),
     {"1: log.file: found \"\"; accepted: a file name of 1..4095 bytes without control "
      "characters"}},
    {ROOT("log: {file: \"a\\nb\"}\n"),
     {"1: log.file: found \"a\\x0ab\"; accepted: a file name of 1..4095 bytes without control "
      "characters"}},
    {ROOT("drain: {delay: 5}\n"),
     {"1: drain.delay: found \"5\"; accepted: a duration with a unit (us ms s m h), 0s..1h"}},
    {ROOT("drain: {delay: 61m}\n"),
     {"1: drain.delay: found \"61m\"; accepted: a duration with a unit (us ms s m h), 0s..1h"}},
    {ROOT("drain: {timeout: -1s}\n"),
     {"1: drain.timeout: found \"-1s\"; accepted: a duration with a unit (us ms s m h), 0s..24h"}},
    {ROOT("drain: {timeout: 25h}\n"),
     {"1: drain.timeout: found \"25h\"; accepted: a duration with a unit (us ms s m h), 0s..24h"}},
    {ROOT("limits: {max_clients: 0}\n"),
     {"1: limits.max_clients: found \"0\"; accepted: a number 1..1000000"}},
    {ROOT("limits: {max_clients: 1000001}\n"),
     {"1: limits.max_clients: found \"1000001\"; accepted: a number 1..1000000"}},
    {ROOT("limits: {max_item: 1}\n"),
     {"1: limits.max_item: found \"1\"; accepted: a size with a unit (B KiB MiB GiB KB MB GB), "
      "1KiB..1GiB"}},
    {ROOT("limits: {max_item: 1000}\n"),
     {"1: limits.max_item: found \"1000\"; accepted: a size with a unit (B KiB MiB GiB KB MB GB), "
      "1KiB..1GiB"}},
    {ROOT("limits: {max_item: 2GiB}\n"),
     {"1: limits.max_item: found \"2GiB\"; accepted: a size with a unit (B KiB MiB GiB KB MB GB), "
      "1KiB..1GiB"}},
    {ROOT("limits: {max_line: 1KiB}\n"),
     {"1: limits.max_line: found \"1KiB\"; accepted: a size with a unit (B KiB MiB GiB KB MB GB), "
      "2KiB..64MiB"}},
    {ROOT("limits: {client_output: 5GiB}\n"),
     {"1: limits.client_output: found \"5GiB\"; accepted: a size with a unit (B KiB MiB GiB KB MB "
      "GB), 4KiB..4GiB"}},
    {ROOT("timeouts: {idle: 1d}\n"),
     {"1: timeouts.idle: found \"1d\"; accepted: a duration with a unit (us ms s m h), 0s..720h"}},
    {ROOT("timeouts: {idle: 99999999999999999999h}\n"),
     {"1: timeouts.idle: found \"99999999999999999999h\"; accepted: a duration with a unit (us ms "
      "s m h), 0s..720h"}},
};

static const struct problem_case pool_cases[] = {
    {IN_POOL("protocol: HTTP"),
     {"4: pools[a].protocol: found \"HTTP\"; accepted: memcached or http"}},
    {IN_POOL("protocol: smtp\n    balance_factor: 150\n    on_partial: x"),
     {"4: pools[a].protocol: found \"smtp\"; accepted: memcached or http"}},
    {IN_POOL("connections: 0"), {"4: pools[a].connections: found \"0\"; accepted: a number 1..64"}},
    {IN_POOL("connections: 65"),
     {"4: pools[a].connections: found \"65\"; accepted: a number 1..64"}},
    {IN_POOL("max_pending: 0"),
     {"4: pools[a].max_pending: found \"0\"; accepted: a number 1..1048576"}},
    {IN_POOL("max_queue: 1KiB"),
     {"4: pools[a].max_queue: found \"1KiB\"; accepted: a size with a unit (B KiB MiB GiB KB MB "
      "GB), 4KiB..4GiB"}},
    {IN_POOL("timeouts: {connect: 0}"),
     {"4: pools[a].timeouts.connect: found \"0\"; accepted: a duration with a unit (us ms s m h), "
      "100us..1h"}},
    {IN_POOL("timeouts: {request: 2h}"),
     {"4: pools[a].timeouts.request: found \"2h\"; accepted: a duration with a unit (us ms s m h), "
      "100us..1h"}},
    {IN_POOL("health: {eject_after: -1}"),
     {"4: pools[a].health.eject_after: found \"-1\"; accepted: a number 0..1000000"}},
    {IN_POOL("health: {retry_after: 0s}"),
     {"4: pools[a].health.retry_after: found \"0s\"; accepted: a duration with a unit (us ms s m "
      "h), 1ms..24h"}},
    {IN_POOL("on_shard_down: drop"),
     {"4: pools[a].on_shard_down: found \"drop\"; accepted: error, next or the name of a pool "
      "(a)"}},
    {IN_POOL("on_shard_down: a"),
     {"4: pools[a].on_shard_down: found a circle from a to a; accepted: error, next or a pool that "
      "does not lead back"}},
    {IN_POOL("on_partial: hit"),
     {"4: pools[a].on_partial: found \"hit\"; accepted: miss or error"}},
    {IN_POOL("flush_all: maybe"),
     {"4: pools[a].flush_all: found \"maybe\"; accepted: true or false"}},
    {IN_POOL("flush_all: 1"), {"4: pools[a].flush_all: found \"1\"; accepted: true or false"}},
};

static const struct problem_case ring_cases[] = {
    {IN_POOL("ring: {algorithm: md5}"),
     {"4: pools[a].ring.algorithm: found \"md5\"; accepted: xxring, ketama, crcring, xx64ring, "
      "slots, maglev, jump, rendezvous, modulo"}},
    {IN_POOL("ring: {algorithm: slots, points: 512}"),
     {"4: pools[a].ring.points: found \"512\"; accepted: nothing with algorithm: slots"}},
    {IN_POOL("ring: {hash: sha1}"),
     {"4: pools[a].ring.hash: found \"sha1\"; accepted: xxh3, md5, fnv1a_64, fnv1_64, fnv1a_32, "
      "fnv1_32, crc32, one_at_a_time, murmur, jenkins, hsieh, crc16, crc32a, hashkit_fnv1a_64, "
      "hashkit_fnv1_64, hashkit_fnv1a_32, hashkit_fnv1_32, hashkit_crc32, hashkit_one_at_a_time, "
      "xxh64"}},
    {IN_POOL("ring: {points: 0}"),
     {"4: pools[a].ring.points: found \"0\"; accepted: a number 1..16384"}},
    {IN_POOL("ring: {points: 16385}"),
     {"4: pools[a].ring.points: found \"16385\"; accepted: a number 1..16384"}},
    {IN_POOL("ring: {hash_tag: x}"),
     {"4: pools[a].ring.hash_tag: found \"x\"; accepted: two bytes"}},
    {IN_POOL("ring: {hash_tag: '{}}'}"),
     {"4: pools[a].ring.hash_tag: found \"{}}\"; accepted: two bytes"}},
    {IN_POOL("ring: {compatible_with: twemproxy, algorithm: xxring}"),
     {"4: pools[a].ring.algorithm: found \"xxring\"; accepted: with compatible_with: twemproxy, "
      "ketama or nothing"}},
    {IN_POOL("ring: {compatible_with: twemproxy, hash: xxh3}"),
     {"4: pools[a].ring.hash: found \"xxh3\"; accepted: with compatible_with: twemproxy, md5, "
      "fnv1a_64, fnv1_64, fnv1a_32, fnv1_32, crc32, one_at_a_time, murmur, jenkins, hsieh, crc16, "
      "crc32a, hashkit_fnv1a_64, hashkit_fnv1_64, hashkit_fnv1a_32, hashkit_fnv1_32, "
      "hashkit_crc32, hashkit_one_at_a_time"}},
    {IN_POOL("ring: {compatible_with: libmemcached-weighted, points: 100}"),
     {"4: pools[a].ring.points: found \"100\"; accepted: with compatible_with: "
      "libmemcached-weighted, 160 or nothing"}},
    {IN_POOL("ring: {compatible_with: nginx, hash: md5}"),
     {"4: pools[a].ring.hash: found \"md5\"; accepted: with compatible_with: nginx, crc32"}},
    {IN_POOL("ring: {compatible_with: envoy, hash: xxh3}"),
     {"4: pools[a].ring.hash: found \"xxh3\"; accepted: with compatible_with: envoy, xxh64"}},
    {IN_POOL("ring: {compatible_with: envoy, points: 2048}"),
     {"4: pools[a].ring.points: found \"2048\"; accepted: with compatible_with: envoy, 1024 or "
      "nothing"}},
};

static const struct problem_case lists_cases[] = {
    {"pools: ~\n" LISTEN, {"1: pools: found nothing; accepted: a list of 1..1024 pools"}},
    {"pools: {a: b}\n" LISTEN, {"1: pools: found a map; accepted: a list of 1..1024 pools"}},
    {"pools: []\n" LISTEN, {"1: pools: found a list of 0; accepted: a list of 1..1024 pools"}},
    {"pools: a\n" LISTEN, {"1: pools: found \"a\"; accepted: a list of 1..1024 pools"}},
    {POOL, {"1: listeners: found nothing; accepted: a list of 1..256 listeners"}},
    {POOL "listeners: []\n",
     {"2: listeners: found a list of 0; accepted: a list of 1..256 listeners"}},
    {POOL "listeners: [x, [], ~]\n",
     {"2: listeners[0]: found \"x\"; accepted: a map of bind, mode, protocol, pool, routes",
      "2: listeners[1]: found a list; accepted: a map of bind, mode, protocol, pool, routes",
      "2: listeners[2]: found nothing; accepted: a map of bind, mode, protocol, pool, routes"}},
    {"pools: [~, x]\n" LISTEN,
     {"1: pools[0]: found nothing; accepted: a map that describes a pool",
      "1: pools[1]: found \"x\"; accepted: a map that describes a pool"}},
    {"pools: [{}]\n" LISTEN,
     {"1: pools[0].name: found nothing; accepted: a name of 1..255 bytes without spaces and "
      "control characters",
      "1: pools[0].shards: found nothing; accepted: a list of 1..65534 shards"}},
    {"pools:\n  - name: a\n    shards: {}\n" LISTEN,
     {"3: pools[a].shards: found a map; accepted: a list of 1..65534 shards"}},
    {"pools:\n  - name: a\n    shards: [s, ~]\n" LISTEN,
     {"3: pools[a].shards[0]: found \"s\"; accepted: a map of name, weight, replicas",
      "3: pools[a].shards[1]: found nothing; accepted: a map of name, weight, replicas"}},
    {"pools: [{name: '', shards: [{name: 'h:1'}]}, {name: a, shards: [{name: 'h:1'}]}]\n" LISTEN,
     {"1: pools[0].name: found \"\"; accepted: a name of 1..255 bytes without spaces and control "
      "characters"}},
    {"pools:\n  - {name: error, shards: [{name: 'h:1'}]}\n  - {name: 'a b', shards: [{name: "
     "'h:1'}]}\n  - {name: [a], shards: [{name: 'h:1'}]}\n  - {name: ok, shards: [{name: "
     "'h:1'}]}\n  - {name: ok, shards: [{name: 'h:1'}]}\nlisteners: [{bind: 'h:1', pool: ok}]\n",
     {"2: pools[error].name: found \"error\" (a word of on_shard_down); accepted: a name of 1..255 "
      "bytes without spaces and control characters",
      "3: pools[a b].name: found \"a b\"; accepted: a name of 1..255 bytes without spaces and "
      "control characters",
      "4: pools[2].name: found a list; accepted: a name of 1..255 bytes without spaces and control "
      "characters",
      "6: pools[ok].name: found \"ok\" a second time (first in line 5); accepted: names that "
      "differ"}},
};

static const struct problem_case shards_cases[] = {
    {SHARDS("{name: a}"),
     {"3: pools[a].shards[a].replicas: found nothing; accepted: a list of 1..64 addresses "
      "(host:port, [v6]:port or unix:/path), or a shard called host:port"}},
    {SHARDS("{name: 'h:0'}"),
     {"3: pools[a].shards[h:0].replicas: found nothing; accepted: a list of 1..64 addresses "
      "(host:port, [v6]:port or unix:/path), or a shard called host:port"}},
    {SHARDS("{name: s, replicas: []}"),
     {"3: pools[a].shards[s].replicas: found a list (0 addresses); accepted: a list of 1..64 "
      "addresses (host:port, [v6]:port or unix:/path), port 1..65535"}},
    {SHARDS("{name: s, replicas: {a: b}}"),
     {"3: pools[a].shards[s].replicas: found a map; accepted: a list of 1..64 addresses "
      "(host:port, [v6]:port or unix:/path), port 1..65535"}},
    {SHARDS("{name: s, replicas: ''}"),
     {"3: pools[a].shards[s].replicas: found \"\" (no port); accepted: host:port, [v6]:port or "
      "unix:/path, port 1..65535"}},
    {SHARDS("{name: s, replicas: 'h:1,'}"),
     {"3: pools[a].shards[s].replicas: found \"\" (no port); accepted: host:port, [v6]:port or "
      "unix:/path, port 1..65535"}},
    {SHARDS("{name: s, replicas: [[h], ~, h]}"),
     {"3: pools[a].shards[s].replicas[0]: found a list; accepted: host:port, [v6]:port or "
      "unix:/path, port 1..65535",
      "3: pools[a].shards[s].replicas[1]: found nothing; accepted: host:port, [v6]:port or "
      "unix:/path, port 1..65535",
      "3: pools[a].shards[s].replicas[2]: found \"h\" (no port); accepted: host:port, [v6]:port or "
      "unix:/path, port 1..65535"}},
    {SHARDS("{name: s, replicas: [h:1, h:1]}"),
     {"3: pools[a].shards[s].replicas: found \"h:1\" a second time (first in line 3); accepted: "
      "each address once in the pool"}},
    {SHARDS("{replicas: 'h:1'}"),
     {"3: pools[a].shards[0].name: found nothing; accepted: a name of 1..255 bytes without spaces "
      "and control characters"}},
    {SHARDS("{name: s, weight: 0, replicas: 'h:1'}"),
     {"3: pools[a].shards[s].weight: found \"0\"; accepted: a number 1..1000000"}},
    {SHARDS("{name: s, weight: 1000001, replicas: 'h:1'}"),
     {"3: pools[a].shards[s].weight: found \"1000001\"; accepted: a number 1..1000000"}},
    {SHARDS("{name: s, adress: 'h:1'}"),
     {"3: pools[a].shards[s].replicas: found nothing; accepted: a list of 1..64 addresses "
      "(host:port, [v6]:port or unix:/path), or a shard called host:port",
      "3: pools[a].shards[s].adress: found an unknown key; accepted: name, weight, replicas"}},
    {SHARDS("{name: s, replicas: 'h:1'}, {name: s, replicas: 'h:2'}"),
     {"3: pools[a].shards[s].name: found \"s\" a second time (first in line 3); accepted: names "
      "that differ within the pool"}},
    {SHARDS("{name: s, replicas: 'h:1'}, {name: t, replicas: 'h:1'}"),
     {"3: pools[a].shards[t].replicas: found \"h:1\" a second time (first in line 3); accepted: "
      "each address once in the pool"}},
    {SHARDS("{name: s, replicas: 'h:1', weight: 32769}"),
     {"2: pools[a]: found 16777728 points (weight 32769 of all shards, 512 points each); accepted: "
      "16777216 points or fewer in all: smaller weights or fewer points"}},
    {SHARDS("{name: \"a\\tb\", replicas: 'h:1'}"),
     {"3: pools[a].shards[a\\x09b].name: found \"a\\x09b\"; accepted: a name of 1..255 bytes "
      "without spaces and control characters"}},
};

static const struct problem_case listeners_cases[] = {
    {LISTENERS("{}"),
     {"2: listeners[0].bind: found nothing; accepted: host:port, [v6]:port or unix:/path",
      "2: listeners[0].pool: found nothing; accepted: the name of a pool"}},
    {LISTENERS("{bind: h, pool: a}"),
     {"2: listeners[0].bind: found \"h\" (no port); accepted: host:port, [v6]:port or unix:/path"}},
    {LISTENERS("{bind: 'h:1'}"),
     {"2: listeners[0].pool: found nothing; accepted: the name of a pool"}},
    {LISTENERS("{bind: 'h:1', pool: b}"),
     {"2: listeners[0].pool: found \"b\"; accepted: the name of a pool (a)"}},
    {LISTENERS("{bind: 'h:1', pool: [a]}"),
     {"2: listeners[0].pool: found a list; accepted: the name of a pool"}},
    {LISTENERS("{bind: 'h:1', pool: a, mode: 0888}"),
     {"2: listeners[0].mode: found \"0888\"; accepted: three or four octal digits up to 0777"}},
    {LISTENERS("{bind: 'h:1', pool: a, mode: 1777}"),
     {"2: listeners[0].mode: found \"1777\"; accepted: three or four octal digits up to 0777"}},
    {LISTENERS("{bind: 'h:1', pool: a, mode: 66}"),
     {"2: listeners[0].mode: found \"66\"; accepted: three or four octal digits up to 0777"}},
    {LISTENERS("{bind: 'h:1', pool: a, protocol: smtp, routes: 7}"),
     {"2: listeners[0].protocol: found \"smtp\"; accepted: memcached or http"}},
    {LISTENERS("{bind: 'h:1', pool: a}, {bind: 'h:1', pool: a}"),
     {"2: listeners[1].bind: found \"h:1\" a second time (first in line 2); accepted: an address "
      "that no other listener and not admin has"}},
    {LISTENERS("{bind: '127.0.0.1:9900', pool: a}"),
     {"2: listeners[0].bind: found \"127.0.0.1:9900\" a second time (first in the default of "
      "admin.bind); accepted: an address that no other listener and not admin has"}},
    {LISTENERS("{bind: 'unix:/x', pool: a}, {bind: 'unix:/x', pool: a}"),
     {"2: listeners[1].bind: found \"unix:/x\" a second time (first in line 2); accepted: an "
      "address that no other listener and not admin has"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: x}"),
     {"2: listeners[0].routes: found \"x\"; accepted: a list of 1..65536 routes"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: []}"),
     {"2: listeners[0].routes: found a list of 0; accepted: a list of 1..65536 routes"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: {}}"),
     {"2: listeners[0].routes: found a list of 0; accepted: a list of 1..65536 routes"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: [x]}"),
     {"2: listeners[0].routes[0]: found \"x\"; accepted: a map of prefix, pool"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: [{prefix: x}]}"),
     {"2: listeners[0].routes[0].pool: found nothing; accepted: the name of a pool"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: [{pool: a}]}"),
     {"2: listeners[0].routes[0].prefix: found nothing; accepted: 1..250 bytes without spaces and "
      "line breaks"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: {'': a}}"),
     {"2: listeners[0].routes[0].prefix: found \"\"; accepted: 1..250 bytes without spaces and "
      "line breaks"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: {'a b': a}}"),
     {"2: listeners[0].routes[0].prefix: found \"a b\"; accepted: 1..250 bytes without spaces and "
      "line breaks"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: {x: b}}"),
     {"2: listeners[0].routes[0].pool: found \"b\"; accepted: the name of a pool (a)"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: {x: ~}}"),
     {"2: listeners[0].routes[0].pool: found nothing; accepted: the name of a pool"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: {x: {pool: a}}}"),
     {"2: listeners[0].routes[0].pool: found a map; accepted: the name of a pool"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: [{prefix: x, pool: a}, {prefix: x, pool: a}]}"),
     {"2: listeners[0].routes[1].prefix: found \"x\" a second time (first in line 2); accepted: "
      "each prefix once"}},
    {LISTENERS("{bind: 'h:1', pool: a, routes: [{prefix: x, pool: a, weight: ~}]}"),
     {"2: listeners[0].routes[0].weight: found an unknown key; accepted: prefix, pool"}},
};

static void check_case(const struct problem_case *wanted)
{
    struct config *config = NULL;
    struct config_problems problems;
    size_t n = 0;

    assert_int_equal(
        config_parse(&config, "f", wanted->text, strlen(wanted->text), NULL, &problems), -1);
    assert_null(config);
    for (; n < problems.n_lines && n < MAX_LINES && wanted->lines[n] != NULL; n++) {
        assert_string_equal(problems.lines[n] + strlen("f:"), wanted->lines[n]);
    }
    if (n != problems.n_lines || (n < MAX_LINES && wanted->lines[n] != NULL)) {
        fail_msg("%zu problems in: %s", problems.n_lines, wanted->text);
    }
    config_problems_deinit(&problems);
}

#define CASES(name)                                                                                \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        for (size_t i = 0; i < sizeof(name##_cases) / sizeof(name##_cases[0]); i++) {              \
            check_case(&name##_cases[i]);                                                          \
        }                                                                                          \
    }

CASES(document)
CASES(keys)
CASES(process)
CASES(pool)
CASES(ring)
CASES(lists)
CASES(shards)
CASES(listeners)

/* The presets are the hashring library's to name. */
static void test_unknown_preset(void **state)
{
    char line[512];

    (void)state;
    snprintf(line, sizeof(line), "4: pools[a].ring.compatible_with: found \"other\"; accepted: %s",
             hashring_preset_names());
    const struct problem_case wanted = {IN_POOL("ring: {compatible_with: other}"), {line}};
    check_case(&wanted);
}

static const struct problem_case everything = {
    "workrs: 4\n"
    "log: {level: loud, access: 1/1}\n"
    "limits: {max_item: 10, max_item: 5TB}\n"
    "pools:\n"
    "  - name: a\n"
    "    on_shard_down: c\n"
    "    shards:\n"
    "      - {name: s0, replicas: \"${NOPE}\"}\n"
    "listeners:\n"
    "  - {bind: h, pool: b}\n",
    {"1: workrs: found an unknown key (did you mean workers?); accepted: workers, batch_delay, "
     "admin, log, "
     "drain, limits, timeouts, pools, listeners",
     "2: log.level: found \"loud\"; accepted: debug, info, warn or error",
     "2: log.access: found \"1/1\"; accepted: off, all, errors or 1/N (N 2..1000000)",
     "3: limits.max_item: found \"10\"; accepted: a size with a unit (B KiB MiB GiB KB MB GB), "
     "1KiB..1GiB",
     "3: limits.max_item: found the key a second time (first in line 3); accepted: each key once",
     "6: pools[a].on_shard_down: found \"c\"; accepted: error, next or the name of a pool (a)",
     "8: pools[a].shards[s0].replicas: found the variable \"NOPE\", which is not set; accepted: a "
     "variable that is set, or ${VAR:-default}",
     "10: listeners[0].bind: found \"h\" (no port); accepted: host:port, [v6]:port or unix:/path"},
};

/* One problem more than a case has room for. */
static void test_all_at_once(void **state)
{
    struct config *config = NULL;
    struct config_problems problems;

    (void)state;
    assert_int_equal(
        config_parse(&config, "f", everything.text, strlen(everything.text), NULL, &problems), -1);
    assert_int_equal(problems.n_lines, MAX_LINES + 1);
    for (size_t i = 0; i < MAX_LINES; i++) {
        assert_string_equal(problems.lines[i] + strlen("f:"), everything.lines[i]);
    }
    assert_string_equal(problems.lines[MAX_LINES],
                        "f:10: listeners[0].pool: found \"b\"; accepted: the name of a pool (a)");
    config_problems_deinit(&problems);
}

static const struct problem_case circles = {
    "pools:\n"
    "  - {name: a, shards: [{name: 'h:1'}], on_shard_down: b}\n"
    "  - {name: b, shards: [{name: 'h:1'}], on_shard_down: c}\n"
    "  - {name: c, shards: [{name: 'h:1'}], on_shard_down: b}\n"
    "  - {name: d, shards: [{name: 'h:1'}], on_shard_down: d}\n"
    "listeners: [{bind: 'h:1', pool: a}]\n",
    {"3: pools[b].on_shard_down: found a circle from b to c to b; accepted: error, next or a pool "
     "that does not lead back",
     "5: pools[d].on_shard_down: found a circle from d to d; accepted: error, next or a pool that "
     "does not lead back"},
};

static void test_circles(void **state)
{
    (void)state;
    check_case(&circles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),       cmocka_unit_test(test_keys),
        cmocka_unit_test(test_process),        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_ring),           cmocka_unit_test(test_lists),
        cmocka_unit_test(test_shards),         cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_all_at_once),    cmocka_unit_test(test_circles),
        cmocka_unit_test(test_unknown_preset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
