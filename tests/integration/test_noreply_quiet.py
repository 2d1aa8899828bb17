"""noreply and the quiet flag: what is printed, what is done, and that neither reaches a shard."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_shard
import ringway_testing as rt
from fake_shard import FakeShard, lines_of
from ringway_testing import BCLF, Case

BAD_CHUNK = b'CLIENT_ERROR bad data chunk\r\n'

NOREPLY = [
    Case(
        'set',
        (b'set k 0 0 1 noreply\r\nx\r\nget k\r\n', b'VALUE k 0 1\r\nx\r\nEND\r\n'),
        split=True,
    ),
    Case(
        'add',
        (
            b'add k 0 0 1 noreply\r\nx\r\nadd k 0 0 1 noreply\r\ny\r\nget k\r\n',
            b'VALUE k 0 1\r\nx\r\nEND\r\n',
        ),
        split=True,
    ),
    Case(
        'replace, append, prepend',
        (
            b'replace k 0 0 1 noreply\r\nx\r\nappend k 0 0 1 noreply\r\nx\r\n'
            b'prepend k 0 0 1 noreply\r\nx\r\nget k\r\n',
            b'END\r\n',
        ),
        (
            b'set k 5 0 1 noreply\r\nx\r\nreplace k 6 0 1 noreply\r\nb\r\nappend k 0 0 1 noreply\r\nc\r\n'
            b'prepend k 0 0 1 noreply\r\na\r\nget k\r\n',
            b'VALUE k 6 3\r\nabc\r\nEND\r\n',
        ),
    ),
    Case(
        'cas',
        (
            b'cas k 0 0 1 5 noreply\r\nx\r\nset k 0 0 1\r\nx\r\ncas k 0 0 1 99999999 noreply\r\ny\r\nget k\r\n',
            b'STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n',
        ),
    ),
    Case(
        'delete',
        (
            b'set k 0 0 1 noreply\r\nx\r\ndelete k noreply\r\ndelete k noreply\r\nget k\r\n',
            b'END\r\n',
        ),
        (b'set k 0 0 1 noreply\r\nx\r\ndelete k 0 noreply\r\nget k\r\n', b'END\r\n'),
        split=True,
    ),
    Case(
        'incr and decr',
        (
            b'incr n 1 noreply\r\nset n 0 0 2 noreply\r\n10\r\nincr n 5 noreply\r\ndecr n 1 noreply\r\n'
            b'get n\r\n',
            b'VALUE n 0 2\r\n14\r\nEND\r\n',
        ),
    ),
    Case(
        'touch',
        (
            b'touch k 0 noreply\r\nset k 0 0 1 noreply\r\nx\r\ntouch k -1 noreply\r\nget k\r\n',
            b'END\r\n',
        ),
    ),
    Case(
        'flush_all',
        (b'set k 0 0 1 noreply\r\nx\r\nflush_all noreply\r\nget k\r\n', b'END\r\n'),
        (b'set k 0 0 1 noreply\r\nx\r\nflush_all 0 noreply\r\nget k\r\n', b'END\r\n'),
    ),
    Case(
        'verbosity',
        (b'verbosity 1 noreply\r\nmn\r\n', b'MN\r\n'),
        (b'verbosity noreply\r\nmn\r\n', b'MN\r\n'),
    ),
    Case('a wrong item', (b'set n 0 0 1 noreply\r\nx\r\nincr n 1 noreply\r\nmn\r\n', b'MN\r\n')),
    Case(
        'noreply that is a key',
        (b'get noreply\r\n', b'END\r\n'),
        (b'mg noreply\r\n', b'EN\r\n'),
        (b'get k noreply\r\n', b'END\r\n'),
    ),
    Case(
        'noreply that is a value',
        (b'set k 0 0 7 noreply\r\nnoreply\r\nget k\r\n', b'VALUE k 0 7\r\nnoreply\r\nEND\r\n'),
    ),
]

NOREPLY_ERRORS = [
    Case(
        'not printed',
        (b'incr n abc noreply\r\nmn\r\n', b'MN\r\n'),
        (b'touch k abc noreply\r\nmn\r\n', b'MN\r\n'),
        (b'delete k 10 noreply\r\nmn\r\n', b'MN\r\n'),
        (b'flush_all abc noreply\r\nmn\r\n', b'MN\r\n'),
        (b'delete %s noreply\r\nmn\r\n' % (b'k' * 251), b'MN\r\n'),
    ),
    Case('unknown command', (b'foo noreply\r\nmn\r\n', b'MN\r\n'), on_1_6_18=[b'ERROR\r\nMN\r\n']),
    Case(
        'bad line of a set, value swallowed',
        (b'set %s 0 0 4 noreply\r\nmn\r\n\r\nmn\r\n' % (b'k' * 251), b'MN\r\n'),
        (b'set k 0 abc 4 noreply\r\nmn\r\n\r\nmn\r\n', b'MN\r\n'),
        on_1_6_18=[b'MN\r\nERROR\r\nMN\r\n', b'MN\r\nERROR\r\nMN\r\n'],
        split=True,
    ),
    Case(
        'bad length',
        (b'set k 0 0 -1 noreply\r\ndata\r\nmn\r\n', BCLF + b'ERROR\r\nMN\r\n'),
        on_1_6_18=[b'ERROR\r\nMN\r\n'],
    ),
    Case(
        'bad data chunk',
        (b'set k 0 0 3 noreply\r\nabcXXmn\r\n', b'MN\r\n'),
        (b'set k 0 0 3 noreply\r\nabcd\r\nmn\r\n', BCLF + b'MN\r\n'),
        on_1_6_18=[b'MN\r\n', b'ERROR\r\nMN\r\n'],
    ),
]

QUIET = [
    Case(
        'mg hides a miss',
        (b'mg k q\r\nmg k v q\r\nmg k k Oa v q\r\nmn\r\n', b'MN\r\n'),
        (b'ms k 1\r\nx\r\n', b'HD\r\n'),
        (b'mg k q\r\nmg k v q\r\nmg k q k\r\nmn\r\n', b'HD\r\nVA 1\r\nx\r\nHD kk\r\nMN\r\n'),
        split=True,
    ),
    Case(
        'ms hides HD',
        (b'ms k 2 q\r\nhi\r\nms k 2 q k Oa c\r\nho\r\nmg k v\r\n', b'VA 2\r\nho\r\n'),
        split=True,
    ),
    Case(
        'ms shows NS, NF, EX',
        (
            b'ms k 2 q MR\r\nhi\r\nms k 2 q C5\r\nhi\r\nms k 2 q\r\nhi\r\nms k 2 q C99999999\r\nho\r\n'
            b'ms k 2 q ME\r\nho\r\nmn\r\n',
            b'NS\r\nNF\r\nEX\r\nNS\r\nMN\r\n',
        ),
        split=True,
    ),
    Case(
        'md hides HD, shows NF',
        (b'ms k 1 q\r\nx\r\nmd k q\r\nmd k q\r\nmd k q k\r\nmn\r\n', b'NF\r\nNF kk\r\nMN\r\n'),
        split=True,
    ),
    Case('md shows EX', (b'ms k 1 q\r\nx\r\nmd k q C99999999\r\nmn\r\n', b'EX\r\nMN\r\n')),
    Case(
        'ma hides HD and VA, shows NF',
        (
            b'ma k q\r\nms k 1 q\r\n1\r\nma k q\r\nma k q v\r\nma k v\r\nmn\r\n',
            b'NF\r\nVA 1\r\n4\r\nMN\r\n',
        ),
        split=True,
    ),
    Case(
        'errors are shown',
        (b'mg k q q\r\n', b'CLIENT_ERROR duplicate flag\r\n'),
        (b'ms k 2 q MX\r\nhi\r\n', b'CLIENT_ERROR invalid mode for ms M token\r\n'),
        (b'ms k 3 q\r\nabcXXmn\r\n', BAD_CHUNK + b'MN\r\n'),
        (b'mg q\r\n', b'EN\r\n'),
        (b'ma k q MX\r\n', b'CLIENT_ERROR invalid mode for ma M token\r\n'),
        (
            b'ms k 1 q\r\nx\r\nma k q\r\n',
            b'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n',
        ),
    ),
]


class NoreplyTest(rt.ByteTestCase):
    def test_noreply(self):
        self.run_cases(NOREPLY)

    def test_noreply_errors(self):
        self.run_cases(NOREPLY_ERRORS)

    def test_quiet(self):
        self.run_cases(QUIET)

    def test_many_noreply_sets_are_all_done_in_order(self):
        client = self.open()
        requests = [b'set n%d 0 0 5 noreply\r\n%05d\r\n' % (i % 100, i) for i in range(3000)]
        client.send(b''.join(requests))
        for i in range(100):
            client.ask(b'get n%d\r\n' % i, b'VALUE n%d 0 5\r\n%05d\r\nEND\r\n' % (i, 2900 + i))
        client.expect_sync()

    def test_noreply_then_close(self):
        """What was sent before a half-close is done, and nothing is printed."""
        for i in range(20):
            client = self.open()
            client.send(b'set c%d 0 0 1 noreply\r\nx\r\n' % i)
            client.shutdown_write()
            client.expect_close()
        other = self.open()
        for i in range(20):
            rt.wait_until(lambda: self.hit(other, b'c%d' % i), 'the noreply set is done', 5)

    @staticmethod
    def hit(client, key):
        client.send(b'get %s\r\n' % key)
        return client.values()[0]

    def test_quiet_mixed_with_loud_over_all_shards(self):
        client = self.open()
        keys = [b'q%d' % i for i in range(100)]
        client.send(b''.join(b'ms %s 2 q\r\nhi\r\n' % key for key in keys) + b'mn\r\n')
        client.expect(b'MN\r\n')
        sent, answers = [], []
        for i, key in enumerate(keys):
            sent.append(
                [
                    b'mg %s v q\r\n',
                    b'mg %s s\r\n',
                    b'md %s q\r\n',
                    b'ma none-%s q\r\n',
                    b'mg none-%s q\r\n',
                ][i % 5]
                % key
            )
            answers.append([b'VA 2\r\nhi\r\n', b'HD s2\r\n', b'', b'NF\r\n', b''][i % 5])
        client.send(b''.join(sent) + b'mn\r\n')
        client.expect(b''.join(answers) + b'MN\r\n')


class ShardBytesTest(rt.ProcessTestCase):
    """Against shards that record what they receive."""

    def setUp(self):
        super().setUp()
        self.shards = [FakeShard() for _ in range(3)]
        for shard in self.shards:
            self.addCleanup(shard.stop)
        self.proxy = self.ringway(
            rt.proxy_config(
                [
                    rt.pool_config(
                        'main',
                        {'s%d' % i: shard.target() for i, shard in enumerate(self.shards)},
                        flush_all=True,
                        timeouts={'request': '5s'},
                    )
                ]
            )
        )

    def received_lines(self):
        return [
            line for shard in self.shards for data in shard.received() for line in lines_of(data)
        ]

    def test_noreply_and_q_never_reach_a_shard(self):
        client = self.client(self.proxy)
        for i in range(20):
            key = b'k%d' % i
            client.send(
                b'set %s 0 0 1 noreply\r\n1\r\nadd %s 0 0 1 noreply\r\n1\r\nreplace %s 0 0 1 noreply\r\n1\r\n'
                b'append %s 0 0 1 noreply\r\n1\r\nprepend %s 0 0 1 noreply\r\n1\r\ncas %s 0 0 1 5 noreply\r\n1\r\n'
                b'incr %s 1 noreply\r\ndecr %s 1 noreply\r\ntouch %s 0 noreply\r\ndelete %s noreply\r\n'
                b'delete %s 0 noreply\r\n' % ((key,) * 11)
            )
            client.send(
                b'ms %s 1 q\r\n1\r\nms %s 1 q T0\r\n1\r\nma %s q\r\nma %s q v\r\nmg none%s v q\r\nmg none%s q v k\r\n'
                b'md %s q\r\n' % ((key,) * 7)
            )
        client.send(b'flush_all noreply\r\n')
        client.expect_sync()
        lines = self.received_lines()
        self.assertGreater(len(lines), 20 * 18)
        for line in lines:
            words = line.split()
            self.assertNotIn(b'noreply', words, line)
            if words[0] in (b'mg', b'ms', b'md', b'ma'):
                self.assertNotIn(b'q', words[2:], line)
            self.assertTrue(line.endswith(b'\r\n'), line)

    def test_mn_waits_for_quiet_requests_on_a_slow_shard(self):
        key = self.proxy.keys_on('s1', 1)[0]
        self.shards[1].on(b'mg', fake_shard.delayed(0.4))
        client = self.client(self.proxy)
        for request, answers in (
            (b'mg %s v q\r\nmn\r\n', b'MN\r\n'),
            (b'mg %s v k\r\nmn\r\n', b'EN k%s\r\nMN\r\n'),
        ):
            began = time.monotonic()
            client.send(request % key)
            client.expect(answers % key if b'%s' in answers else answers)
            self.assertGreater(time.monotonic() - began, 0.35)
        client.expect_sync()

    def test_mn_is_no_barrier_for_other_clients(self):
        key = self.proxy.keys_on('s1', 1)[0]
        self.shards[1].on(b'mg', fake_shard.delayed(1.5))
        slow, quick = self.client(self.proxy), self.client(self.proxy)
        slow.send(b'mg %s q\r\nmn\r\n' % key)
        began = time.monotonic()
        for _ in range(20):
            quick.ask(b'mn\r\n', b'MN\r\n')
        self.assertLess(time.monotonic() - began, 1.0)
        slow.expect(b'MN\r\n')

    def test_replies_wait_for_their_turn(self):
        """A quick shard's reply does not overtake a slow shard's, nor do local answers."""
        slow_key, quick_key = self.proxy.keys_on('s1', 1)[0], self.proxy.keys_on('s2', 1)[0]
        self.shards[1].on(b'get', fake_shard.delayed(0.3))
        client = self.client(self.proxy)
        client.send(
            b'set %s 0 0 1\r\nx\r\nget %s\r\nget %s\r\nversion\r\nfoo\r\nget %s %s\r\nmn\r\n'
            % (quick_key, slow_key, quick_key, quick_key, slow_key)
        )
        client.expect(
            b'STORED\r\nEND\r\nVALUE %s 0 1\r\nx\r\nEND\r\n%sERROR\r\nVALUE %s 0 1\r\nx\r\nEND\r\nMN\r\n'
            % (quick_key, rt.VERSION_LINE, quick_key)
        )

    def test_an_error_to_a_noreply_request_is_not_printed(self):
        key = self.proxy.keys_on('s0', 1)[0]
        self.shards[0].on(
            b'set', fake_shard.reply(b'SERVER_ERROR out of memory storing object\r\n')
        )
        client = self.client(self.proxy)
        client.ask(b'set %s 0 0 1 noreply\r\nx\r\nmn\r\n' % key, b'MN\r\n')
        client.ask(
            b'set %s 0 0 1\r\nx\r\nmn\r\n' % key,
            b'SERVER_ERROR out of memory storing object\r\nMN\r\n',
        )

    def test_an_error_to_a_quiet_request_is_printed(self):
        key = self.proxy.keys_on('s0', 1)[0]
        self.shards[0].on(b'ms', fake_shard.reply(b'SERVER_ERROR out of memory storing object\r\n'))
        client = self.client(self.proxy)
        client.ask(
            b'ms %s 1 q\r\nx\r\nmn\r\n' % key,
            b'SERVER_ERROR out of memory storing object\r\nMN\r\n',
        )


if __name__ == '__main__':
    rt.main()
