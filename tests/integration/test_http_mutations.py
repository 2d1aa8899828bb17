"""Mutated requests and responses: whatever bytes come, what goes on is strict, and counts add up.

For some seconds, messages of the framing tests with a few bytes changed, inserted or taken out. The
seed is printed; RINGWAY_TEST_SEED repeats a run, RINGWAY_TEST_SECONDS prolongs it.
"""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
import test_http_framing as framing
from fake_http_shard import chunks, response
from http_testing import request

SECONDS = float(os.environ.get('RINGWAY_TEST_SECONDS', '3'))
SEED = int(os.environ.get('RINGWAY_TEST_SEED') or random.SystemRandom().randrange(1 << 32))
REQUESTS = [
    raw
    for table in (framing.ACCEPTED, framing.REFUSED_HEADS, framing.BROKEN_BODIES, framing.EITHER)
    for _, raw, *_ in table
]
RESPONSES = [
    response(200, b'hello', [('X', 'y')]),
    response(200, b'hello world' * 20, chunked=True),
    response(200, b'hello', length=False),
    b'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n' + response(200, b'hello'),
    response(304, b'', length=False),
    response(204, b'', length=False),
    response(200, b'hello', version='1.0'),
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n'
    + chunks(b'hello', 2, b'A: b\r\n'),
    b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close, X\r\nX: 1\r\n\r\nhello',
]
PIECES = [
    b'\r\n',
    b'\n',
    b'\r',
    b' ',
    b'\t',
    b':',
    b',',
    b';',
    b'\0',
    b'0',
    b'5',
    b'x',
    b'\xff',
    b'chunked',
    b'Content-Length: 5\r\n',
    b'Transfer-Encoding: chunked\r\n',
    b'\r\n\r\n',
    b'0\r\n\r\n',
    b'HTTP/1.1',
    b'HTTP/1.0',
    b'GET ',
    b'Host: test\r\n',
    b'Connection: close\r\n',
    b'Expect: 100-continue\r\n',
    b'Connection: upgrade\r\nUpgrade: x\r\n',
    b'HTTP/1.1 200 OK\r\n',
    b'HTTP/1.1 100 Continue\r\n\r\n',
    b'ffffffffffffffff',
]


def mutate(rng, raw, most):
    """[raw] with 1 to [most] changes."""
    data = bytearray(raw)
    for _ in range(rng.randrange(most) + 1):
        where, kind = rng.randrange(len(data) + 1), rng.random()
        if kind < 0.4:
            data[where:where] = rng.choice(PIECES)
        elif kind < 0.6:
            del data[where : where + rng.choice((1, 1, 2, 5))]
        elif kind < 0.8:
            data[where : where + 1] = rng.choice(PIECES)
        else:
            data[where : where + 1] = bytes([rng.randrange(256)])
    return bytes(data)


class MutationTestCase(http.HttpTestCase):
    def rounds(self):
        """(a random generator) for as long as the test may take."""
        print('RINGWAY_TEST_SEED=%d' % SEED, file=sys.stderr)
        rng, deadline = random.Random('%s/%d' % (self.id(), SEED)), time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            yield rng


class RequestMutationTest(MutationTestCase):
    """The shard parses strictly: it never sees what could be read in two ways, or too much."""

    options = {'timeouts': {'header': '100ms', 'body': '100ms', 'idle': '100ms'}}

    def statuses(self, client, heads):
        """The statuses of all final answers; the shard's requests tell their methods."""
        methods = [head.method.decode('latin-1') for head in heads]
        statuses = []
        while client.buffer:
            answer = client.head()
            if answer.status >= 200:
                client.read_body(
                    answer, methods[len(statuses)] if len(statuses) < len(methods) else 'GET'
                )
                statuses.append(answer.status)
        return statuses

    def test_requests(self):
        for rng in self.rounds():
            raw = mutate(rng, rng.choice(REQUESTS), 3)
            self.shard.reset()
            with self.subTest(raw), http.HttpClient(self.target) as client:
                client.send(raw)
                if rng.random() < 0.7:
                    client.shutdown_write()
                data = client.read_to_end()
                self.shard.settle()
                client.buffer[:] = data
                statuses = self.statuses(client, self.shard.heads)
                self.shard.check()
                n_served, n_whole = statuses.count(200), len(self.shard.requests)
                self.assertLessEqual(n_served, n_whole)
                self.assertLessEqual(n_whole, len(self.shard.heads))
                self.assertLessEqual(
                    len(self.shard.heads), n_whole + 1, [got.head for got in self.shard.heads]
                )


class ResponseMutationTest(MutationTestCase):
    """The client parses strictly: a whole response, a 502 or a cut; and the next is right."""

    pool_options = {'timeouts': {'response': '1s'}, 'health': {'eject_after': 0}}

    def finish(self, steps):
        """Send [steps] and close, since they may be no whole response."""

        def action(connection, got):
            fake.in_steps(*steps)(connection, got)
            time.sleep(0.002)
            connection.close()

        return action

    def exchange(self, client, method, version):
        """The response, or None when the client is cut off."""
        client.send(request(method, '/bad', version=version))
        try:
            return client.response(method)
        except http.Truncated:
            return None
        except AssertionError as error:
            if 'connection closed' in str(error) and version == '1.0':
                return None  # nothing had been sent, and no length could tell that it is not whole
            raise

    def test_responses(self):
        for rng in self.rounds():
            raw = mutate(rng, rng.choice(RESPONSES), 3)
            method, version = rng.choice(('GET', 'POST', 'HEAD')), rng.choice(('1.1', '1.1', '1.0'))
            where, is_split = rng.randrange(len(raw) + 1), rng.random() < 0.3
            steps = (raw[:where], 0.001, raw[where:]) if is_split else (raw,)
            self.shard.reset()
            self.shard.on('/bad', self.finish(steps), times=1)
            with self.subTest(raw, method=method, version=version), http.HttpClient(
                self.target
            ) as client:
                answer = self.exchange(client, method, version)
                if answer is not None and version == '1.0':
                    self.assertNotEqual(answer.framing, 'chunked')
                elif answer is not None and not answer.closes() and not is_split:
                    self.assertEqual(client.get('/next').body, b'a GET /next\n')
                if not is_split:  # else stray bytes may come when the next request is under way
                    self.assertEqual(self.get('/other').body, b'a GET /other\n')


if __name__ == '__main__':
    rt.main()
