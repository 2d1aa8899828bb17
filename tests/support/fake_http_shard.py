"""An HTTP shard that records what it gets, byte by byte, and misbehaves on demand.

Without rules it answers every request with 200 and a body that says who was asked for what. A rule
is the beginning of a target, or a predicate on the request, and an action that runs instead:

    shard = FakeHttpShard('a')
    shard.on('/broken', reply(b'HTTP/1.1 2OO OK\\r\\n\\r\\n'))

Rules are tried in order; `times` limits how often one applies. An action runs when the request is
complete; one wrapped in early() runs as soon as its head is. Requests are parsed strictly: what is
not one, to the letter, ends up in `garbage` and fails check().
"""
import os
import re
import select
import socket
import struct
import threading
import time
import zlib

from fake_shard import close, reply_and_close, reply_and_reset, reset
from ringway_testing import PATIENCE, free_port, wait_until

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb'(' + TOKEN + rb') ([!-~]+) HTTP/1\.1\Z')
FIELD = re.compile(rb'(' + TOKEN + rb'): ([^\0-\x08\x0a-\x1f\x7f]*)\Z')
KEEP_BYTES = 8 << 20  # of each connection and of each body; of more only the size and the checksum


class Garbage(Exception):
    """The bytes received are not a request."""


class Gone(Exception):
    """The other side closed the connection."""


class Fields:
    """Lines of a message head, in [fields]: pairs of a name and a value."""

    def all(self, name):
        """The values of the lines called [name]."""
        return [value for have, value in self.fields if have.lower() == name.lower().encode()]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    def list(self, name):
        """The elements of a list in one or more lines."""
        return [part.strip() for value in self.all(name) for part in value.split(b',')]


class Request(Fields):
    """One request as the shard received it."""

    def __init__(self, connection, head):
        self.connection = connection
        self.head = head  # with its empty line
        lines = head[:-4].split(b'\r\n')
        match = REQUEST_LINE.match(lines[0])
        if not match:
            raise Garbage('request line %r' % lines[0])
        self.method, self.target = match.groups()
        self.fields = parse_fields(lines[1:])
        self.body = bytearray()
        self.body_size = 0
        self.body_crc = 0
        self.trailers = []
        self.arrived = time.monotonic()
        self.framing, self.length = self._framing()

    def names(self):
        return [name.lower() for name, _ in self.fields]

    def _framing(self):
        lengths, codings = self.all('content-length'), self.all('transfer-encoding')
        if len(lengths) + len(codings) > 1:
            raise Garbage('framed twice: %r' % self.head)
        if len(self.all('host')) != 1:
            raise Garbage('%d Host fields: %r' % (len(self.all('host')), self.head))
        if codings:
            if codings[0].lower() != b'chunked':
                raise Garbage('Transfer-Encoding %r' % codings[0])
            return 'chunked', 0
        if lengths:
            if not re.match(rb'[0-9]{1,18}\Z', lengths[0]):
                raise Garbage('Content-Length %r' % lengths[0])
            return 'length', int(lengths[0])
        return 'none', 0

    def add_body(self, data):
        self.body_size += len(data)
        self.body_crc = zlib.crc32(data, self.body_crc)
        if len(self.body) < KEEP_BYTES:
            self.body += data


def parse_fields(lines):
    fields = []
    for line in lines:
        match = FIELD.match(line)
        if not match:
            raise Garbage('field %r' % line)
        fields.append(match.groups())
    return fields


# ---- answers and actions: functions of (connection, request) -------------------------------------


def response(
    status=200, body=b'', fields=(), reason='OK', length=True, chunked=False, version='1.1'
):
    """The bytes of a response. [length] False: neither length nor chunks, the end is the close."""
    lines = ['HTTP/%s %d %s' % (version, status, reason)]
    lines += ['%s: %s' % field for field in fields]
    if chunked:
        lines.append('Transfer-Encoding: chunked')
        body = chunks(body)
    elif length:
        lines.append('Content-Length: %d' % len(body))
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1') + body


def chunks(body, size=1000, trailers=b''):
    """[body] in chunks of [size] bytes, with the last one."""
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return (
        b''.join(b'%x\r\n%s\r\n' % (len(part), part) for part in parts)
        + b'0\r\n'
        + trailers
        + b'\r\n'
    )


def normal(connection, request):
    """200, and a body that tells shard, method, target and the request's body."""
    body = b'%s %s %s\n' % (connection.shard.name.encode(), request.method, request.target)
    body += bytes(request.body)
    fields = [('Content-Type', 'text/plain'), ('X-Shard', connection.shard.name)]
    data = response(200, body, fields)
    if request.method == b'HEAD':
        data = data[: data.index(b'\r\n\r\n') + 4]
    connection.send(data)


def early(action):
    """Run [action] when the head is there; it may use connection.read_body()."""

    def wrapped(connection, request):
        action(connection, request)

    wrapped.early = True
    return wrapped


def reply(data):
    """Answer [data], whatever it is."""
    return lambda connection, request: connection.send(data)


def reply_and_hang(data):
    def action(connection, request):
        connection.send(data)
        hang(connection, request)

    return action


def in_steps(*steps):
    """Send byte strings and wait numbers of seconds in turn."""

    def action(connection, request):
        for step in steps:
            if isinstance(step, bytes):
                connection.send(step)
            else:
                connection.shard.stopping.wait(step)

    return action


def bytewise(data, pause=0.0003):
    def action(connection, request):
        for i in range(len(data)):
            connection.send(data[i : i + 1])
            time.sleep(pause)

    return action


def delayed(seconds, action=normal):
    def wrapped(connection, request):
        connection.shard.stopping.wait(seconds)
        action(connection, request)

    return wrapped


def after(event, action=normal):
    """[action] once [event] is set."""

    def wrapped(connection, request):
        event.wait(PATIENCE)
        action(connection, request)

    return wrapped


def hang(connection, request):
    """No answer; until the proxy closes, nothing more is done than to notice that."""
    while connection.fill():
        pass
    connection.close()


def stream(size, fields=(), chunked=False, length=True, piece=b'0123456789abcdef' * 4096):
    """A response whose body is [size] bytes of [piece] over and over; see stream_crc()."""

    def action(connection, request):
        head = response(
            200,
            b'',
            list(fields) + ([] if chunked or not length else [('Content-Length', size)]),
            length=False,
        )
        if chunked:
            head = head[:-2] + b'Transfer-Encoding: chunked\r\n\r\n'
        connection.send(head)
        left = size
        while left > 0:
            part = piece[:left] if left < len(piece) else piece
            connection.send(b'%x\r\n%s\r\n' % (len(part), part) if chunked else part)
            left -= len(part)
            connection.body_sent = size - left
        if chunked:
            connection.send(b'0\r\n\r\n')
        elif not length:
            connection.close()

    return action


def stream_crc(size, piece=b'0123456789abcdef' * 4096):
    crc = 0
    while size > 0:
        crc = zlib.crc32(piece[:size], crc)
        size -= len(piece)
    return crc


# ---- connections ---------------------------------------------------------------------------------


class Connection:
    def __init__(self, shard, sock, number):
        self.shard = shard
        self.sock = sock
        self.number = number
        self.received = bytearray()
        self.n_received = 0
        self.buffer = bytearray()
        self.mark = 0
        self.body_sent = 0
        self.n_requests = 0
        self.waits = False  # for the next request
        self.reads_head = True  # until it waits for the first time, too
        self.ended = threading.Event()  # the proxy closed or reset it, or we did
        self.closed_by_proxy = False
        self.closed_at = None

    def fill(self):
        """Receive once; False at the end of the stream."""
        try:
            data = self.sock.recv(1 << 18)
        except (OSError, ValueError):
            data = b''
        if not data:
            self.closed_by_proxy = self.closed_by_proxy or not self.ended.is_set()
            return False
        if len(self.received) < KEEP_BYTES:
            self.received += data
        self.n_received += len(data)
        self.buffer += data
        return True

    def need(self, condition):
        """Receive until [condition]() is not None, and return that."""
        while True:
            result = condition()
            if result is not None:
                return result
            if not self.fill():
                raise Gone()

    def take(self, count):
        self.need(lambda: True if len(self.buffer) >= count else None)
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def line(self):
        """A line without its CRLF."""
        end = self.need(lambda: self._find(b'\n'))
        line = self.take(end + 1)
        if not line.endswith(b'\r\n') or b'\r' in line[:-2]:
            raise Garbage('line end of %r' % line)
        return line[:-2]

    def _find(self, what):
        index = self.buffer.find(what)
        return None if index < 0 else index

    def read_head(self):
        """The next request's head, or None at a regular end."""
        self.waits = True
        self.reads_head = False
        try:
            while not self.buffer:
                if not self.fill():
                    return None
            self.reads_head = True
        finally:
            self.waits = False
        end = self.need(lambda: self._find(b'\r\n\r\n'))
        head = self.take(end + 4)
        if re.search(rb'(?<!\r)\n|\r(?!\n)|\0', head):
            raise Garbage('head %r' % head)
        return Request(self, head)

    def read_body(self, request):
        """All of the body, into the request."""
        if request.framing == 'length':
            self._read_data(request, request.length)
        elif request.framing == 'chunked':
            self._read_chunks(request)

    def _read_data(self, request, count):
        while count > 0:
            if not self.buffer and not self.fill():
                raise Gone()
            data = bytes(self.buffer[:count])
            del self.buffer[: len(data)]
            count -= len(data)
            request.add_body(data)

    def _read_chunks(self, request):
        while True:
            line = self.line()
            if not re.match(rb'[0-9A-Fa-f]{1,16}\Z', line):
                raise Garbage('chunk %r' % line)
            size = int(line, 16)
            if size == 0:
                break
            self._read_data(request, size)
            if self.take(2) != b'\r\n':
                raise Garbage('end of a chunk')
        lines = []
        while True:
            line = self.line()
            if not line:
                break
            lines.append(line)
        request.trailers = parse_fields(lines)

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        self.ended.set()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def reset(self):
        self.ended.set()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()

    def serve(self):
        try:
            while not self.ended.is_set():
                request = self.read_head()
                if request is None:
                    break
                self.serve_one(request)
        except Garbage as error:
            self.shard.garbage.append('%s: %s' % (self.shard.name, error))
        except (Gone, OSError, ValueError):
            self.closed_by_proxy = True
        finally:
            self.reads_head = False
            self.closed_at = time.monotonic()
            self.ended.set()
            try:
                self.sock.close()
            except OSError:
                pass

    def serve_one(self, request):
        self.n_requests += 1
        self.shard.heads.append(request)
        self.reads_head = False
        action = self.shard.action(request)
        if not getattr(action, 'early', False):
            if request.get('expect') == b'100-continue':
                self.send(b'HTTP/1.1 100 Continue\r\n\r\n')
            self.read_body(request)
            self.shard.requests.append(request)
        action(self, request)
        if b'close' in [option.lower() for option in request.list('connection')]:
            self.close()


class Rule:
    def __init__(self, match, action, times):
        self.match = match
        self.action = action
        self.left = times


class FakeHttpShard:
    """[address]: a port or the path of a Unix socket; by default a free port."""

    def __init__(self, name='shard', address=None, action=normal):
        self.name = name
        self.address = address if address is not None else free_port()
        self.default = action
        self.rules = []
        self.heads = []  # requests whose head has come
        self.requests = []  # complete ones
        self.connections = []
        self.garbage = []
        self.stopping = threading.Event()
        self.listening = None
        self.lock = threading.Lock()
        self.start()

    # life

    def start(self):
        self.stopping = threading.Event()
        if isinstance(self.address, str):
            if os.path.exists(self.address):
                os.unlink(self.address)
            self.listening = socket.socket(socket.AF_UNIX)
            self.listening.bind(self.address)
            os.chmod(self.address, 0o777)
        else:
            self.listening = socket.socket()
            self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listening.bind(('127.0.0.1', self.address))
        self.listening.listen(512)
        threading.Thread(target=self._accept, args=(self.listening,), daemon=True).start()

    def _accept(self, listening):
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            if sock.family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock, len(self.connections))
            self.connections.append(connection)
            threading.Thread(target=connection.serve, daemon=True).start()

    def stop(self):
        """Refuse connections and close those that are open."""
        self.stopping.set()
        if self.listening is not None:
            try:
                self.listening.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.listening.close()
            self.listening = None
        for connection in list(self.connections):
            connection.close()

    def target(self):
        """Its address as a replica of the configuration."""
        if isinstance(self.address, str):
            return 'unix:' + self.address
        return '127.0.0.1:%d' % self.address

    # rules and records

    def on(self, match, action, times=None):
        """[match]: the beginning of a target, or a predicate on the request."""
        if isinstance(match, str):
            prefix = match.encode()
            self.rules.append(
                Rule(lambda request: request.target.startswith(prefix), action, times)
            )
        else:
            self.rules.append(Rule(match, action, times))

    def action(self, request):
        with self.lock:
            for rule in self.rules:
                if rule.left != 0 and rule.match(request):
                    if rule.left is not None:
                        rule.left -= 1
                    return rule.action
        return self.default

    def _has_unread(self):
        poll = select.poll()
        sockets = [self.listening] if self.listening is not None else []
        for connection in list(self.connections):
            if connection.reads_head or (connection.waits and connection.buffer):
                return True
            if connection.waits and not connection.ended.is_set():
                sockets.append(connection.sock)
        for number in (sock.fileno() for sock in sockets):
            if number >= 0:
                poll.register(number, select.POLLIN)
        return bool(poll.poll(0))

    def settle(self):
        """Wait until what was sent here is read, so that it is not in the next test's records."""
        for _ in range(2):  # what a thread has in its hands for a moment shows the second time
            wait_until(
                lambda: not self._has_unread(),
                'shard %s reads what it was sent' % self.name,
                interval=0.001,
            )
            time.sleep(0.001)

    def reset(self):
        """Forget rules and records; connections stay."""
        self.settle()
        self.rules = []
        self.heads = []
        self.requests = []
        self.garbage = []
        for connection in self.connections:
            connection.mark = len(connection.received)

    def hang_up(self):
        """Close every connection, and forget them."""
        for connection in self.connections:
            connection.close()
        self.connections = []

    def bytes_received(self):
        """What has come since the last reset, one byte string a connection that got any."""
        streams = [bytes(c.received[c.mark :]) for c in self.connections]
        return [stream for stream in streams if stream]

    def open_connections(self):
        return [c for c in self.connections if not c.ended.is_set()]

    def wait_heads(self, count, timeout=PATIENCE):
        wait_until(
            lambda: len(self.heads) >= count,
            '%d requests at shard %s' % (count, self.name),
            timeout,
            0.002,
        )
        return self.heads

    def wait_requests(self, count, timeout=PATIENCE):
        wait_until(
            lambda: len(self.requests) >= count,
            '%d whole requests at shard %s' % (count, self.name),
            timeout,
            0.002,
        )
        return self.requests

    def only(self):
        """The one request that has come."""
        if len(self.requests) != 1 or len(self.heads) != 1:
            raise AssertionError(
                'shard %s has %d requests, %d of them whole: %r'
                % (self.name, len(self.heads), len(self.requests), [r.head for r in self.heads])
            )
        return self.requests[0]

    def check(self):
        if self.garbage:
            raise AssertionError('no requests: %s' % '; '.join(self.garbage))
