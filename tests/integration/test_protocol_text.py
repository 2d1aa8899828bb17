"""The classic text commands, byte for byte, through the proxy to four real memcached."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt
from ringway_testing import BCLF, Case

VERSION = rt.VERSION_LINE
ANY_VERSION = re.compile(rb'VERSION [0-9.]+\r\n')
MIB = 1 << 20

STORAGE = [
    Case(
        'set and get',
        (b'set k 5 0 3\r\nabc\r\n', b'STORED\r\n'),
        (b'get k\r\n', b'VALUE k 5 3\r\nabc\r\nEND\r\n'),
        split=True,
    ),
    Case(
        'lines that end in LF',
        (b'set k 0 0 1\nx\r\n', b'STORED\r\n'),
        (b'get k\n', b'VALUE k 0 1\r\nx\r\nEND\r\n'),
        split=True,
    ),
    Case(
        'empty value',
        (b'set k0 0 0 0\r\n\r\n', b'STORED\r\n'),
        (b'get k0\r\n', b'VALUE k0 0 0\r\n\r\nEND\r\n'),
        split=True,
    ),
    Case(
        'value that looks like protocol',
        (b'set k 0 0 24\r\nEND\r\nVALUE k 0 1\r\nERROR\r\r\n', b'STORED\r\n'),
        (b'get k\r\n', b'VALUE k 0 24\r\nEND\r\nVALUE k 0 1\r\nERROR\r\r\nEND\r\n'),
        split=True,
    ),
    Case(
        'value of all byte values',
        (b'set k 0 0 256\r\n' + bytes(range(256)) + b'\r\n', b'STORED\r\n'),
        (b'get k\r\n', b'VALUE k 0 256\r\n' + bytes(range(256)) + b'\r\nEND\r\n'),
    ),
    Case(
        'flags are kept',
        (b'set k 4294967295 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'get k\r\n', b'VALUE k 4294967295 1\r\nx\r\nEND\r\n'),
    ),
    Case(
        'add',
        (b'add k 1 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'add k 2 0 1\r\ny\r\n', b'NOT_STORED\r\n'),
        (b'get k\r\n', b'VALUE k 1 1\r\nx\r\nEND\r\n'),
        split=True,
    ),
    Case(
        'replace',
        (b'replace k 1 0 1\r\nx\r\n', b'NOT_STORED\r\n'),
        (b'set k 0 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'replace k 3 0 2\r\nyy\r\n', b'STORED\r\n'),
        (b'get k\r\n', b'VALUE k 3 2\r\nyy\r\nEND\r\n'),
    ),
    Case(
        'append and prepend keep the flags',
        (b'append k 0 0 1\r\nx\r\n', b'NOT_STORED\r\n'),
        (b'prepend k 0 0 1\r\nx\r\n', b'NOT_STORED\r\n'),
        (b'set k 5 0 1\r\nb\r\n', b'STORED\r\n'),
        (b'append k 9 0 1\r\nc\r\n', b'STORED\r\n'),
        (b'prepend k 8 0 1\r\na\r\n', b'STORED\r\n'),
        (b'get k\r\n', b'VALUE k 5 3\r\nabc\r\nEND\r\n'),
    ),
    Case(
        'negative exptime stores what is gone',
        (b'set k 0 -1 1\r\nx\r\n', b'STORED\r\n'),
        (b'get k\r\n', b'END\r\n'),
    ),
    Case(
        'a word that is not noreply is ignored',
        (b'set k 0 0 1 foo\r\nx\r\n', b'STORED\r\n'),
        (b'get k\r\n', b'VALUE k 0 1\r\nx\r\nEND\r\n'),
    ),
    Case(
        'runs of spaces',
        (b'set  k  0  0  1 \r\nx\r\n', b'STORED\r\n'),
        (b'get   k  \r\n', b'VALUE k 0 1\r\nx\r\nEND\r\n'),
        split=True,
    ),
    Case('cas without the item', (b'cas k 0 0 1 5\r\nx\r\n', b'NOT_FOUND\r\n')),
    Case(
        'key of 250 bytes',
        (b'set %s 0 0 1\r\nx\r\n' % (b'k' * 250), b'STORED\r\n'),
        (b'get %s\r\n' % (b'k' * 250), b'VALUE %s 0 1\r\nx\r\nEND\r\n' % (b'k' * 250)),
    ),
    Case(
        'control bytes and UTF-8 in keys',
        ('set \x01\x1b\x7f\t\u00fc\u4e2d 0 0 1\r\nx\r\n'.encode(), b'STORED\r\n'),
        (
            'get \x01\x1b\x7f\t\u00fc\u4e2d\r\n'.encode(),
            'VALUE \x01\x1b\x7f\t\u00fc\u4e2d 0 1\r\nx\r\nEND\r\n'.encode(),
        ),
    ),
]

OTHERS = [
    Case('get miss', (b'get nokey\r\n', b'END\r\n'), (b'gets nokey\r\n', b'END\r\n'), split=True),
    Case(
        'a key called noreply',
        (b'set noreply 0 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'get k noreply\r\n', b'VALUE noreply 0 1\r\nx\r\nEND\r\n'),
    ),
    Case(
        'delete',
        (b'delete k\r\n', b'NOT_FOUND\r\n'),
        (b'set k 0 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'delete k\r\n', b'DELETED\r\n'),
        (b'get k\r\n', b'END\r\n'),
        split=True,
    ),
    Case(
        'delete with a zero',
        (b'set k 0 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'delete k 0\r\n', b'DELETED\r\n'),
    ),
    Case(
        'delete with a time',
        (b'delete k 10\r\n', BCLF[:-2] + b'.  Usage: delete <key> [noreply]\r\n'),
        on_memcached=[b'NOT_FOUND\r\n'],
        on_1_6_18=[BCLF[:-2] + b'.  Usage: delete <key> [noreply]\r\n'],
    ),
    Case(
        'incr and decr',
        (b'incr n 1\r\n', b'NOT_FOUND\r\n'),
        (b'set n 0 0 2\r\n10\r\n', b'STORED\r\n'),
        (b'incr n 5\r\n', b'15\r\n'),
        (b'decr n 7\r\n', b'8\r\n'),
        (b'decr n 100\r\n', b'0\r\n'),
        split=True,
    ),
    Case(
        'incr wraps at 2^64',
        (b'set n 0 0 20\r\n18446744073709551615\r\n', b'STORED\r\n'),
        (b'incr n 1\r\n', b'0\r\n'),
    ),
    Case(
        'decr keeps the length',
        (b'set n 0 0 2\r\n10\r\n', b'STORED\r\n'),
        (b'decr n 1\r\n', b'9\r\n'),
        (b'get n\r\n', b'VALUE n 0 2\r\n9 \r\nEND\r\n'),
    ),
    Case(
        'incr of what is no number',
        (b'set n 0 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'incr n 1\r\n', b'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n'),
        (b'get n\r\n', b'VALUE n 0 1\r\nx\r\nEND\r\n'),
    ),
    Case(
        'touch',
        (b'touch k 0\r\n', b'NOT_FOUND\r\n'),
        (b'set k 0 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'touch k 100\r\n', b'TOUCHED\r\n'),
        (b'touch k -1\r\n', b'TOUCHED\r\n'),
        (b'get k\r\n', b'END\r\n'),
    ),
    Case(
        'gat',
        (b'set k 3 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'gat 100 k\r\n', b'VALUE k 3 1\r\nx\r\nEND\r\n'),
        (b'gat 100 k nokey k\r\n', b'VALUE k 3 1\r\nx\r\nVALUE k 3 1\r\nx\r\nEND\r\n'),
        (b'gat -1 k\r\n', b'VALUE k 3 1\r\nx\r\nEND\r\n'),
        (b'get k\r\n', b'END\r\n'),
    ),
    Case(
        'gats',
        (b'set k 3 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'gats 100 k\r\n', re.compile(rb'VALUE k 3 1 \d+\r\nx\r\nEND\r\n')),
    ),
    Case(
        'gets',
        (b'set k 3 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'gets k nokey\r\n', re.compile(rb'VALUE k 3 1 \d+\r\nx\r\nEND\r\n')),
    ),
    Case(
        'version',
        (b'version\r\n', VERSION),
        (b'version foo\r\n', VERSION),
        split=True,
        on_memcached=[ANY_VERSION, ANY_VERSION],
        on_1_6_18=[ANY_VERSION, ANY_VERSION],
    ),
    Case(
        'verbosity',
        (b'verbosity 1\r\n', b'OK\r\n'),
        (b'verbosity\r\n', BCLF),
        on_1_6_18=[b'OK\r\n', b'ERROR\r\n'],
    ),
    Case('quit', (b'quit\r\n', b''), closes=True, split=True),
    Case('quit with more', (b'quit foo\r\n', b''), closes=True),
    Case(
        'quit after replies, the rest unread',
        (
            b'set k 0 0 1\r\nx\r\nget k\r\nquit\r\nget k\r\n',
            b'STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n',
        ),
        closes=True,
    ),
    Case(
        'flush_all',
        (b'set k 0 0 1\r\nx\r\n', b'STORED\r\n'),
        (b'flush_all\r\n', b'OK\r\n'),
        (b'get k\r\n', b'END\r\n'),
        split=True,
    ),
    Case(
        'flush_all with a time',
        (b'flush_all 0\r\n', b'OK\r\n'),
        (b'flush_all -1\r\n', b'OK\r\n'),
        (b'flush_all abc\r\n', b'CLIENT_ERROR invalid exptime argument\r\n'),
    ),
    Case('stats reset', (b'stats reset\r\n', b'RESET\r\n')),
]

REFUSED = [
    Case(line.decode(), (line + b'\r\n', b'ERROR\r\n'))
    for line in (
        b'shutdown',
        b'watch',
        b'watch fetchers',
        b'lru_crawler metadump all',
        b'lru_crawler crawl all',
        b'slabs automove 1',
        b'lru mode flat',
        b'cache_memlimit 64',
    )
]


class TextTest(rt.ByteTestCase):
    def test_storage(self):
        self.run_cases(STORAGE)

    def test_other_commands(self):
        self.run_cases(OTHERS)

    def test_refused_commands(self):
        self.proxy_only()
        self.run_cases(REFUSED)

    def test_cas_goes_through(self):
        client = self.open()
        for i in range(40):
            key = b'cas-%d' % i
            client.ask(b'set %s 7 0 3\r\none\r\n' % key, b'STORED\r\n')
            client.send(b'gets %s\r\n' % key)
            values, last = client.values()
            self.assertEqual((values[0][:3], last), ((key, 7, b'one'), b'END\r\n'))
            cas = values[0][3]
            client.ask(b'cas %s 8 0 3 %d\r\ntwo\r\n' % (key, cas), b'STORED\r\n')
            client.ask(b'cas %s 9 0 5 %d\r\nthree\r\n' % (key, cas), b'EXISTS\r\n')
            client.ask(b'get %s\r\n' % key, b'VALUE %s 8 3\r\ntwo\r\nEND\r\n' % key)
        client.expect_sync()

    def test_keys_are_spread_over_all_shards_and_found_again(self):
        client = self.open()
        keys = [b'spread-%d' % i for i in range(400)]
        client.send(b''.join(b'set %s 0 0 %d\r\n%s\r\n' % (key, len(key), key) for key in keys))
        client.expect(b'STORED\r\n' * len(keys))
        client.send(b''.join(b'get %s\r\n' % key for key in keys))
        for key in keys:
            client.expect(b'VALUE %s 0 %d\r\n%s\r\nEND\r\n' % (key, len(key), key))
        for shard in self.shards:
            shard.direct().send(b'stats\r\n')
            items = int(
                shard.direct().expect_re(rb'.*STAT curr_items (\d+)\r\n.*?END\r\n').group(1)
            )
            self.assertGreater(items, 0)

    def test_items_stand_where_route_says(self):
        self.proxy_only()
        keys = ['home-%d' % i for i in range(100)]
        routes = self.proxy.route(keys)
        client = self.open()
        for key in keys:
            client.ask(b'set %s 0 0 1\r\nx\r\n' % key.encode(), b'STORED\r\n')
        for key in keys:
            for i, shard in enumerate(self.shards):
                answer = b'VALUE %s 0 1\r\nx\r\nEND\r\n' % key.encode()
                shard.direct().ask(
                    b'get %s\r\n' % key.encode(), answer if routes[key] == 's%d' % i else b'END\r\n'
                )

    def test_large_values(self):
        client = self.open()
        for size in (1, 2047, 2048, 2049, 16384, 65535, 65536, 65537, 262144, MIB - 1024):
            value = os.urandom(size)
            with self.subTest(size):
                client.ask(b'set big-%d 0 0 %d\r\n%s\r\n' % (size, size, value), b'STORED\r\n')
                client.ask(
                    b'get big-%d\r\n' % size,
                    b'VALUE big-%d 0 %d\r\n%s\r\nEND\r\n' % (size, size, value),
                )
        client.expect_sync()

    def test_large_values_arriving_in_pieces(self):
        client = self.open()
        value = os.urandom(200000)
        for piece in (1000, 4096, 65536):
            with self.subTest(piece):
                data = b'set pieces 0 0 %d\r\n%s\r\nget pieces\r\n' % (len(value), value)
                for start in range(0, len(data), piece):
                    client.send(data[start : start + piece])
                client.expect(b'STORED\r\nVALUE pieces 0 %d\r\n%s\r\nEND\r\n' % (len(value), value))

    def test_pipeline_of_thousands_is_answered_in_order(self):
        client = self.open()
        requests, answers = [], []
        for i in range(5000):
            key = b'p%d' % (i % 700)
            if i < 700:
                requests.append(b'set %s 0 0 4\r\n%04d\r\n' % (key, i))
                answers.append(b'STORED\r\n')
            elif i % 11 == 0:
                requests.append(b'get none%d\r\n' % i)
                answers.append(b'END\r\n')
            elif i % 97 == 0:
                requests.append(b'bogus\r\n')
                answers.append(b'ERROR\r\n')
            else:
                requests.append(b'get %s\r\n' % key)
                answers.append(b'VALUE %s 0 4\r\n%04d\r\nEND\r\n' % (key, i % 700))
        client.send(b''.join(requests))
        client.expect(b''.join(answers))
        client.expect_sync()

    def test_half_closed_client_still_gets_replies(self):
        self.open().ask(b'set k 0 0 1\r\nx\r\n', b'STORED\r\n')
        for requests, answers in (
            (b'get k\r\n', b'VALUE k 0 1\r\nx\r\nEND\r\n'),
            (
                b'get k\r\nget k\r\ndelete none\r\n',
                b'VALUE k 0 1\r\nx\r\nEND\r\n' * 2 + b'NOT_FOUND\r\n',
            ),
            (b'get k\r\n' * 500, b'VALUE k 0 1\r\nx\r\nEND\r\n' * 500),
        ):
            with self.subTest(show=requests[:20]):
                client = self.open()
                client.send(requests)
                client.shutdown_write()
                client.expect(answers)
                client.expect_close()

    def test_half_close_with_an_unfinished_request(self):
        self.proxy_only()  # memcached closes without the reply, depending on timing
        client = self.open()
        client.send(b'get none\r\nset k 0 0 100\r\nabc')
        client.shutdown_write()
        client.expect(b'END\r\n')
        client.expect_close()

    def test_stats_shape(self):
        self.proxy_only()
        client = self.open()
        client.ask(b'get none\r\n', b'END\r\n')
        for line in (b'stats\r\n', b'stats shards\r\n'):
            with self.subTest(line):
                client.send(line)
                body = client.expect_re(rb'(?:STAT [^ \r\n]+ [^\r\n]*\r\n)+END\r\n').group()
                names = re.findall(rb'STAT ([^ ]+) ', body)
                self.assertEqual(len(names), len(set(names)), 'a name occurs twice')
                if b'shards' in line:
                    for shard in (b's0', b's1', b's2', b's3'):
                        self.assertTrue(any(shard in name for name in names), shard)
                else:
                    for name in (
                        b'pid',
                        b'uptime',
                        b'version',
                        b'curr_connections',
                        b'cmd_get',
                        b'cmd_set',
                        b'get_hits',
                        b'get_misses',
                        b'threads',
                    ):
                        self.assertIn(name, names)
                    self.assertIn(b'STAT pid %d\r\n' % self.proxy.process.pid, body)
                    self.assertIn(b'STAT version %s\r\n' % rt.VERSION, body)
        client.ask(b'stats bogus\r\n', b'ERROR\r\n')
        client.expect_sync()

    def test_max_item(self):
        """Exactly max_item is forwarded; one byte more is refused by the proxy."""
        self.proxy_only()
        client = self.open()
        at_limit = b'x' * MIB
        client.ask(
            b'set k 0 0 %d\r\n%s\r\n' % (MIB, at_limit),
            b'SERVER_ERROR object too large for cache\r\n',
        )  # memcached's own answer
        client.expect_sync()


class LimitTest(rt.ByteTestCase):
    """A small max_item, with shards that would take more."""

    options = {'limits': {'max_item': '64KiB'}}

    def too_large(self, line, answer, kept):
        """Store `old`, send a value over the limit, and see what is left."""
        client = self.open()
        client.ask(b'set k 0 0 3\r\nold\r\n', b'STORED\r\n')
        client.send(line % 65537 + b'x' * 65537 + b'\r\n')
        client.expect(answer)
        client.ask(b'get k\r\n', b'VALUE k 0 3\r\nold\r\nEND\r\n' if kept else b'END\r\n')
        client.expect_sync()

    def test_values_up_to_the_limit_pass(self):
        self.proxy_only()
        client = self.open()
        client.ask(b'set k 0 0 65536\r\n%s\r\n' % (b'x' * 65536), b'STORED\r\n')
        client.expect_sync()

    def test_values_over_the_limit(self):
        self.proxy_only()
        error = b'SERVER_ERROR object too large for cache\r\n'
        for line, answer, kept in (
            (b'set k 0 0 %d\r\n', error, False),
            (b'set k 0 0 %d noreply\r\n', b'', False),
            (b'add k 0 0 %d\r\n', error, True),
            (b'add k 0 0 %d noreply\r\n', b'', True),
            (b'replace k 0 0 %d\r\n', error, True),
            (b'append k 0 0 %d\r\n', error, True),
            (b'prepend k 0 0 %d\r\n', error, True),
            (b'cas k 0 0 %d 1\r\n', error, True),
            (b'ms k %d\r\n', error, False),
            (b'ms k %d q\r\n', error, False),
        ):
            with self.subTest(line):
                self.too_large(line, answer, kept)

    def test_too_large_set_deletes_the_old_item_before_later_requests(self):
        """Pipelined: the get right behind must already miss."""
        self.proxy_only()
        for _ in range(20):
            client = self.open()
            client.ask(b'set k 0 0 3\r\nold\r\n', b'STORED\r\n')
            client.send(b'set k 0 0 65537\r\n' + b'x' * 65537 + b'\r\nget k\r\nmn\r\n')
            client.expect(b'SERVER_ERROR object too large for cache\r\nEND\r\nMN\r\n')

    def test_huge_value_is_swallowed_without_being_kept(self):
        self.proxy_only()
        client = self.open()
        size = 50 * MIB
        client.send(b'set k 0 0 %d\r\n' % size)
        block = b'x' * MIB
        for _ in range(50):
            client.send(block)
        client.send(b'\r\n')
        client.expect(b'SERVER_ERROR object too large for cache\r\n')
        client.expect_sync()


class FlushOffTest(rt.ByteTestCase):
    """flush_all is off unless the pool says otherwise."""

    pool_options = {}

    def test_flush_all_is_refused(self):
        self.proxy_only()
        refused = b'CLIENT_ERROR flush_all not allowed\r\n'
        self.run_cases(
            [
                Case(
                    'flush_all',
                    (b'set k 0 0 1\r\nx\r\n', b'STORED\r\n'),
                    (b'flush_all\r\n', refused),
                    (b'flush_all 0\r\n', refused),
                    (b'get k\r\n', b'VALUE k 0 1\r\nx\r\nEND\r\n'),
                    split=True,
                )
            ]
        )

    def test_noreply_flush_does_nothing(self):
        self.proxy_only()
        client = self.open()
        client.ask(b'set k 0 0 1\r\nx\r\n', b'STORED\r\n')
        client.ask(b'flush_all noreply\r\nget k\r\n', b'VALUE k 0 1\r\nx\r\nEND\r\n')


class ListenerTest(rt.ByteTestCase):
    """Unix sockets, IPv6, several connections a replica, and prefix routes."""

    @classmethod
    def make_config(cls):
        main = {'s%d' % i: shard.target() for i, shard in enumerate(cls.shards[:2])}
        users = {'u%d' % i: shard.target() for i, shard in enumerate(cls.shards[2:])}
        port = rt.free_port()
        cls.unix_path = os.path.join(cls.class_folder, 'listen.sock')
        routes = {'user:': 'users', 'user:admin:': 'main'}
        return rt.proxy_config(
            [
                rt.pool_config('main', main, connections=4, flush_all=True),
                rt.pool_config('users', users, flush_all=True),
            ],
            [
                {
                    'bind': '127.0.0.1:%d' % port,
                    'protocol': 'memcached',
                    'pool': 'main',
                    'routes': routes,
                },
                {'bind': '[::1]:%d' % rt.free_port(), 'protocol': 'memcached', 'pool': 'main'},
                {'bind': 'unix:' + cls.unix_path, 'protocol': 'memcached', 'pool': 'main'},
            ],
        )

    def setUp(self):
        if rt.TARGET == 'memcached':
            self.skipTest('about the proxy')
        super().setUp()

    def test_every_listener_serves(self):
        for index in range(3):
            with self.subTest(self.proxy.config['listeners'][index]['bind']):
                client = self.client(self.proxy.address(index))
                client.ask(b'set k 0 0 1\r\n%d\r\n' % index, b'STORED\r\n')
                client.ask(b'get k\r\n', b'VALUE k 0 1\r\n%d\r\nEND\r\n' % index)
                client.expect_sync()

    def test_unix_socket_mode(self):
        self.assertEqual(os.stat(self.unix_path).st_mode & 0o777, 0o660)

    def holders(self, key):
        """Indexes of the shards that hold [key]."""
        found = set()
        for i, shard in enumerate(self.shards):
            shard.direct().send(b'get %s\r\n' % key)
            if shard.direct().values()[0]:
                found.add(i)
        return found

    def test_longest_prefix_decides_the_pool(self):
        client = self.open()
        for i in range(30):
            for key, pool in (
                (b'user:%d' % i, {2, 3}),
                (b'user:admin:%d' % i, {0, 1}),
                (b'other:%d' % i, {0, 1}),
                (b'user%d' % i, {0, 1}),
            ):
                client.ask(b'set %s 0 0 1\r\nx\r\n' % key, b'STORED\r\n')
                self.assertTrue(self.holders(key) and self.holders(key) <= pool, key)

    def test_multi_get_over_two_pools(self):
        client = self.open()
        keys = [key % i for i in range(20) for key in (b'user:%d', b'plain:%d')]
        for key in keys:
            client.ask(b'set %s 0 0 1\r\nx\r\n' % key, b'STORED\r\n')
        client.ask(
            b'get ' + b' '.join(keys) + b'\r\n',
            b''.join(b'VALUE %s 0 1\r\nx\r\n' % key for key in keys) + b'END\r\n',
        )

    def test_one_clients_order_is_kept_with_four_connections(self):
        """set then get of the same key, pipelined: the get must see the set, every time."""
        client = self.open()
        for turn in range(20):
            requests = [
                b'set o%d 0 0 6\r\n%06d\r\nget o%d\r\n' % (i, turn * 100 + i, i) for i in range(100)
            ]
            answers = [
                b'STORED\r\nVALUE o%d 0 6\r\n%06d\r\nEND\r\n' % (i, turn * 100 + i)
                for i in range(100)
            ]
            client.send(b''.join(requests))
            client.expect(b''.join(answers))
        client.send(b'set n 0 0 1\r\n0\r\n' + b'incr n 1\r\n' * 1000)
        client.expect(b'STORED\r\n' + b''.join(b'%d\r\n' % (i + 1) for i in range(1000)))

    def test_flush_all_reaches_every_replica(self):
        client = self.open()
        keys = [b'f%d' % i for i in range(50)]
        for key in keys:
            client.ask(b'set %s 0 0 1\r\nx\r\n' % key, b'STORED\r\n')
        client.ask(b'flush_all\r\n', b'OK\r\n')
        client.ask(b'get %s\r\n' % b' '.join(keys), b'END\r\n')
        client.expect_sync()


if __name__ == '__main__':
    rt.main()
