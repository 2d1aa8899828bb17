"""Timers: each watches one thing, has its own answer, and ends nothing else.

The waits of one class run side by side, each with a connection of its own.
"""
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
from fake_http_shard import early, response
from http_testing import request

OK = b'HTTP/1.1 200 OK\r\n'
LATE = 3.0  # seconds that a timer of half a second may take on a loaded machine


class TimerTestCase(http.HttpTestCase):
    def took(self, watch, least, most=LATE):
        self.assertGreaterEqual(watch.seconds, least * 0.9)
        self.assertLess(watch.seconds, most)


class HeadTimerTest(TimerTestCase):
    """timeouts.header: 408 and close, counted from the first byte of the head."""

    options = {'timeouts': {'header': '400ms', 'idle': '5s'}}

    def slow_head(self, send):
        client = self.open()
        with http.Stopwatch() as watch:
            send(client)
            answer = client.response()
        self.check_own_answer(answer, 408)
        self.assertTrue(answer.closes())
        self.took(watch, 0.4)
        client.expect_close()

    def test_a_head_that_stops(self):
        parts = (b'G', b'GET / HTTP/1.1\r\n', b'GET / HTTP/1.1\r\nHost: test\r\nX: y', b'\r\n')
        clients = [self.open() for _ in parts]
        with http.Stopwatch() as watch:
            for client, part in zip(clients, parts):
                client.send(part)
            for client, part in zip(clients, parts):
                with self.subTest(part):
                    self.check_own_answer(client.response(), 408)
                    client.expect_close()
        self.took(watch, 0.4)

    def test_a_head_that_drips(self):
        """A byte now and then does not prolong it."""

        def drip(client):
            for byte in b'GET / HTTP/1.1\r\nHost: test\r\nX: ' + b'y' * 1000:
                try:
                    client.send(bytes([byte]))
                except OSError:
                    return
                if client.fill(0.02) is not None:
                    return

        self.slow_head(drip)

    def test_the_second_head_of_a_connection(self):
        def send(client):
            self.assertEqual(client.get('/first').status, 200)
            client.send(b'GET / HT')

        self.slow_head(send)

    def test_it_does_not_run_before_the_first_byte(self):
        client = self.open()
        time.sleep(0.7)
        self.assertEqual(client.get('/').status, 200)
        time.sleep(0.7)
        self.assertEqual(client.get('/').status, 200)

    def test_it_does_not_run_while_a_response_is_awaited(self):
        """Half a head behind a slow request is not late before that is answered."""
        self.shard.on('/slow', fake.delayed(0.7))
        client = self.open()
        client.send(request('GET', '/slow') + b'GET /next HTTP/1.1\r\nHo')
        self.assertEqual(client.response().body, b'a GET /slow\n')
        client.send(b'st: test\r\n\r\n')
        self.assertEqual(client.response().body, b'a GET /next\n')

    def test_it_does_not_run_within_a_body(self):
        client = self.open()
        client.send(request('POST', '/', [('Content-Length', '3')]) + b'a')
        time.sleep(0.6)
        client.send(b'bc')
        self.assertEqual(client.response().body, b'a POST /\nabc')


class IdleTimerTest(TimerTestCase):
    """timeouts.idle: between requests, a close without a word."""

    options = {'timeouts': {'idle': '400ms', 'header': '5s'}}

    def test_before_the_first_request(self):
        client = self.open()
        with http.Stopwatch() as watch:
            client.expect_close()
        self.took(watch, 0.4)

    def test_between_requests(self):
        client = self.open()
        for _ in range(3):
            self.assertEqual(client.get('/').status, 200)
            time.sleep(0.2)
        with http.Stopwatch() as watch:
            client.expect_close()
        self.took(watch, 0.1)

    def test_a_request_under_way_is_not_idle(self):
        self.shard.on('/slow', fake.delayed(0.6))
        self.assertEqual(self.get('/slow').body, b'a GET /slow\n')
        self.shard.on('/drip', fake.bytewise(response(200, b'x' * 10), 0.01))
        self.assertEqual(self.get('/drip').body, b'x' * 10)


class BodyTimerTest(TimerTestCase):
    """timeouts.body: a pause of the client within a body that it sends or reads."""

    options = {'timeouts': {'body': '500ms'}}

    def test_a_body_that_stops(self):
        length, chunked = [('Content-Length', '100')], [('Transfer-Encoding', 'chunked')]
        parts = (
            (length, b'hello'),
            (length, b''),
            (chunked, b'5\r\nhel'),
            (chunked, b'5\r\nhello\r\n'),
            (chunked, b'5\r\nhello\r\n0\r\n'),
        )
        clients = [self.open() for _ in parts]
        with http.Stopwatch() as watch:
            for client, (fields, part) in zip(clients, parts):
                client.send(request('POST', '/', fields) + part)
            for client, (fields, part) in zip(clients, parts):
                with self.subTest(fields, part=part):
                    answer = client.response()
                    self.check_own_answer(answer, 408)
                    self.assertTrue(answer.closes())
                    client.expect_close()
        self.took(watch, 0.5)
        rt.wait_until(
            lambda: all(got.connection.ended.is_set() for got in self.shard.heads),
            'the shard connections are closed',
        )
        self.assertEqual(self.shard.requests, [])

    def test_progress_restarts_it(self):
        client = self.open()
        client.send(request('POST', '/', [('Content-Length', '8')]))
        for _ in range(8):
            time.sleep(0.15)
            client.send(b'x')
        self.assertEqual(client.response().body, b'a POST /\nxxxxxxxx')

    def test_a_client_that_stops_reading(self):
        self.shard.on('/large', fake.stream(256 << 20))
        client = self.open()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(request('GET', '/large'))
        self.shard.wait_heads(1)
        with http.Stopwatch() as watch:
            rt.wait_until(self.shard.heads[0].connection.ended.is_set, 'the exchange is given up')
        self.took(watch, 0.3, 6)
        client.keep_bytes = 0
        with self.assertRaises((http.Truncated, AssertionError)):
            client.response()

    def test_a_client_that_reads_slowly(self):
        """A reader that makes progress is not cut off."""
        self.shard.on('/large', fake.stream(3 << 20))
        client = self.open()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(request('GET', '/large'))
        answer = client.final_head()
        data = bytearray()
        client.sock.settimeout(5)
        while len(data) + len(client.buffer) < 3 << 20:
            piece = client.sock.recv(262144)
            self.assertTrue(piece)
            data += piece
            time.sleep(0.1 if len(data) < 1 << 20 else 0.01)
        self.assertEqual(answer.length(), 3 << 20)

    def test_a_shard_that_reads_slowly_is_not_the_client(self):
        """While the shard holds up the upload, the client's pause is not its own doing."""

        def action(connection, got):
            time.sleep(1.2)
            connection.read_body(got)
            connection.send(response(200, b'%d' % got.body_size))

        self.shard.on('/up', early(action))
        size = 24 << 20
        client = self.open()
        client.send(request('POST', '/up', [('Content-Length', size)]))
        client.send(b'x' * size)
        self.assertEqual(client.response().body, b'%d' % size)


class ResponseTimerTest(TimerTestCase):
    """timeouts.response: a silent shard. 504 before the head, a cut after it."""

    pool_options = {'timeouts': {'response': '500ms'}, 'health': {'eject_after': 0}}

    def test_no_answer(self):
        self.shard.on('/hang', fake.hang)
        kinds = (('GET', None), ('POST', b'x'), ('HEAD', None))
        clients = [self.open() for _ in kinds]
        with http.Stopwatch() as watch:
            for client, (method, body) in zip(clients, kinds):
                client.send(request(method, '/hang', body=body))
            answers = [client.response(method) for client, (method, _) in zip(clients, kinds)]
        self.took(watch, 0.5)
        for client, answer, (method, _) in zip(clients, answers, kinds):
            with self.subTest(method):
                self.check_own_answer(answer, 504, method)
                if not answer.closes():
                    self.assertEqual(client.get('/next').body, b'a GET /next\n')
        rt.wait_until(
            lambda: all(
                got.connection.ended.is_set() for got in self.shard.heads if got.target == b'/hang'
            ),
            'the shard connections are closed',
        )

    def test_no_100(self):
        """A client that waits for 100 (Continue) waits for the shard, not the shard for it."""
        self.shard.on('/hang', early(fake.hang))
        client = self.open()
        with http.Stopwatch() as watch:
            client.send(
                request('POST', '/hang', [('Content-Length', 5), ('Expect', '100-continue')])
            )
            answer = client.response()
        self.took(watch, 0.5)
        self.check_own_answer(answer, 504)

    def test_half_a_head(self):
        self.shard.on('/half', fake.reply_and_hang(OK + b'X: '))
        with http.Stopwatch() as watch:
            self.check_own_answer(self.open().ask('POST', '/half', body=b''), 504)
        self.took(watch, 0.5)

    def test_half_a_body(self):
        parts = (
            OK + b'Content-Length: 10\r\n\r\nhello',
            OK + b'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
            OK + b'\r\nhello',
        )
        clients = [self.open() for _ in parts]
        with http.Stopwatch() as watch:
            for number, (client, data) in enumerate(zip(clients, parts)):
                self.shard.on('/half%d' % number, fake.reply_and_hang(data))
                client.send(request('GET', '/half%d' % number))
            for client, data in zip(clients, parts):
                with self.subTest(data), self.assertRaises(http.Truncated):
                    client.response()
        self.took(watch, 0.4)

    def test_bytes_restart_it(self):
        body = b'0123456789'
        steps = [OK + b'Content-Length: 10\r\n\r\n']
        for i in range(10):
            steps += [0.15, body[i : i + 1]]
        self.shard.on('/drip', fake.in_steps(*steps))
        self.assertEqual(self.get('/drip').body, body)

    def test_interim_responses_restart_it(self):
        steps = []
        for _ in range(5):
            steps += [0.2, b'HTTP/1.1 102 Processing\r\n\r\n']
        self.shard.on('/slow', fake.in_steps(*steps, response(200, b'done')))
        self.assertEqual(self.get('/slow').body, b'done')

    def test_it_does_not_run_while_the_client_uploads(self):
        """It is the shard's turn only when it has the request."""
        client = self.open()
        client.send(request('POST', '/up', [('Content-Length', '6')]))
        for _ in range(6):
            time.sleep(0.2)
            client.send(b'x')
        self.assertEqual(client.response().body, b'a POST /up\nxxxxxx')

    def test_it_does_not_run_while_the_client_reads_late(self):
        self.shard.on('/large', fake.stream(24 << 20))
        client = self.open()
        client.send(request('GET', '/large'))
        client.final_head()
        time.sleep(1.2)
        self.assertGreaterEqual(
            len(client.buffer) + len(client.take((24 << 20) - len(client.buffer))), 1
        )

    def test_the_late_answer_goes_to_nobody(self):
        self.shard.on('/late', fake.delayed(0.7), times=1)
        client = self.open()
        self.check_own_answer(client.ask('POST', '/late', body=b''), 504)
        for i in range(20):
            self.assertEqual(self.get('/%d' % i).body, b'a GET /%d\n' % i)
            time.sleep(0.02)


class RequestTimerTest(TimerTestCase):
    """timeouts.request: the whole exchange, however much goes on within it."""

    pool_options = {
        'timeouts': {'request': '700ms', 'response': '10s'},
        'health': {'eject_after': 0},
    }

    def test_no_answer(self):
        self.shard.on('/hang', fake.hang)
        with http.Stopwatch() as watch:
            self.check_own_answer(self.get('/hang'), 504)
        self.took(watch, 0.7)

    def test_a_response_that_drips(self):
        self.shard.on(
            '/drip', fake.in_steps(OK + b'Content-Length: 100\r\n\r\n', *[0.05, b'x'] * 100)
        )
        client = self.open()
        client.send(request('GET', '/drip'))
        with http.Stopwatch() as watch, self.assertRaises(http.Truncated):
            client.response()
        self.took(watch, 0.6)

    def test_an_upload_that_drips(self):
        client = self.open()
        client.send(request('POST', '/up', [('Content-Length', '1000')]))
        with http.Stopwatch() as watch:
            while client.fill(0.05) is None:
                try:
                    client.send(b'x')
                except OSError:
                    break
            answer = client.response()
        self.check_own_answer(answer, (408, 504))
        self.took(watch, 0.6)

    def test_it_begins_anew_with_each_request(self):
        self.shard.on('/slow', fake.delayed(0.4))
        client = self.open()
        for _ in range(3):
            self.assertEqual(client.get('/slow').status, 200)


class ConnectTimerTest(TimerTestCase):
    """timeouts.connect: a host that does not answer."""

    def black_hole(self):
        """An address whose backlog is full: connection attempts get no answer."""
        hole = socket.socket()
        self.addCleanup(hole.close)
        hole.bind(('127.0.0.1', 0))
        hole.listen(0)
        for _ in range(4):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        time.sleep(0.05)
        return '127.0.0.1:%d' % hole.getsockname()[1]

    def test_a_black_hole(self):
        proxy = self.start(
            {'x': self.black_hole()},
            pool_options={'timeouts': {'connect': '300ms'}, 'health': {'eject_after': 0}},
        )
        with http.Stopwatch() as watch:
            answer = self.get('/', proxy=proxy)
        self.check_own_answer(answer, (502, 503, 504))
        self.took(watch, 0.3)

    def test_another_replica_takes_it(self):
        proxy = self.start(
            {'x': [self.black_hole(), self.shard]},
            pool_options={
                'timeouts': {'connect': '300ms'},
                'health': {'eject_after': 1, 'retry_after': '10s'},
            },
        )
        for _ in range(8):
            with http.Stopwatch() as watch:
                self.assertEqual(self.get('/x', proxy=proxy).body, b'a GET /x\n')
            self.assertLess(watch.seconds, LATE)


class SideBySideTest(TimerTestCase):
    """All timers at once on many connections: each ends its own, and nobody else notices."""

    options = {'timeouts': {'header': '300ms', 'body': '400ms', 'idle': '500ms'}}
    pool_options = {'timeouts': {'response': '450ms'}, 'health': {'eject_after': 0}}

    def test_many(self):
        self.shard.on('/hang', fake.hang)
        kinds = (
            ('header', b'GET / HTTP/1.1\r\n', 408),
            ('body', request('POST', '/', [('Content-Length', 9)]), 408),
            ('response', request('GET', '/hang'), 504),
            ('idle', b'', None),
        )
        clients = []
        for _ in range(25):
            for _, raw, status in kinds:
                client = self.open()
                if raw:
                    client.send(raw)
                clients.append((client, status))
        bystander_failures = []
        stop = threading.Event()

        def bystand():
            while not stop.is_set():
                if self.get('/fine').body != b'a GET /fine\n':
                    bystander_failures.append(1)

        thread = threading.Thread(target=bystand)
        thread.start()
        try:
            for client, status in clients:
                if status is None:
                    client.expect_close()
                else:
                    self.assertEqual(client.response().status, status)
                client.close()
        finally:
            stop.set()
            thread.join(20)
        self.assertEqual(bystander_failures, [])


if __name__ == '__main__':
    rt.main()
