"""get with many keys: grouping per shard, order, duplicates, one END, and what a failed shard
does."""
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_shard
import ringway_testing as rt
from fake_shard import FakeShard, lines_of
from ringway_testing import Case

CASES = [
    Case(
        'order, duplicates, misses, one END',
        (b'set a 1 0 1\r\nA\r\nset b 2 0 2\r\nBB\r\nset c 3 0 0\r\n\r\n', b'STORED\r\n' * 3),
        (
            b'get c nokey a b a a none c\r\n',
            b'VALUE c 3 0\r\n\r\nVALUE a 1 1\r\nA\r\nVALUE b 2 2\r\nBB\r\nVALUE a 1 1\r\nA\r\nVALUE a 1 1\r\nA\r\n'
            b'VALUE c 3 0\r\n\r\nEND\r\n',
        ),
        split=True,
    ),
    Case('only misses', (b'get x y z x\r\n', b'END\r\n'), split=True),
    Case(
        'gets',
        (b'set a 1 0 1\r\nA\r\nset b 2 0 1\r\nB\r\n', b'STORED\r\n' * 2),
        (
            b'gets b a b none\r\n',
            re.compile(
                rb'VALUE b 2 1 (\d+)\r\nB\r\nVALUE a 1 1 \d+\r\nA\r\nVALUE b 2 1 \1\r\nB\r\nEND\r\n'
            ),
        ),
    ),
    Case(
        'gat',
        (b'set a 1 0 1\r\nA\r\nset b 2 0 1\r\nB\r\n', b'STORED\r\n' * 2),
        (b'gat -1 a none b\r\n', b'VALUE a 1 1\r\nA\r\nVALUE b 2 1\r\nB\r\nEND\r\n'),
        (b'get a b\r\n', b'END\r\n'),
    ),
    Case(
        'gats',
        (b'set a 1 0 1\r\nA\r\nset b 2 0 1\r\nB\r\n', b'STORED\r\n' * 2),
        (
            b'gats 100 a none b\r\n',
            re.compile(rb'VALUE a 1 1 \d+\r\nA\r\nVALUE b 2 1 \d+\r\nB\r\nEND\r\n'),
        ),
    ),
]


def block(key, value, flags=0):
    return b'VALUE %s %d %d\r\n%s\r\n' % (key, flags, len(value), value)


class MultigetTest(rt.ByteTestCase):
    def test_cases(self):
        self.run_cases(CASES)

    def test_random_multi_gets(self):
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        client = self.open()
        items = {b'r%d' % i: rng.randbytes(rng.choice((0, 1, 10, 100, 3000))) for i in range(300)}
        for key, value in items.items():
            client.ask(b'set %s 0 0 %d\r\n%s\r\n' % (key, len(value), value), b'STORED\r\n')
        for _ in range(200):
            keys = [b'r%d' % rng.randrange(400) for _ in range(rng.choice((1, 2, 3, 10, 50, 200)))]
            with self.subTest(seed=seed):
                client.ask(
                    b'get ' + b' '.join(keys) + b'\r\n',
                    b''.join(block(key, items[key]) for key in keys if key in items) + b'END\r\n',
                )
        client.expect_sync()

    def test_pipelined_multi_gets(self):
        client = self.open()
        keys = [b'pm%d' % i for i in range(200)]
        for key in keys:
            client.ask(b'set %s 0 0 %d\r\n%s\r\n' % (key, len(key), key), b'STORED\r\n')
        rng = random.Random(3)
        requests, answers = [], []
        for _ in range(500):
            some = rng.sample(keys, rng.randrange(1, 40))
            requests.append(b'get ' + b' '.join(some) + b'\r\n')
            answers.append(b''.join(block(key, key) for key in some) + b'END\r\n')
            if rng.random() < 0.2:
                requests.append(b'bogus\r\n')
                answers.append(b'ERROR\r\n')
        client.send(b''.join(requests))
        client.expect(b''.join(answers))
        client.expect_sync()

    def test_ten_thousand_keys(self):
        client = self.open()
        keys = [b'many%05d' % i for i in range(10000)]
        client.send(
            b''.join(b'set %s 0 0 9 noreply\r\n%s\r\n' % (key, key) for key in keys) + b'mn\r\n'
        )
        client.expect(b'MN\r\n')
        client.ask(
            b'get ' + b' '.join(keys) + b'\r\n',
            b''.join(block(key, key) for key in keys) + b'END\r\n',
        )
        client.expect_sync()

    def test_reply_larger_than_client_output(self):
        """20 MB for a client that reads: client_output bounds slow clients only."""
        client = self.open()
        value = os.urandom(200000)
        keys = [b'large%d' % i for i in range(20)]
        for key in keys:
            client.ask(b'set %s 0 0 %d\r\n%s\r\n' % (key, len(value), value), b'STORED\r\n')
        asked = keys * 5
        client.ask(
            b'get ' + b' '.join(asked) + b'\r\n',
            b''.join(block(key, value) for key in asked) + b'END\r\n',
        )
        client.expect_sync()


class GroupingTest(rt.ProcessTestCase):
    """Against shards that record what they receive."""

    options = {}

    def setUp(self):
        super().setUp()
        self.shards = [FakeShard() for _ in range(4)]
        for shard in self.shards:
            self.addCleanup(shard.stop)
        self.start()

    def start(self, **pool_options):
        options = {
            'timeouts': {'request': '2s', 'connect': '250ms'},
            'health': {'eject_after': 0},
        }
        options.update(pool_options)
        self.proxy = self.ringway(
            rt.proxy_config(
                [
                    rt.pool_config(
                        'main',
                        {'s%d' % i: shard.target() for i, shard in enumerate(self.shards)},
                        **options
                    )
                ]
            )
        )
        self.keys = {i: self.proxy.keys_on('s%d' % i, 20) for i in range(4)}
        # Interleaved: a key of each shard in turn.
        self.mixed = [self.keys[i][n] for n in range(20) for i in range(4)]
        for i, shard in enumerate(self.shards):
            for key in self.keys[i]:
                shard.items[key] = (b'%d' % i, b'v:' + key, 1)
        self.talk = self.client(self.proxy)
        self.talk.ask(b'get ' + b' '.join(b'warm%d' % i for i in range(40)) + b'\r\n', b'END\r\n')
        for shard in self.shards:
            shard.forget()

    def answer(self, keys, without=()):
        return b''.join(
            block(key, b'v:' + key, flags=i)
            for key in keys
            for i in range(4)
            if key in self.keys[i] and i not in without
        )

    def commands(self, shard):
        return [
            line
            for data in shard.received()
            for line in lines_of(data)
            if line not in (b'mn\r\n', b'version\r\n')
        ]

    def test_one_command_per_shard(self):
        self.talk.ask(
            b'get ' + b' '.join(self.mixed) + b'\r\n', self.answer(self.mixed) + b'END\r\n'
        )
        for i, shard in enumerate(self.shards):
            self.assertEqual(self.commands(shard), [b'get ' + b' '.join(self.keys[i]) + b'\r\n'])

    def test_the_command_and_its_time_are_kept(self):
        for command in (b'gets', b'gat 100', b'gats -1'):
            for shard in self.shards:
                shard.forget()
            with self.subTest(command):
                self.talk.send(command + b' ' + b' '.join(self.mixed) + b'\r\n')
                values, last = self.talk.values()
                self.assertEqual([value[0] for value in values], self.mixed)
                self.assertEqual(last, b'END\r\n')
                self.assertEqual(all(value[3] is not None for value in values), b's' in command)
                for i, shard in enumerate(self.shards):
                    self.assertEqual(
                        self.commands(shard), [command + b' ' + b' '.join(self.keys[i]) + b'\r\n']
                    )

    def test_shards_without_a_key_are_not_asked(self):
        keys = self.keys[1][:3] + self.keys[3][:3]
        self.talk.ask(b'get ' + b' '.join(keys) + b'\r\n', self.answer(keys) + b'END\r\n')
        self.assertEqual([len(self.commands(shard)) for shard in self.shards], [0, 1, 0, 1])

    def test_duplicates(self):
        keys = [self.keys[0][0], self.keys[1][0], self.keys[0][0], self.keys[0][1], self.keys[0][0]]
        self.talk.ask(b'get ' + b' '.join(keys) + b'\r\n', self.answer(keys) + b'END\r\n')
        self.assertEqual([len(self.commands(shard)) for shard in self.shards], [1, 1, 0, 0])

    def test_shards_are_asked_at_once(self):
        """Four shards that take 0.25 s each: not a second."""
        for shard in self.shards:
            shard.on(b'get', fake_shard.delayed(0.25))
        began = time.monotonic()
        self.talk.ask(
            b'get ' + b' '.join(self.mixed) + b'\r\n', self.answer(self.mixed) + b'END\r\n'
        )
        self.assertLess(time.monotonic() - began, 0.8)

    def test_order_does_not_depend_on_which_shard_is_first(self):
        for slow in range(4):
            for shard in self.shards:
                shard.clear_rules()
            self.shards[slow].on(b'get', fake_shard.delayed(0.1))
            self.talk.ask(
                b'get ' + b' '.join(self.mixed) + b'\r\n', self.answer(self.mixed) + b'END\r\n'
            )

    def test_replies_split_at_every_byte(self):
        keys = self.mixed[:8]
        for shard in self.shards:
            shard.on(b'get', fake_shard.split_everywhere)
        self.talk.ask(b'get ' + b' '.join(keys) + b'\r\n', self.answer(keys) + b'END\r\n')
        length = len(
            self.shards[0].answer(fake_shard.Request(None, b'get ' + b' '.join(self.keys[0][:2])))
        )
        for offset in range(length):
            self.shards[0].clear_rules()
            self.shards[0].on(b'get', fake_shard.split_at(offset))
            self.talk.ask(
                b'get ' + b' '.join(self.keys[0][:2]) + b'\r\n',
                self.answer(self.keys[0][:2]) + b'END\r\n',
            )

    FAULTS = [
        ('silence', fake_shard.silence),
        ('closes', fake_shard.close),
        ('resets', fake_shard.reset),
        (
            'says SERVER_ERROR',
            fake_shard.reply(b'SERVER_ERROR out of memory writing get response\r\n'),
        ),
        ('says ERROR', fake_shard.reply(b'ERROR\r\n')),
        ('garbage', fake_shard.reply(b'nonsense\r\n')),
        ('END missing, then closes', None),  # made below: needs a key
        ('an unasked VALUE', fake_shard.reply(b'VALUE other 0 1\r\nx\r\nEND\r\n')),
    ]

    def each_fault(self):
        for name, action in self.FAULTS:
            self.shards[2].clear_rules()
            action = action or fake_shard.reply_and_close(
                block(self.keys[2][0], b'v:' + self.keys[2][0], 2)
            )
            self.shards[2].on(b'get', action)
            yield name
        self.shards[2].clear_rules()

    def test_partial_miss(self):
        """The failed shard's keys are misses, the rest is there, the connection stays in step."""
        for name in self.each_fault():
            with self.subTest(name):
                self.talk.send(b'get ' + b' '.join(self.mixed) + b'\r\nversion\r\n')
                values, last = self.talk.values()
                self.assertEqual(last, b'END\r\n')
                got = [value[0] for value in values]
                self.assertEqual(
                    [key for key in got if key not in self.keys[2]],
                    [key for key in self.mixed if key not in self.keys[2]],
                )
                # At most what came before the fault.
                self.assertLessEqual([key for key in got if key in self.keys[2]], [self.keys[2][0]])
                self.talk.expect(rt.VERSION_LINE)
        self.talk.expect_sync()

    def test_partial_error(self):
        """One lone SERVER_ERROR line, without VALUE or END."""
        self.start(on_partial='error')
        for name in self.each_fault():
            with self.subTest(name):
                self.talk.send(b'get ' + b' '.join(self.mixed) + b'\r\nversion\r\n')
                self.talk.expect_re(rb'SERVER_ERROR [^\r\n]+\r\n')
                self.talk.expect(rt.VERSION_LINE)
        self.talk.ask(
            b'get ' + b' '.join(self.keys[1]) + b'\r\n', self.answer(self.keys[1]) + b'END\r\n'
        )

    def test_a_get_of_one_failed_shard_only_is_an_error(self):
        """With nothing else to give, a failed single get tells so."""
        self.shards[2].on(b'get', fake_shard.close)
        self.talk.send(b'get %s\r\n' % self.keys[2][0])
        self.talk.expect_re(rb'SERVER_ERROR shard s2 [^\r\n]+\r\n')
        self.talk.expect_sync()

    def test_a_dead_shard(self):
        self.shards[2].refuse()
        self.shards[2].drop_all()
        for _ in range(5):
            self.talk.ask(
                b'get ' + b' '.join(self.mixed) + b'\r\n',
                self.answer(self.mixed, without=(2,)) + b'END\r\n',
            )
        self.talk.expect_sync()

    def test_every_shard_dead(self):
        for shard in self.shards:
            shard.refuse()
            shard.drop_all()
        self.talk.send(b'get ' + b' '.join(self.mixed) + b'\r\nversion\r\n')
        self.talk.expect_re(rb'(END|SERVER_ERROR [^\r\n]+)\r\n')
        self.talk.expect(rt.VERSION_LINE)


if __name__ == '__main__':
    rt.main()
