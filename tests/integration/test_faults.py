"""Shards and clients that fail, and that nobody else notices.

For each fault only the requests concerned get a SERVER_ERROR; a bystander on other shards, on the
same worker, sees every reply right and soon.
"""
import os
import re
import resource
import select
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_shard
import mixup
import ringway_testing as rt
from fake_shard import Early, FakeShard

REQUEST_TIMEOUT = 0.6
TIMED_OUT = rb'SERVER_ERROR shard s0 timed out\r\n'
UNAVAILABLE = rb'SERVER_ERROR shard s0 unavailable\r\n'
FAILED = rb'SERVER_ERROR shard s0 (timed out|unavailable|busy)\r\n'


class Bystander:
    """A client that works on its own shards meanwhile: every reply right, and soon."""

    def __init__(self, address, keys, limit):
        self.client = rt.Client(address)
        self.keys = keys
        self.limit = limit
        self.latencies = []
        self.failure = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        number = 0
        try:
            while not self.stopping.is_set() or number < 20:
                key, number = self.keys[number % len(self.keys)], number + 1
                value = b'%s=%d' % (key, number)
                began = time.monotonic()
                self.client.ask(
                    b'set %s 0 0 %d\r\n%s\r\nget %s\r\n' % (key, len(value), value, key),
                    b'STORED\r\nVALUE %s 0 %d\r\n%s\r\nEND\r\n' % (key, len(value), value),
                )
                self.latencies.append(time.monotonic() - began)
                time.sleep(0.002)
            self.client.expect_sync()
        except Exception as error:
            self.failure = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        self.thread.join(30)
        self.client.close()
        if kind is not None:
            return
        if self.failure is not None:
            raise AssertionError('a bystander was hit: %s' % self.failure)
        slow = sorted(self.latencies)[int(len(self.latencies) * 0.95)]
        if slow > self.limit:
            raise AssertionError(
                'a bystander waited %.3f s (95th percentile of %d, limit %.2f)'
                % (slow, len(self.latencies), self.limit)
            )


class FaultTestCase(rt.ProcessTestCase):
    """One worker, so that everybody shares its loop and its shard connections."""

    pool_options = {}

    def start(self, targets, **options):
        pool = {
            'timeouts': {'connect': '250ms', 'request': '%dms' % (REQUEST_TIMEOUT * 1000)},
            'health': {'eject_after': 0, 'retry_after': '50ms'},
        }
        pool.update(options.pop('pool', {}))
        self.proxy = self.ringway(
            rt.proxy_config(
                [rt.pool_config('main', targets, **pool)] + options.pop('more_pools', []),
                **dict({'workers': 1}, **options)
            )
        )
        self.keys = self.proxy.keys_on('s0', 60)
        self.other_keys = [
            key for name in targets if name != 's0' for key in self.proxy.keys_on(name, 5)
        ]
        return self.proxy

    def fakes(self, count=2):
        shards = [FakeShard() for _ in range(count)]
        for shard in shards:
            self.addCleanup(shard.stop)
        return shards

    def start_fakes(self, count=2, **options):
        self.shards = self.fakes(count)
        return self.start(
            {'s%d' % i: shard.target() for i, shard in enumerate(self.shards)}, **options
        )

    def bystander(self, limit=0.3):
        return Bystander(self.proxy.address(), self.other_keys, limit)

    def memory_kb(self, field):
        with open('/proc/%d/status' % self.proxy.process.pid, encoding='ascii') as status:
            return int(re.search(field + r':\s+(\d+)', status.read()).group(1))

    def wait_serving(self, key, seconds=10):
        """Poll until requests for [key] are answered normally."""
        with rt.Client(self.proxy.address()) as client:

            def served():
                client.send(b'get %s\r\n' % key)
                return not client.values()[1].startswith(b'SERVER_ERROR')

            rt.wait_until(served, 'the shard of %r serves' % key, seconds, 0.05)

    def store_all(self, keys):
        """Store under each key a value that tells the key."""
        client = self.client(self.proxy)
        for key in keys:
            client.ask(b'set %s 0 0 %d\r\n%s\r\n' % (key, len(key), key), b'STORED\r\n')

    def right_or_error(self, client, key):
        """One get: the right value, a miss, or the shard's error. True if it was served."""
        client.send(b'get %s\r\n' % key)
        match = client.expect_re(
            rb'(VALUE [^\r\n]*\r\n.*?\r\n)?(END|SERVER_ERROR shard s0 [a-z ]+)\r\n'
        )
        if match.group(1):
            self.assertEqual(
                match.group(), b'VALUE %s 0 %d\r\n%s\r\nEND\r\n' % (key, len(key), key)
            )
        return match.group(2) == b'END'


class ShardFaultTest(FaultTestCase):
    """What a shard may do wrong with one request."""

    def garbage(self, request, key):
        """(name, action, what the client may see) for a request on [key]."""
        right = b'VALUE %s 0 3\r\nabc\r\nEND\r\n' % key if request == b'get' else b'STORED\r\n'
        reply, FAIL = fake_shard.reply, FAILED
        yield 'nonsense', reply(b'nonsense\r\n'), FAIL
        yield 'binary', reply(b'\x81\0\0\0' + b'\0' * 20), FAIL
        yield 'an empty line', reply(b'\r\n'), FAIL
        yield 'LF only', reply(right.replace(b'\r\n', b'\n')), FAIL
        yield 'CR CR LF', reply(right.replace(b'\r\n', b'\r\r\n', 1)), FAIL
        yield 'NUL bytes', reply(b'\0' * 64 + b'\r\n'), FAIL
        yield 'a huge line', fake_shard.flood(b'x' * 65536, 100), FAIL
        yield 'closes', fake_shard.close, FAIL
        yield 'resets', fake_shard.reset, FAIL
        yield 'closes within the line', fake_shard.reply_and_close(right[:3]), FAIL
        yield 'resets within the line', fake_shard.reply_and_reset(right[:3]), FAIL
        yield 'silence', fake_shard.hang, TIMED_OUT
        yield 'no reply, then the next one', fake_shard.silence, FAIL
        yield 'half a line, then silence', fake_shard.reply_and_hang(right[:3]), TIMED_OUT
        yield 'a slow dribble', fake_shard.dribble(0.4, right), TIMED_OUT
        yield 'a quick dribble', fake_shard.dribble(0.002, right), re.escape(right)
        yield 'two replies', reply(right + right), re.escape(right) + b'|' + FAIL
        yield 'trailing bytes', reply(right + b'junk'), re.escape(right) + b'|' + FAIL
        yield 'SERVER_ERROR', reply(b'SERVER_ERROR it broke\r\n'), rb'SERVER_ERROR it broke\r\n'
        yield 'MN', reply(b'MN\r\n'), FAIL
        yield 'a number', reply(b'17\r\n'), FAIL
        yield 'HD', reply(b'HD\r\n'), FAIL
        if request == b'get':
            yield 'STORED', reply(b'STORED\r\n'), FAIL
            yield 'a value of another key', reply(b'VALUE other 0 3\r\nabc\r\nEND\r\n'), FAIL
            yield 'a value of a longer key', reply(b'VALUE %sx 0 3\r\nabc\r\nEND\r\n' % key), FAIL
            yield 'two values', reply(b'VALUE %s 0 3\r\nabc\r\n' % key * 2 + b'END\r\n'), FAIL
            yield 'END missing', reply(b'VALUE %s 0 3\r\nabc\r\nSTORED\r\n' % key), FAIL
            yield 'a wrong end of the value', reply(b'VALUE %s 0 3\r\nabcXXEND\r\n' % key), FAIL
            yield 'a length of -1', reply(b'VALUE %s 0 -1\r\n\r\nEND\r\n' % key), FAIL
            yield 'a length of 2^64', reply(
                b'VALUE %s 0 18446744073709551616\r\n\r\nEND\r\n' % key
            ), FAIL
            yield 'a length of abc', reply(b'VALUE %s 0 abc\r\n\r\nEND\r\n' % key), FAIL
            yield 'VALUE without length', reply(b'VALUE %s 0\r\nabc\r\nEND\r\n' % key), FAIL
            yield 'VA', reply(b'VA 3\r\nabc\r\n'), FAIL
            yield 'closes within the value', fake_shard.reply_and_close(
                b'VALUE %s 0 9\r\nabc' % key
            ), FAIL
            yield 'closes before END', fake_shard.reply_and_close(
                b'VALUE %s 0 3\r\nabc\r\n' % key
            ), FAIL
        else:
            yield 'a value', reply(b'VALUE %s 0 3\r\nabc\r\nEND\r\n' % key), FAIL
            yield 'END', reply(b'END\r\n'), FAIL
            yield 'ERROR, and the value taken for commands', reply(
                b'ERROR\r\nERROR\r\n'
            ), rb'ERROR\r\n|' + FAIL
            yield 'DELETED', reply(b'DELETED\r\n'), FAIL

    def one_fault(self, request, key, action, expected):
        """The faulty request, then others on the same connection: never a wrong reply."""
        shard = self.shards[0]
        shard.on(b'%s %s' % (request, key), action, times=1)
        client, neighbour = self.client(self.proxy), self.client(self.proxy)
        if request == b'get':
            client.send(b'get %s\r\nmn\r\n' % key)
        else:
            client.send(b'set %s 0 0 3\r\nabc\r\nmn\r\n' % key)
        for other in self.keys[1:6]:
            self.right_or_error(neighbour, other)
        client.expect_re(b'(' + expected + b')MN\r\n')
        shard.clear_rules()
        for other in self.keys[1:6]:
            self.right_or_error(client, other)
            self.right_or_error(neighbour, other)
        client.expect_sync()
        neighbour.expect_sync()
        self.wait_serving(key)

    def run_faults(self, request):
        self.start_fakes()
        self.store_all(self.keys)
        key = self.keys[0]
        with self.bystander():
            for name, action, expected in self.garbage(request, key):
                with self.subTest(name):
                    self.one_fault(request, key, action, expected)

    def test_faults_in_replies_to_get(self):
        self.run_faults(b'get')

    def test_faults_in_replies_to_set(self):
        self.run_faults(b'set')

    def test_a_value_cut_in_the_middle(self):
        """Nothing sent yet: an error. Bytes of the value sent already: the client is cut."""
        self.start_fakes()
        for size in (100, 10000, 1000000):
            for action in (
                fake_shard.reply_and_close,
                fake_shard.reply_and_reset,
                fake_shard.reply_and_hang,
            ):
                with self.subTest(size=size, action=action.__name__):
                    right = b'VALUE %s 0 %d\r\n%s\r\nEND\r\n' % (self.keys[0], size, b'x' * size)
                    self.shards[0].on(b'get', action(right[: size // 2]), times=1)
                    client = self.client(self.proxy)
                    client.send(b'get %s\r\n' % self.keys[0])
                    while client.fill() and not re.search(
                        rb'SERVER_ERROR [^\n]*\n$', client.buffer[-100:]
                    ):
                        pass
                    got = bytes(client.buffer)
                    if not re.fullmatch(FAILED, got):
                        self.assertTrue(right.startswith(got), rt.show(got))
                    self.shards[0].clear_rules()
                    self.wait_serving(self.keys[1])

    def test_a_declared_length_of_100_mb_then_silence(self):
        self.start_fakes()
        self.shards[0].on(
            b'get',
            fake_shard.reply_and_hang(b'VALUE %s 0 104857600\r\nabc' % self.keys[0]),
            times=1,
        )
        client = self.client(self.proxy)
        with self.bystander():
            client.send(b'get %s\r\n' % self.keys[0])
            while client.fill():
                if client.buffer.startswith(b'SERVER_ERROR') and client.buffer.endswith(b'\r\n'):
                    self.assertRegex(bytes(client.buffer), FAILED)
                    break
        self.wait_serving(self.keys[1])
        if not rt.is_sanitized():
            self.assertLess(self.memory_kb('VmHWM'), 90000, 'the declared length was allocated')

    def test_reply_before_the_value_was_read(self):
        self.start_fakes()
        error = b'SERVER_ERROR out of memory storing object\r\n'
        for size in (3, 100000, 1000000):
            with self.subTest(size=size):
                self.shards[0].on(b'set', Early(error), times=1)
                client = self.client(self.proxy)
                client.send(b'set %s 0 0 %d\r\n%s\r\n' % (self.keys[0], size, b'x' * size))
                client.expect_re(re.escape(error) + b'|' + FAILED)
                client.expect_sync()
                self.wait_serving(self.keys[1])
                self.store_all(self.keys[1:4])
                for key in self.keys[1:4]:
                    self.assertTrue(self.right_or_error(client, key))

    def test_error_without_reading_the_value(self):
        """A shard that answers ERROR and takes the value for a command."""
        self.start_fakes()
        self.store_all(self.keys[:4])
        self.shards[0].on(b'set', Early(b'ERROR\r\n', swallow=False), times=1)
        client = self.client(self.proxy)
        body = b'get %s' % self.keys[1]
        client.send(b'set %s 0 0 %d\r\n%s\r\n' % (self.keys[0], len(body), body))
        client.expect_re(rb'ERROR\r\n|' + FAILED)
        for _ in range(3):
            for key in self.keys[1:4]:
                self.right_or_error(client, key)
        client.expect_sync()
        self.wait_serving(self.keys[1])

    def test_unasked_bytes_on_an_idle_connection(self):
        self.start_fakes()
        self.store_all(self.keys[:4])
        for junk in (
            b'END\r\n',
            b'VALUE %s 0 1\r\nx\r\nEND\r\n' % self.keys[1],
            b'STORED\r\n',
            b'x',
        ):
            for connection in list(self.shards[0].connections):
                if connection.is_open:
                    connection.send(junk)
            time.sleep(0.1)
            client = self.client(self.proxy)
            for key in self.keys[:4]:
                self.right_or_error(client, key)
            client.expect_sync()
            self.wait_serving(self.keys[0])

    def test_shard_that_closes_after_every_reply(self):
        self.start_fakes()
        self.store_all(self.keys)
        shard = self.shards[0]
        shard.on(
            b'get',
            lambda connection, request: (
                fake_shard.normal(connection, request),
                connection.close(),
            ),
        )
        client = self.client(self.proxy)
        with self.bystander():
            served = sum(self.right_or_error(client, key) for key in self.keys for _ in (1, 2))
        client.expect_sync()
        self.assertGreater(served, 0)
        shard.clear_rules()
        self.wait_serving(self.keys[0])


class LateReplyTest(FaultTestCase):
    def test_a_late_reply_never_reaches_a_later_request(self):
        self.start_fakes()
        self.store_all(self.keys)
        late = self.keys[0]
        client = self.client(self.proxy)
        with self.bystander():
            for _ in range(4):
                self.shards[0].on(b'get %s' % late, fake_shard.delayed(1.0), times=1)
                client.send(b'get %s\r\n' % late)
                client.expect_re(TIMED_OUT)
                until = time.monotonic() + 0.8
                number = 0
                while time.monotonic() < until:
                    number += 1
                    self.right_or_error(client, self.keys[1 + number % 30])
        client.expect_sync()
        self.wait_serving(late)

    def test_a_late_reply_to_the_same_key_is_not_taken_for_the_new_one(self):
        """The old value, late; then a set of a new one; then get: the new one or an error."""
        self.start_fakes()
        key = self.keys[0]
        client = self.client(self.proxy)
        client.ask(b'set %s 0 0 3\r\nold\r\n' % key, b'STORED\r\n')
        old = b'VALUE %s 0 3\r\nold\r\nEND\r\n' % key
        self.shards[0].on(b'get', fake_shard.delayed(0.9, old), times=1)
        client.send(b'get %s\r\n' % key)
        client.expect_re(TIMED_OUT)
        is_new = False
        for _ in range(40):
            client.send(b'set %s 0 0 3\r\nnew\r\n' % key)
            is_new = client.expect_re(rb'STORED\r\n|' + FAILED).group() == b'STORED\r\n' or is_new
            client.send(b'get %s\r\n' % key)
            got = client.expect_re(
                rb'(VALUE .*?\r\n.*?\r\n)?(END|SERVER_ERROR [^\r\n]*)\r\n'
            ).group()
            if is_new:
                self.assertNotIn(b'old', got)
            time.sleep(0.02)
        self.assertTrue(is_new)

    def test_requests_behind_a_slow_one_time_out_by_their_own_clock(self):
        """All were sent at once, so all get their error at about the same time, once each."""
        self.start_fakes(
            pool={
                'timeouts': {'connect': '250ms', 'request': '400ms'},
                'health': {'eject_after': 0},
            }
        )
        self.shards[0].on(b'get', fake_shard.hang)
        client = self.client(self.proxy)
        began = time.monotonic()
        client.send(b''.join(b'get %s\r\n' % key for key in self.keys) + b'mn\r\n')
        for _ in self.keys:
            client.expect_re(FAILED)
        client.expect(b'MN\r\n')
        self.assertGreater(time.monotonic() - began, 0.35)
        self.assertLess(time.monotonic() - began, 4)
        client.expect_nothing()

    def test_noreply_and_quiet_on_a_failed_shard(self):
        self.start_fakes()
        self.shards[0].refuse()
        self.shards[0].drop_all()
        key = self.keys[0]
        client = self.client(self.proxy)
        client.ask(
            b'set %s 0 0 1 noreply\r\nx\r\ndelete %s noreply\r\nincr %s 1 noreply\r\nmn\r\n'
            % (key, key, key),
            b'MN\r\n',
        )
        client.send(b'mg %s v q\r\nms %s 1 q\r\nx\r\nmn\r\n' % (key, key))
        client.expect_re(FAILED + FAILED + rb'MN\r\n')


class RealShardTest(FaultTestCase):
    def start_real(self, count=3, **options):
        self.servers = [self.memcached() for _ in range(count)]
        return self.start(
            {'s%d' % i: server.target() for i, server in enumerate(self.servers)}, **options
        )

    def test_stopped_and_continued(self):
        """SIGSTOP, requests that time out, SIGCONT: no reply ever goes to the wrong request."""
        self.start_real()
        self.store_all(self.keys)
        clients = [self.client(self.proxy) for _ in range(4)]
        with self.bystander():
            for _ in range(4):
                self.servers[0].freeze()
                for client in clients:
                    client.send(b''.join(b'get %s\r\n' % key for key in self.keys[:20]))
                for client in clients:
                    for _ in range(20):
                        client.expect_re(FAILED)
                self.servers[0].thaw()
                for client in clients:
                    for key in self.keys:
                        self.right_or_error(client, key)
                self.wait_serving(self.keys[0])
        for client in clients:
            client.expect_sync()

    def test_killed_and_restarted(self):
        self.start_real(
            pool={
                'health': {'eject_after': 3, 'retry_after': '500ms'},
                'timeouts': {'connect': '250ms', 'request': '1s'},
            }
        )
        client = self.client(self.proxy)
        with self.bystander():
            for _ in range(2):
                self.store_all(self.keys[:5])
                self.servers[0].stop()
                for key in self.keys[:20]:
                    began = time.monotonic()
                    client.send(b'get %s\r\n' % key)
                    client.expect_re(UNAVAILABLE)
                    self.assertLess(time.monotonic() - began, 0.9, 'an error that is known at once')
                self.servers[0].start()
                began = time.monotonic()
                self.wait_serving(self.keys[0], 5)
        client.expect_sync()

    def test_a_flag_that_the_shard_refuses_hurts_nobody_else(self):
        """What a healthy shard answers to one client's odd requests is no fault."""
        self.start_real()
        odd = self.client(self.proxy)
        with Bystander(self.proxy.address(), self.keys[1:6], 0.3):  # on the same shard
            for request in (
                b'ms %s 2 y\r\nhi\r\n',
                b'ms %s 2 MAx\r\nhi\r\n',
                b'mg %s y\r\n',
                b'ma %s y\r\n',
                b'ma %s\r\n',
                b'md %s y\r\n',
            ):
                for _ in range(20):
                    odd.send(request % self.keys[0])
                    odd.expect_re(rb'CLIENT_ERROR [^\r\n]+\r\n|NF\r\n')
        odd.expect_sync()

    def test_on_a_unix_socket(self):
        path = os.path.join(self.folder, 'shard.sock')
        server = self.memcached(path)
        self.start({'s0': 'unix:' + path, 's1': self.memcached().target()})
        self.store_all(self.keys[:5])
        client = self.client(self.proxy)
        server.stop()
        client.send(b'get %s\r\n' % self.keys[0])
        client.expect_re(UNAVAILABLE)
        server.start()
        self.wait_serving(self.keys[0], 5)

    def test_shards_that_start_after_the_proxy(self):
        ports = [rt.free_port() for _ in range(2)]
        self.start({'s%d' % i: '127.0.0.1:%d' % port for i, port in enumerate(ports)})
        client = self.client(self.proxy)
        client.send(b'get %s\r\n' % self.keys[0])
        client.expect_re(UNAVAILABLE)
        for port in ports:
            self.memcached(port)
        self.wait_serving(self.keys[0], 10)

    def test_no_mix_up_while_shards_come_and_go(self):
        """Many clients with keys of their own, random pipelines, and shards that suffer."""
        self.start_real(
            3,
            workers=2,
            pool={
                'timeouts': {'connect': '250ms', 'request': '250ms'},
                'connections': 2,
                'health': {'eject_after': 3, 'retry_after': '200ms'},
            },
        )
        names = ['m%d' % i for i in range(8)]
        routes = {
            key.encode(): shard
            for key, shard in self.proxy.route(
                [key for name in names for key in mixup.all_keys(name, 40)]
            ).items()
        }
        seed = time.time_ns()
        checkers = [mixup.Checker(self.proxy.address(), name, seed, routes) for name in names]
        failures = []

        def work(checker):
            try:
                checker.run(12)
            except Exception as error:
                failures.append(error)

        threads = [
            threading.Thread(target=work, args=(checker,), daemon=True) for checker in checkers
        ]
        for thread in threads:
            thread.start()
        turn = 0
        while any(thread.is_alive() for thread in threads):
            server = self.servers[turn % 3]
            if turn % 2:
                server.freeze()
                time.sleep((0.05, 0.4, 0.8)[turn % 3])
                server.thaw()
            else:
                server.stop()
                time.sleep(0.2)
                server.start()
            turn += 1
            time.sleep(0.3)
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [], 'seed %d' % seed)
        self.assertGreater(sum(checker.counts['hit'] for checker in checkers), 100)
        self.wait_serving(self.keys[0])


class EjectionTest(FaultTestCase):
    HEALTH = {'eject_after': 3, 'retry_after': '1s'}

    def fail_until_ejected(self, client):
        """Three requests that time out; one that comes while the connection is closed is none."""
        for i in range(10):
            client.send(b'get %s\r\n' % self.keys[0])
            client.expect_re(FAILED)
            if i >= 2 and self.states() in (1, None):
                return
        self.fail('not ejected after ten failures')

    def states(self):
        for line in self.proxy.admin('/metrics')[1].decode().splitlines():
            if (
                line.startswith('ringway_replica_state')
                and 'shard="s0"' in line
                and 'ejected' in line
            ):
                return float(line.rsplit(' ', 1)[1])
        return None

    def test_fast_errors_probe_and_return(self):
        self.start_fakes(
            pool={'health': self.HEALTH, 'timeouts': {'connect': '250ms', 'request': '500ms'}}
        )
        self.store_all(self.keys[:5])
        shard = self.shards[0]
        shard.on(b'', fake_shard.hang)
        client = self.client(self.proxy)
        with self.bystander(0.3):
            self.fail_until_ejected(client)
            quick = 0
            for _ in range(20):
                began = time.monotonic()
                client.send(b'get %s\r\n' % self.keys[0])
                client.expect_re(FAILED)
                quick += time.monotonic() - began < 0.25
            self.assertGreaterEqual(quick, 18, 'errors of an ejected shard are immediate')
            if self.states() is not None:
                self.assertEqual(self.states(), 1)
            time.sleep(1.5)  # probed, and still bad
            client.send(b'get %s\r\n' % self.keys[0])
            client.expect_re(FAILED)
            shard.clear_rules()
            shard.drop_all()
            self.wait_serving(self.keys[0], 10)
        for key in self.keys[:5]:
            self.assertTrue(self.right_or_error(client, key))

    def test_a_good_reply_in_between_starts_the_count_again(self):
        """Eight hung connections, each with a request or two, and none of it in a row."""
        self.start_fakes(
            pool={
                'health': {'eject_after': 6, 'retry_after': '1h'},
                'timeouts': {'connect': '250ms', 'request': '300ms'},
            }
        )
        client = self.client(self.proxy)
        shard = self.shards[0]
        for _ in range(8):
            shard.on(b'get', fake_shard.hang, times=1)
            client.send(b'get %s\r\n' % self.keys[0])
            client.expect_re(TIMED_OUT)
            self.wait_serving(self.keys[0], 5)

    def test_errors_of_the_shard_do_not_eject(self):
        """A shard that answers is not down, whatever it answers."""
        self.start_fakes(pool={'health': {'eject_after': 2, 'retry_after': '1h'}})
        self.shards[0].on(
            b'set', fake_shard.reply(b'SERVER_ERROR out of memory storing object\r\n')
        )
        client = self.client(self.proxy)
        for _ in range(10):
            client.ask(
                b'set %s 0 0 1\r\nx\r\n' % self.keys[0],
                b'SERVER_ERROR out of memory storing object\r\n',
            )
        client.ask(b'get %s\r\n' % self.keys[0], b'END\r\n')

    def down_with_s0(self, client):
        self.shards[0].refuse()
        self.shards[0].drop_all()

        def elsewhere():
            client.send(b'get %s\r\n' % self.keys[0])
            return client.expect_re(rb'END\r\n|' + FAILED).group() == b'END\r\n'

        rt.wait_until(elsewhere, 's0 is left out', 10, 0.05)

    def test_on_shard_down_next(self):
        """The keys of a shard that is down live on the next one of the ring, and come home."""
        self.start_fakes(4, pool={'health': self.HEALTH, 'on_shard_down': 'next'})
        client = self.client(self.proxy)
        self.down_with_s0(client)
        for key in self.keys[:30]:
            client.ask(b'set %s 0 0 %d\r\n%s\r\n' % (key, len(key), key), b'STORED\r\n')
        for key in self.keys[:30]:
            client.ask(
                b'get %s\r\n' % key, b'VALUE %s 0 %d\r\n%s\r\nEND\r\n' % (key, len(key), key)
            )
        client.ask(
            b'get %s\r\n' % b' '.join(self.keys[:30]),
            b''.join(b'VALUE %s 0 %d\r\n%s\r\n' % (key, len(key), key) for key in self.keys[:30])
            + b'END\r\n',
        )
        holders = [sum(key in shard.items for key in self.keys[:30]) for shard in self.shards]
        self.assertEqual(holders[0], 0)
        self.assertEqual(sum(holders), 30)
        self.shards[0].listen()
        rt.wait_until(
            lambda: (
                client.send(b'set %s 0 0 1\r\nx\r\n' % self.keys[0]),
                client.line(),
                self.keys[0] in self.shards[0].items,
            )[2],
            'keys come home',
            10,
            0.1,
        )

    def test_on_shard_down_pool(self):
        gutter = self.fakes(1)[0]
        self.start_fakes(
            2,
            pool={'health': self.HEALTH, 'on_shard_down': 'gutter'},
            more_pools=[rt.pool_config('gutter', {'g0': gutter.target()})],
        )
        client = self.client(self.proxy)
        self.down_with_s0(client)
        for key in self.keys[:20]:
            client.ask(b'set %s 0 0 %d\r\n%s\r\n' % (key, len(key), key), b'STORED\r\n')
            client.ask(
                b'get %s\r\n' % key, b'VALUE %s 0 %d\r\n%s\r\nEND\r\n' % (key, len(key), key)
            )
        self.assertTrue(all(key in gutter.items for key in self.keys[:20]))
        client.ask(b'set %s 0 0 1\r\nx\r\n' % self.other_keys[0], b'STORED\r\n')
        self.assertIn(self.other_keys[0], self.shards[1].items)
        self.shards[0].listen()
        rt.wait_until(
            lambda: (
                client.send(b'set %s 0 0 1\r\nx\r\n' % self.keys[0]),
                client.line(),
                self.keys[0] in self.shards[0].items,
            )[2],
            'keys come home',
            10,
            0.1,
        )


class ConnectTest(FaultTestCase):
    def test_connect_timeout(self):
        """A listening socket whose backlog is full swallows the SYN: the worst kind of dead."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(('127.0.0.1', 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(('127.0.0.1', port))
            fillers.append(filler)
            self.addCleanup(filler.close)
        time.sleep(0.1)
        good = self.fakes(1)[0]
        self.start(
            {'s0': '127.0.0.1:%d' % port, 's1': good.target()},
            pool={'timeouts': {'connect': '250ms', 'request': '5s'}, 'health': {'eject_after': 0}},
        )
        client = self.client(self.proxy)
        with self.bystander(0.3):
            for _ in range(5):
                began = time.monotonic()
                client.send(b'get %s\r\n' % self.keys[0])
                client.expect_re(FAILED)
                self.assertLess(time.monotonic() - began, 2.0, 'no longer than the connect timeout')
        client.expect_sync()

    def test_refused(self):
        good = self.fakes(1)[0]
        self.start(
            {'s0': '127.0.0.1:%d' % rt.free_port(), 's1': good.target()},
            pool={'timeouts': {'connect': '2s', 'request': '5s'}, 'health': {'eject_after': 0}},
        )
        client = self.client(self.proxy)
        with self.bystander(0.3):
            for _ in range(10):
                began = time.monotonic()
                client.send(b'get %s\r\nset %s 0 0 1\r\nx\r\n' % (self.keys[0], self.keys[1]))
                client.expect_re(UNAVAILABLE + UNAVAILABLE)
                self.assertLess(time.monotonic() - began, 1.5)

    def test_accepts_and_closes_at_once(self):
        self.start_fakes()
        self.shards[0].on_accept = lambda connection: connection.close()
        self.shards[0].drop_all()
        client = self.client(self.proxy)
        with self.bystander(0.3):
            for _ in range(20):
                client.send(b'get %s\r\n' % self.keys[0])
                client.expect_re(FAILED)
                time.sleep(0.02)
        accepted = len(self.shards[0].connections)
        self.assertLess(accepted, 200, 'reconnects back off')
        self.shards[0].on_accept = None
        self.wait_serving(self.keys[0], 10)


class BoundTest(FaultTestCase):
    def test_busy(self):
        """With max_pending 4, further requests get their error at once, and only on that shard."""
        self.start_fakes(
            pool={
                'max_pending': 4,
                'timeouts': {'connect': '250ms', 'request': '1500ms'},
                'health': {'eject_after': 0},
            }
        )
        self.shards[0].on(b'get', fake_shard.hang)
        clients = [self.client(self.proxy) for _ in range(20)]
        with self.bystander(0.4):
            began = time.monotonic()
            for client, key in zip(clients, self.keys):
                client.send(b'get %s\r\n' % key)
            poller = select.poll()
            for client in clients:
                poller.register(client, select.POLLIN)
            time.sleep(0.5)
            early = {descriptor for descriptor, _ in poller.poll(0)}
            answers = [client.expect_re(FAILED).group(1) for client in clients]
            self.assertGreater(time.monotonic() - began, 1.0)
        self.assertEqual(answers.count(b'busy'), 16, answers)
        self.assertEqual(len(early), 16, 'busy is said at once')

    def test_pipelined_busy_errors_stay_in_order(self):
        self.start_fakes(
            pool={
                'max_pending': 4,
                'timeouts': {'connect': '250ms', 'request': '800ms'},
                'health': {'eject_after': 0},
            }
        )
        self.shards[0].on(b'get', fake_shard.delayed(0.05))
        self.store_all(self.keys)
        client = self.client(self.proxy)
        for _ in range(3):
            client.send(b''.join(b'get %s\r\n' % key for key in self.keys) + b'mn\r\n')
            served = 0
            for key in self.keys:
                line = client.line()
                if line.startswith(b'VALUE'):
                    self.assertEqual(line, b'VALUE %s 0 %d\r\n' % (key, len(key)))
                    client.expect(b'%s\r\nEND\r\n' % key)
                    served += 1
                else:
                    self.assertRegex(line, FAILED)
            client.expect(b'MN\r\n')
            self.assertGreater(served, 0)

    def start_for_slow_clients(self):
        self.servers = [self.memcached() for _ in range(2)]
        self.start(
            {'s%d' % i: server.target() for i, server in enumerate(self.servers)},
            limits={'client_output': '1MiB'},
            pool={'timeouts': {'connect': '250ms', 'request': '3s'}},
        )
        value = os.urandom(500000)
        client = self.client(self.proxy)
        client.ask(b'set %s 0 0 %d\r\n%s\r\n' % (self.keys[0], len(value), value), b'STORED\r\n')
        return client, b'VALUE %s 0 %d\r\n%s\r\n' % (self.keys[0], len(value), value)

    def test_client_that_pipelines_and_does_not_read(self):
        """Bounded bytes are held for it: it waits, or is closed; meanwhile nobody waits for it."""
        client, block = self.start_for_slow_clients()
        right = block + b'END\r\n'
        before = self.memory_kb('VmRSS')
        slow = self.client(self.proxy)
        with self.bystander(0.5):
            slow.send(b'get %s\r\n' % self.keys[0] * 200)
            until = time.monotonic() + 2
            while time.monotonic() < until:
                client.ask(b'get %s\r\n' % self.keys[0], right)
            if not rt.is_sanitized():
                self.assertLess(
                    self.memory_kb('VmRSS') - before, 60000, 'kB more for 100 MB not read'
                )
        number = 0
        while number < 200 and slow.fill(5):
            while len(slow.buffer) >= len(right):
                self.assertEqual(bytes(slow.buffer[: len(right)]), right)
                del slow.buffer[: len(right)]
                number += 1
        self.assertTrue(right.startswith(slow.buffer), 'what came was in order')
        overflowed = self.proxy.metric('ringway_clients_overflowed_total')
        self.assertTrue(number == 200 or overflowed == 1, '%d replies came, then silence' % number)

    def test_client_that_does_not_read_one_large_reply(self):
        """A reply far over client_output: closed and counted; meanwhile nobody waits for it."""
        client, block = self.start_for_slow_clients()
        slow = self.client(self.proxy)
        with self.bystander(0.5):
            slow.send(b'get' + b' %s' % self.keys[0] * 200 + b'\r\n')
            for _ in range(10):
                client.ask(b'get %s\r\n' % self.keys[0], block + b'END\r\n')
            rt.wait_until(
                lambda: self.proxy.metric('ringway_clients_overflowed_total') == 1,
                'it is closed',
                10,
            )
        while slow.fill():
            while len(slow.buffer) >= len(block):
                self.assertEqual(bytes(slow.buffer[: len(block)]), block)
                del slow.buffer[: len(block)]
        self.assertTrue(block.startswith(slow.buffer), 'what came was in order')

    def test_half_a_megabyte_and_a_stall(self):
        """A client stalls within a set of 1 MiB: nobody else on that shard waits."""
        self.servers = [self.memcached(args=['-I', '2m']), self.memcached()]
        self.start(
            {'s%d' % i: server.target() for i, server in enumerate(self.servers)},
            pool={'timeouts': {'connect': '250ms', 'request': '1s'}},
        )
        self.store_all(self.keys[1:20])
        stalled, other = self.client(self.proxy), self.client(self.proxy)
        stalled.send(b'set %s 0 0 1048576\r\n%s' % (self.keys[0], b'x' * 524288))
        with self.bystander():
            until = time.monotonic() + 1.5  # longer than the request timeout
            while time.monotonic() < until:
                for key in self.keys[1:20]:
                    other.ask(
                        b'get %s\r\n' % key,
                        b'VALUE %s 0 %d\r\n%s\r\nEND\r\n' % (key, len(key), key),
                    )
        stalled.send(b'x' * 524288 + b'\r\n')
        stalled.expect(b'STORED\r\n')
        stalled.ask(
            b'get %s\r\n' % self.keys[0],
            b'VALUE %s 0 1048576\r\n%s\r\nEND\r\n' % (self.keys[0], b'x' * 1048576),
        )

    def test_client_that_goes_away(self):
        """In the middle of everything; its replies are dropped, everybody else's are right."""
        self.start_fakes()
        self.store_all(self.keys)
        self.shards[0].on(b'get', fake_shard.delayed(0.02), times=100)
        other = self.client(self.proxy)
        for turn in range(30):
            leaver = rt.Client(self.proxy.address())
            leaver.send(
                b''.join(b'get %s\r\n' % key for key in self.keys[:5])
                + b'set %s 0 0 100\r\nabc' % self.keys[50]
            )
            if turn % 2:
                leaver.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
            leaver.close()
            self.right_or_error(other, self.keys[turn])
        other.expect_sync()
        rt.wait_until(
            lambda: self.proxy.metric('ringway_requests_open') in (0, None),
            'no request is left open',
        )

    def test_max_clients(self):
        self.start_fakes(limits={'max_clients': 10})
        rt.wait_until(
            lambda: self.proxy.metric('ringway_clients') == 0, 'no clients left from the start'
        )
        clients = [self.client(self.proxy) for _ in range(10)]
        for client in clients:
            client.ask(b'get %s\r\n' % self.keys[0], b'END\r\n')
        for _ in range(3):
            refused = self.client(self.proxy)
            refused.expect(b'ERROR Too many open connections\r\n')
            refused.expect_close()
        for client in clients:
            client.ask(b'get %s\r\n' % self.keys[0], b'END\r\n')
        self.assertEqual(self.proxy.metric('ringway_clients_refused_total'), 3)
        clients[0].close()

        def admitted():
            try:
                with rt.Client(self.proxy.address()) as another:
                    another.send(b'get %s\r\n' % self.keys[0])
                    return another.line() == b'END\r\n'
            except (AssertionError, OSError):
                return False

        rt.wait_until(admitted, 'a place is free again')

    def test_idle_clients_are_closed_and_busy_ones_are_not(self):
        self.start_fakes(timeouts={'idle': '500ms'}, pool={'timeouts': {'request': '5s'}})
        self.shards[0].on(b'get', fake_shard.delayed(1.5))
        idle, waiting, active = (self.client(self.proxy) for _ in range(3))
        waiting.send(b'get %s\r\n' % self.keys[0])
        began = time.monotonic()
        while time.monotonic() - began < 1.2:
            active.ask(b'get %s\r\n' % self.other_keys[0], b'END\r\n')
            time.sleep(0.05)
        waiting.expect(b'END\r\n')
        idle.expect_close()
        active.expect_close()
        waiting.expect_close()


class DrainTest(FaultTestCase):
    def test_open_requests_are_answered(self):
        self.start_fakes(drain={'timeout': '10s'}, pool={'timeouts': {'request': '8s'}})
        self.store_all(self.keys[:20] + self.other_keys)
        self.shards[0].on(b'get', fake_shard.delayed(0.1))
        clients = [self.client(self.proxy) for _ in range(5)]
        keys = [key for pair in zip(self.keys[:5], self.other_keys) for key in pair]
        for client in clients:
            client.send(b''.join(b'get %s\r\n' % key for key in keys))
        rt.wait_until(lambda: self.shards[0].seen(b'get'), 'requests are under way')
        time.sleep(0.1)
        self.proxy.process.kill(signal.SIGTERM)
        for client in clients:
            for key in keys:
                client.expect(b'VALUE %s 0 %d\r\n%s\r\nEND\r\n' % (key, len(key), key))
            client.expect_close()
        self.assertEqual(self.proxy.process.wait(), 0)

    def test_an_idle_proxy_stops_at_once(self):
        self.start_fakes(drain={'timeout': '30s'})
        clients = [self.client(self.proxy) for _ in range(5)]
        for client in clients:
            client.ask(b'get %s\r\n' % self.keys[0], b'END\r\n')
        began = time.monotonic()
        self.proxy.process.kill(signal.SIGTERM)
        self.assertEqual(self.proxy.process.wait(), 0)
        self.assertLess(time.monotonic() - began, 10)
        for client in clients:
            client.expect_close()

    def test_a_silent_shard_makes_it_3(self):
        self.start_fakes(drain={'timeout': '1s'}, pool={'timeouts': {'request': '60s'}})
        self.proxy.allowed_exits = {3}
        self.shards[0].on(b'get', fake_shard.hang)
        client = self.client(self.proxy)
        client.send(b'get %s\r\n' % self.keys[0])
        rt.wait_until(lambda: self.shards[0].seen(b'get'), 'the request is under way')
        began = time.monotonic()
        self.proxy.process.kill(signal.SIGTERM)
        self.assertEqual(self.proxy.process.wait(), 3)
        self.assertGreater(time.monotonic() - began, 0.8)

    def test_new_clients_are_refused_while_draining(self):
        self.start_fakes(drain={'timeout': '10s'}, pool={'timeouts': {'request': '8s'}})
        self.shards[0].on(b'get', fake_shard.delayed(1.5))
        client = self.client(self.proxy)
        client.send(b'get %s\r\n' % self.keys[0])
        rt.wait_until(lambda: self.shards[0].seen(b'get'), 'the request is under way')
        self.proxy.process.kill(signal.SIGTERM)
        rt.wait_until(lambda: not rt.can_connect(self.proxy.address()), 'no new clients', 5)
        client.expect(b'END\r\n')
        self.assertEqual(self.proxy.process.wait(), 0)


if __name__ == '__main__':
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    rt.main()
