"""Limits of size and number, and what is not bounded by them but must stay bounded: memory.

Each limit has its own answer; a client at a limit hinders no other.
"""
import contextlib
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
from fake_http_shard import chunks, early, reply, response
from http_testing import request


class HeadLimitTest(http.HttpTestCase):
    options = {'limits': {'max_request_header': '4KiB', 'max_response_header': '4KiB'}}

    def head_of(self, size, where='field'):
        """A request whose head has [size] bytes."""
        empty = request('GET', '/' if where == 'field' else '/', [('X', '')])
        filler = 'x' * (size - len(empty))
        raw = (
            request('GET', '/', [('X', filler)])
            if where == 'field'
            else request('GET', '/' + filler, [('X', '')])
        )
        assert len(raw) == size
        return raw

    def test_up_to_the_limit(self):
        for where in ('field', 'target'):
            for size in (1000, 4000, 4096):
                with self.subTest(size, where=where):
                    answer = self.exchange(self.head_of(size, where))
                    self.assertEqual(answer.status, 200, answer)

    def test_beyond_it(self):
        for size in (4097, 5000, 20000, 300000):
            with self.subTest(size):
                client = self.open()
                client.send(self.head_of(size))
                answer = client.response()
                self.check_own_answer(answer, 431)
                self.assertTrue(answer.closes())
        self.assertEqual(self.shard.heads, [])

    def test_a_target_beyond_it(self):
        for size in (4300, 5000, 20000, 300000):
            with self.subTest(size):
                self.check_own_answer(self.exchange(self.head_of(size, 'target')), 414)
        self.assertEqual(self.shard.heads, [])

    def test_a_target_without_an_end(self):
        client = self.open()
        client.send(b'GET /' + b'x' * 5000)
        self.check_own_answer(client.response(), 414)

    def test_a_field_without_an_end(self):
        for part in (b'x' * 5000, b'X: ' + b'y' * 5000, b'X: y\r\n' * 1000):
            client = self.open()
            client.send(b'GET / HTTP/1.1\r\nHost: test\r\n' + part)
            self.check_own_answer(client.response(), 431)

    def test_byte_by_byte(self):
        client = self.open()
        try:
            client.send_bytewise(self.head_of(4200), 0)
        except OSError:
            pass
        self.check_own_answer(client.response(), 431)

    def test_pipelined_heads_count_one_by_one(self):
        client = self.open()
        client.send(self.head_of(3000) * 20)
        for _ in range(20):
            self.assertEqual(client.response().status, 200)

    def test_responses(self):
        self.shard.on('/near', reply(response(200, b'x', [('X', 'y' * 3900)])))
        self.assertEqual(self.get('/near').body, b'x')
        self.shard.on('/over', reply(response(200, b'x', [('X', 'y' * 5000)])))
        self.check_own_answer(self.open().ask('POST', '/over', body=b''), 502)

    def test_trailers(self):
        for size, statuses in ((3000, (200,)), (5000, (400, 413, 431))):
            answer = self.exchange(
                request('POST', '/', [('Transfer-Encoding', 'chunked')])
                + chunks(b'x', trailers=b'X: ' + b'y' * size + b'\r\n')
            )
            self.assertIn(answer.status, statuses)

    def test_a_full_head_still_has_room_for_ours(self):
        """What the proxy adds does not count against the client, and still fits."""
        raw = self.head_of(4096)
        got_via = self.exchange(raw)
        self.assertEqual(got_via.status, 200)
        self.assertTrue(self.shard.only().all('via'))
        self.assertTrue(self.shard.only().all('x-forwarded-for'))


class BodyLimitTest(http.HttpTestCase):
    options = {'limits': {'max_request_body': '1KiB'}}

    def test_up_to_the_limit(self):
        for chunked in (False, True):
            answer = self.open().ask('POST', '/', body=b'x' * 1024, chunked=chunked)
            self.assertEqual(answer.body, b'a POST /\n' + b'x' * 1024)

    def test_a_length_beyond_it(self):
        """Known from the head: answered at once, and no shard is asked."""
        for size in (1025, 1 << 20, 1 << 50):
            client = self.open()
            client.send(request('POST', '/', [('Content-Length', size)]))
            answer = client.response()
            self.check_own_answer(answer, 413)
            self.assertTrue(answer.closes())
        self.assertEqual(self.shard.heads, [])

    def test_with_an_expectation(self):
        client = self.open()
        client.send(request('POST', '/', [('Content-Length', 5000), ('Expect', '100-continue')]))
        answer = client.response()
        self.assertEqual((answer.status, answer.interim), (413, []))

    def test_chunks_beyond_it(self):
        for body in (chunks(b'x' * 1025, 100), chunks(b'x' * 5000, 5000)):
            self.shard.reset()
            client = self.open()
            client.send(request('POST', '/', [('Transfer-Encoding', 'chunked')]) + body)
            answer = client.response()
            self.check_own_answer(answer, 413)
            self.assertTrue(answer.closes())
            rt.wait_until(
                lambda: all(got.connection.ended.is_set() for got in self.shard.heads),
                'the shard connection is closed',
            )
            self.assertEqual(self.shard.requests, [])

    def test_responses_are_not_limited(self):
        self.shard.on('/', reply(response(200, b'x' * 100000)))
        self.assertEqual(self.get('/').size, 100000)


class ClientLimitTest(http.HttpTestCase):
    options = {'limits': {'max_clients': 5}}

    def test_the_next_one_is_refused(self):
        rt.wait_until(
            lambda: self.proxy.metric('ringway_clients') == 0, 'the first connections are gone'
        )
        clients = [self.open() for _ in range(5)]
        for client in clients:
            self.assertEqual(client.get('/').status, 200)
        sixth = self.open()
        try:
            sixth.send(request('GET', '/'))
        except OSError:
            pass
        data = sixth.read_to_end()
        self.assertTrue(data == b'' or data.startswith(b'HTTP/1.1 503 '), data)
        clients[0].close()
        rt.wait_until(lambda: self.works(), 'there is room again')

    def works(self):
        try:
            return self.get('/').status == 200
        except (AssertionError, OSError):
            return False


class SlowClientsTest(http.HttpTestCase):
    """Many slow clients do not hinder others, and memory stays bounded."""

    n_shards = 2
    N_SLOW = 400

    def others(self, seconds=1.0, limit=0.25):
        """Requests meanwhile: all right, and 95 of 100 within [limit]."""
        times = []
        deadline = time.monotonic() + seconds
        client = self.open()
        while time.monotonic() < deadline or len(times) < 50:
            with http.Stopwatch() as watch:
                self.assertTrue(client.get('/quick').body.endswith(b' GET /quick\n'))
                self.assertTrue(self.get('/fresh').body.endswith(b' GET /fresh\n'))
            times.append(watch.seconds)
        times.sort()
        self.assertLess(times[len(times) * 95 // 100], limit)

    @contextlib.contextmanager
    def memory_grows_less_than(self, limit_kb):
        before = self.memory()
        yield
        if not rt.is_sanitized():
            self.assertLess(self.memory() - before, limit_kb, 'kB')

    def test_slow_heads(self):
        """A large part of a head each, then a byte at a time."""
        clients = [self.open() for _ in range(self.N_SLOW)]
        stop = threading.Event()

        def drip():
            while not stop.is_set():
                for client in clients:
                    client.sock.send(b'y')
                stop.wait(0.05)

        with self.memory_grows_less_than(self.N_SLOW * 20):
            for client in clients:
                client.send(b'GET / HTTP/1.1\r\nHost: test\r\nX: ' + b'y' * 8000)
            thread = threading.Thread(target=drip)
            thread.start()
            try:
                self.others()
            finally:
                stop.set()
                thread.join(10)
        for client in clients[:5]:
            client.send(b'\r\n\r\n')
            self.assertEqual(client.response().status, 200)

    def test_slow_bodies(self):
        clients = [self.open() for _ in range(self.N_SLOW)]
        with self.memory_grows_less_than(self.N_SLOW * 24):
            for client in clients:
                client.send(request('POST', '/slow', [('Content-Length', 10000)]) + b'y' * 100)
            self.others()
            for _ in range(10):
                for client in clients:
                    client.send(b'y' * 100)
        for client in clients[:5]:
            client.send(b'y' * 8900)
            self.assertEqual(client.response().status, 200)

    def test_idle_clients(self):
        """Connections that do nothing cost next to nothing."""
        with self.memory_grows_less_than(self.N_SLOW * 2 + 512):
            clients = [self.open() for _ in range(self.N_SLOW)]
            for client in clients:
                self.assertEqual(client.get('/').status, 200)
        self.others(0.3)

    def test_slow_readers(self):
        """100 clients with a response of 1 MiB each that they do not read."""
        for shard in self.shards:
            shard.on('/large', fake.stream(1 << 20))
        clients = []
        with self.memory_grows_less_than(100 * 200):
            for i in range(100):
                client = self.open()
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                client.send(request('GET', '/large/%d' % i))
                clients.append(client)
            self.others()
        for client in clients[:5]:
            self.assertEqual(client.response().crc, fake.stream_crc(1 << 20))


class LargeTransfersTest(http.HttpTestCase):
    """100 MiB for one slow peer: it waits in the other peer, not in the proxy."""

    n_shards = 2
    SIZE = 100 << 20

    def test_a_slow_reader(self):
        for shard in self.shards:
            shard.on('/large', fake.stream(self.SIZE))
        before = self.memory()
        client = self.open()
        client.send(request('GET', '/large'))
        answer = client.final_head()
        time.sleep(0.5)
        other = self.open()
        for _ in range(100):
            self.assertTrue(other.get('/other').body.endswith(b' GET /other\n'))
        sent = max(c.body_sent for shard in self.shards for c in shard.connections)
        self.assertLess(sent, 40 << 20, 'the shard has to wait')
        if not rt.is_sanitized():
            self.assertLess(self.memory() - before, 2048, 'kB')
        client.keep_bytes = 0
        client.read_body(answer)
        self.assertEqual((answer.size, answer.crc), (self.SIZE, fake.stream_crc(self.SIZE)))
        if not rt.is_sanitized():
            self.assertLess(self.memory('VmHWM') - before, 4096, 'kB')

    def test_a_slow_reader_of_other_framings(self):
        """Chunks, chunks of one byte, and until the close."""

        def tiny_chunks(connection, got):
            connection.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
            for _ in range(80):
                connection.send(b'1\r\nx\r\n' * 10000)
            connection.send(b'0\r\n\r\n')

        size = 40 << 20
        for action, total in (
            (fake.stream(size, chunked=True), size),
            (fake.stream(size, length=False), size),
            (tiny_chunks, 800000),
        ):
            with self.subTest(total):
                for shard in self.shards:
                    shard.reset()
                    shard.on('/large', action)
                before = self.memory()
                client = self.open()
                client.keep_bytes = 0
                client.send(request('GET', '/large'))
                answer = client.final_head()
                time.sleep(0.4)
                if not rt.is_sanitized():
                    self.assertLess(self.memory() - before, 2048, 'kB')
                client.read_body(answer)
                self.assertEqual(answer.size, total)

    def test_tiny_chunks_for_a_slow_shard(self):
        def action(connection, got):
            time.sleep(0.4)
            connection.read_body(got)
            connection.send(response(200, b'%d' % got.body_size))

        for shard in self.shards:
            shard.on('/up', early(action))
        before = self.memory()
        client = self.open()
        client.send(request('POST', '/up', [('Transfer-Encoding', 'chunked')]))
        client.send(b'1\r\nx\r\n' * 700000 + b'0\r\n\r\n')
        self.assertEqual(client.response().body, b'700000')
        if not rt.is_sanitized():
            self.assertLess(self.memory('VmHWM') - before, 4096, 'kB')

    def test_a_slow_shard(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def action(connection, got):
            release.wait(10)
            connection.read_body(got)
            connection.send(response(200, b'%d' % got.body_size))

        for shard in self.shards:
            shard.on('/up', early(action))
        before = self.memory()
        client = self.open()
        client.send(request('POST', '/up', [('Content-Length', self.SIZE)]))
        client.sock.settimeout(0.5)
        sent, piece = 0, b'x' * 65536
        try:
            while sent < self.SIZE:
                sent += client.sock.send(piece)
        except TimeoutError:
            pass
        self.assertLess(sent, 40 << 20, 'the client has to wait')
        other = self.open()
        for _ in range(100):
            self.assertTrue(other.get('/other').body.endswith(b' GET /other\n'))
        if not rt.is_sanitized():
            self.assertLess(self.memory() - before, 2048, 'kB')
        release.set()
        client.sock.settimeout(15)
        while sent < self.SIZE:
            sent += client.sock.send(piece[: self.SIZE - sent])
        self.assertEqual(client.response().body, b'%d' % self.SIZE)


if __name__ == '__main__':
    rt.main()
