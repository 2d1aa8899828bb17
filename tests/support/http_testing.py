"""What the HTTP tests share: a strict client, configurations, a test case with fake shards."""
import os
import re
import socket
import time
import zlib

import ringway_testing as rt
from fake_http_shard import TOKEN, FakeHttpShard, Fields, chunks

STATUS_LINE = re.compile(rb'HTTP/1\.1 ([1-9][0-9][0-9]) ([\t -~\x80-\xff]*)\Z')
FIELD = re.compile(rb'(' + TOKEN + rb'): ?([^\0-\x08\x0a-\x1f\x7f]*)\Z')
DATE = re.compile(
    rb'(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|'
    rb'Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT\Z'
)
PSEUDONYM = rb'ringway-[0-9A-Za-z]{8}'
VIA = re.compile(rb'1\.[01] ' + PSEUDONYM + rb'\Z')


class Truncated(AssertionError):
    """The connection ended within a response; [response] holds what came."""

    def __init__(self, response, why):
        super().__init__('%s; got %s' % (why, response))
        self.response = response


class Response(Fields):
    """A response as the client received it."""

    def __init__(self, head):
        self.head = head
        lines = head[:-4].split(b'\r\n')
        match = STATUS_LINE.match(lines[0])
        if not match:
            raise AssertionError('status line %r' % lines[0])
        self.status, self.reason = int(match.group(1)), match.group(2)
        self.fields = []
        for line in lines[1:]:
            field = FIELD.match(line)
            if not field:
                raise AssertionError('field %r in %r' % (line, head))
            self.fields.append(field.groups())
        self.interim = []
        self.trailers = []
        self.body = bytearray()
        self.size = 0
        self.crc = 0
        self.framing = 'none'

    def __repr__(self):
        return 'Response(%s, body %s)' % (rt.show(self.head), rt.show(self.body))

    def closes(self):
        return b'close' in [option.lower() for option in self.list('connection')]

    def frame(self, method):
        """How the body ends: none, a length, chunked, or the close. Both at once is a failure."""
        lengths, codings = self.all('content-length'), self.all('transfer-encoding')
        if len(lengths) + len(codings) > 1:
            raise AssertionError('framed twice: %r' % self.head)
        if method == 'HEAD' or self.status < 200 or self.status in (204, 304):
            self.framing = 'none'
        elif codings:
            if codings[0].lower() != b'chunked':
                raise AssertionError('Transfer-Encoding %r' % codings[0])
            self.framing = 'chunked'
        elif lengths:
            if not re.match(rb'[0-9]+\Z', lengths[0]):
                raise AssertionError('Content-Length %r' % lengths[0])
            self.framing = 'length'
        else:
            self.framing = 'close'
        return self.framing

    def length(self):
        return int(self.get('content-length'))


def request(
    method='GET', target='/', fields=(), body=None, chunked=False, version='1.1', host='test'
):
    """The bytes of a request. [body] with [chunked] goes in chunks, else with a length."""
    lines = ['%s %s HTTP/%s' % (method, target, version)]
    if host is not None:
        lines.append('Host: %s' % host)
    lines += ['%s: %s' % field for field in fields]
    if body is not None:
        if chunked:
            lines.append('Transfer-Encoding: chunked')
            body = chunks(body)
        else:
            lines.append('Content-Length: %d' % len(body))
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1') + (body or b'')


class HttpClient(rt.Client):
    """A socket that reads responses strictly: what is not one, to the letter, fails."""

    keep_bytes = 64 << 20  # of a body; of more only the size and the checksum
    was_reset = False

    def fill(self, timeout=None):
        """As Client.fill(), and notes whether the end was a reset."""
        self.sock.settimeout(self.timeout if timeout is None else timeout)
        try:
            data = self.sock.recv(1 << 18)
        except TimeoutError:
            return None
        except ConnectionResetError:
            self.was_reset = True
            return False
        self.buffer += data
        return bool(data)

    def ask(self, method='GET', target='/', fields=(), **options):
        """Send a request and return its final response."""
        self.send(request(method, target, fields, **options))
        return self.response(method)

    def get(self, target='/', fields=(), **options):
        return self.ask('GET', target, fields, **options)

    def head(self):
        """The head of the next response, interim or final."""
        while True:
            end = self.buffer.find(b'\r\n\r\n')
            if end >= 0:
                head = bytes(self.buffer[: end + 4])
                del self.buffer[: end + 4]
                break
            state = self.fill()
            if state is None:
                self._fail('a response', self.buffer, 'no response within %.0f s' % self.timeout)
            if state is False:
                if self.buffer:
                    raise Truncated(bytes(self.buffer), 'the connection ended within a head')
                self._fail('a response', self.buffer, 'connection closed')
        if re.search(rb'(?<!\r)\n|\r(?!\n)|\0', head):
            raise AssertionError('line ends of %r' % head)
        return Response(head)

    def final_head(self):
        interim = []
        while True:
            response = self.head()
            if response.status >= 200 or response.status == 101:
                response.interim = interim
                return response
            interim.append(response)

    def response(self, method='GET'):
        """The next final response with its body; the interim ones before it are in .interim."""
        response = self.final_head()
        self.read_body(response, method)
        return response

    def read_body(self, response, method='GET'):
        framing = response.frame(method)
        if framing == 'length':
            self._read_data(response, response.length())
        elif framing == 'chunked':
            self._read_chunks(response)
        elif framing == 'close':
            while self._more(response, at_end=True):
                self._add(response, bytes(self.buffer))
                self.buffer.clear()
        response.body = bytes(response.body)

    def _add(self, response, data):
        response.size += len(data)
        response.crc = zlib.crc32(data, response.crc)
        if len(response.body) < self.keep_bytes:
            response.body += data

    def _more(self, response, at_end=False):
        if self.buffer:
            return True
        state = self.fill()
        if state is None:
            raise AssertionError('no more of the body within %.0f s; %s' % (self.timeout, response))
        if state is False and (self.was_reset or not at_end):
            raise Truncated(response, 'the connection ended within a body')
        return state

    def _read_data(self, response, count):
        while count > 0:
            self._more(response)
            data = bytes(self.buffer[:count])
            del self.buffer[: len(data)]
            count -= len(data)
            self._add(response, data)

    def _line(self, response):
        while True:
            end = self.buffer.find(b'\n')
            if end >= 0:
                line = bytes(self.buffer[: end + 1])
                del self.buffer[: end + 1]
                if not line.endswith(b'\r\n'):
                    raise AssertionError('line end of %r' % line)
                return line[:-2]
            before = len(self.buffer)
            if not self.fill() and len(self.buffer) == before:
                raise Truncated(response, 'the connection ended within a chunked body')

    def _read_chunks(self, response):
        while True:
            line = self._line(response)
            if not re.match(rb'[0-9A-Fa-f]{1,16}\Z', line):
                raise AssertionError('chunk %r' % line)
            if int(line, 16) == 0:
                break
            self._read_data(response, int(line, 16))
            if self._line(response):
                raise AssertionError('end of a chunk')
        while True:
            line = self._line(response)
            if not line:
                return
            match = FIELD.match(line)
            if not match:
                raise AssertionError('trailer %r' % line)
            response.trailers.append(match.groups())

    def read_to_end(self):
        """Everything until the connection ends."""
        while True:
            state = self.fill()
            if state is None:
                self._fail('the end', self.buffer, 'still open after %.0f s' % self.timeout)
            if state is False:
                data = bytes(self.buffer)
                self.buffer.clear()
                return data

    def is_open(self):
        """Nothing has come and the other side has not closed."""
        return self.fill(0.05) is None and not self.buffer


def pool(shards, name='web', **options):
    """An HTTP pool; [shards]: a dict of shard name to replica address or list of them."""
    return rt.pool_config(name, shards, **dict({'protocol': 'http'}, **options))


def config(pools, routes=None, listener=None, **options):
    """A whole configuration with one HTTP listener, which without [routes] takes everything."""
    entry = {'bind': '127.0.0.1:%d' % rt.free_port(), 'protocol': 'http'}
    if routes is None:
        entry['pool'] = pools[0]['name']
    else:
        entry['routes'] = [dict({'pool': pools[0]['name']}, **route) for route in routes]
    entry.update(listener or {})
    return rt.proxy_config(pools, [entry], **options)


def memory_kb(pid, field='VmRSS'):
    with open('/proc/%d/status' % pid, encoding='ascii', errors='replace') as status:
        return int(re.search(field + r':\s+(\d+)', status.read()).group(1))


class HttpTestCase(rt.ProcessTestCase):
    """One proxy and fake shards for a class; a subclass says what is different.

    [n_shards] fake shards, called a, b, …; one proxy worker, so that connections are shared.
    """

    n_shards = 1
    pool_options = {'health': {'eject_after': 0}}
    routes = None
    listener = {}
    options = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shards = [cls.class_fake(chr(ord('a') + i)) for i in range(cls.n_shards)]
        cls.shard = cls.shards[0]
        pools = [pool({shard.name: shard.target() for shard in cls.shards}, **cls.pool_options)]
        cls.proxy = cls.class_ringway(
            config(pools, cls.routes, cls.listener, **dict({'workers': 1}, **cls.options))
        )
        cls.target = cls.proxy.address()

    @classmethod
    def class_fake(cls, name, **options):
        shard = FakeHttpShard(name, **options)
        cls.addClassCleanup(shard.stop)
        return shard

    def setUp(self):
        super().setUp()
        for shard in self.shards:
            shard.reset()

    def tearDown(self):
        for shard in self.shards:
            shard.check()
        super().tearDown()

    def fake(self, name='x', **options):
        """A shard for this test alone."""
        shard = FakeHttpShard(name, **options)
        self.addCleanup(shard.stop)
        return shard

    def start(self, shards, routes=None, listener=None, pool_options=None, **options):
        """A proxy for this test alone; [shards]: a dict of name to fake shard, address or lists."""

        def address(item):
            return item.target() if isinstance(item, FakeHttpShard) else item

        places = {
            name: [address(item) for item in (group if isinstance(group, list) else [group])]
            for name, group in shards.items()
        }
        return self.ringway(
            config(
                [pool(places, **(pool_options or {}))],
                routes,
                listener,
                **dict({'workers': 1}, **options)
            )
        )

    def open(self, proxy=None, **options):
        """A client that is closed with the test."""
        client = HttpClient(proxy.address() if proxy is not None else self.target, **options)
        self.addCleanup(client.close)
        return client

    def get(self, target='/', fields=(), proxy=None, **options):
        """One GET on a connection of its own."""
        with HttpClient(proxy.address() if proxy is not None else self.target) as client:
            return client.get(target, fields, **options)

    def exchange(self, raw, method='GET'):
        """Send [raw] on a connection of its own and return the response."""
        with HttpClient(self.target) as client:
            client.send(raw)
            return client.response(method)

    def check_own_answer(self, response, status, method='GET'):
        """The form of an answer that is the proxy's own."""
        statuses = status if isinstance(status, (tuple, set, list)) else (status,)
        self.assertIn(response.status, statuses, response)
        self.assertIsNone(response.get('x-shard'), response)
        self.assertTrue(response.get('content-type').startswith(b'text/plain'), response)
        self.assertEqual(len(response.all('content-length')), 1, response)
        self.assertRegex(response.get('date') or b'', DATE)
        if method == 'HEAD':
            self.assertEqual(response.body, b'')
        else:
            self.assertRegex(response.body, rb'\A[ -~]+\n\Z', 'one line that says why')
            self.assertEqual(response.length(), len(response.body))
        if response.status == 503:
            self.assertRegex(response.get('retry-after') or b'', rb'\A[0-9]+\Z')

    def memory(self, field='VmRSS', proxy=None):
        return memory_kb((proxy or self.proxy).process.pid, field)


class Stopwatch:
    def __enter__(self):
        self.began = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began


def main():
    rt.main()


__all__ = [
    'HttpClient',
    'HttpTestCase',
    'Response',
    'Stopwatch',
    'Truncated',
    'chunks',
    'config',
    'main',
    'memory_kb',
    'pool',
    'request',
    'os',
    'socket',
]
