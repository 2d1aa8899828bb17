"""A memcached shard that misbehaves on demand.

Without rules it is a small, correct memcached (text and meta) with everything that it received
recorded. A rule is a predicate on the request line and an action that runs instead:

    shard = FakeShard()
    shard.on(b'get bad', reply(b'VALUE other 0 1\\r\\nx\\r\\nEND\\r\\n'))

Rules are tried in order; `times` limits how often one applies. Each connection is served by one
thread, one request after another, as a real memcached does it.
"""
import base64
import os
import re
import socket
import struct
import threading
import time

from ringway_testing import free_port

STORAGE = (b'set', b'add', b'replace', b'append', b'prepend', b'cas')


class Request:
    """One request as the shard received it."""

    def __init__(self, connection, line):
        self.connection = connection
        self.line = line  # with its line end
        self.words = line.split()
        self.command = self.words[0] if self.words else b''
        self.body = None  # the value without CRLF, once read

    def body_length(self):
        """Bytes of the value behind the line, with its CRLF; 0 when there is none."""
        try:
            if self.command in STORAGE:
                return int(self.words[4]) + 2
            if self.command == b'ms':
                return int(self.words[2]) + 2
        except (IndexError, ValueError):
            pass
        return 0

    def keys(self):
        if self.command in (b'get', b'gets'):
            return self.words[1:]
        if self.command in (b'gat', b'gats'):
            return self.words[2:]
        return self.words[1:2]


# ---- actions: functions of (connection, request) --------------------------------------------------


def reply(data):
    """Answer [data], whatever it is: garbage, two replies, a wrong key, trailing bytes…"""
    return lambda connection, request: connection.send(data)


def normal(connection, request):
    """Answer as memcached does."""
    connection.send(connection.shard.answer(request))


def split_everywhere(connection, request):
    """The right answer, a byte at a time."""
    for byte in connection.shard.answer(request):
        connection.send(bytes([byte]))
        time.sleep(0.0003)


def split_at(offset):
    """The right answer in two parts."""

    def action(connection, request):
        data = connection.shard.answer(request)
        connection.send(data[:offset])
        time.sleep(0.001)
        connection.send(data[offset:])

    return action


def delayed(seconds, data=None):
    """Answer late: [data], or the right answer."""

    def action(connection, request):
        connection.shard.stopping.wait(seconds)
        connection.send(connection.shard.answer(request) if data is None else data)

    return action


def silence(connection, request):
    """No answer, and the next request is read."""


def hang(connection, request):
    """No answer, and nothing more is read from this connection."""
    connection.shard.stopping.wait()


def close(connection, request):
    connection.close()


def reset(connection, request):
    connection.reset()


def reply_and_close(data):
    def action(connection, request):
        connection.send(data)
        connection.close()

    return action


def reply_and_reset(data):
    def action(connection, request):
        connection.send(data)
        time.sleep(0.05)
        connection.reset()

    return action


def reply_and_hang(data):
    def action(connection, request):
        connection.send(data)
        connection.shard.stopping.wait()

    return action


def dribble(interval, data=None):
    """The answer a byte at a time, slowly."""

    def action(connection, request):
        for byte in connection.shard.answer(request) if data is None else data:
            connection.send(bytes([byte]))
            if connection.shard.stopping.wait(interval) or not connection.is_open:
                return

    return action


def flood(block, count):
    """[block] again and again."""

    def action(connection, request):
        for _ in range(count):
            connection.send(block)

    return action


class Early:
    """Answers before the value of a storage request is read, then reads the value or not."""

    def __init__(self, data, swallow=True):
        self.data = data
        self.swallow = swallow

    def __call__(self, connection, request):
        connection.send(self.data)
        if self.swallow:
            connection.read_body(request)


# ---- the server ----------------------------------------------------------------------------------


class Connection:
    def __init__(self, shard, sock, number):
        self.shard = shard
        self.sock = sock
        self.number = number
        self.received = bytearray()
        self.buffer = bytearray()
        self.is_open = True

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            self.is_open = False

    def close(self):
        self.is_open = False
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.is_open = False
        self.sock.close()

    def fill(self):
        try:
            data = self.sock.recv(1 << 16)
        except OSError:
            data = b''
        self.buffer += data
        self.received += data
        return bool(data)

    def read_line(self):
        while True:
            end = self.buffer.find(b'\n')
            if end >= 0:
                line = bytes(self.buffer[: end + 1])
                del self.buffer[: end + 1]
                return line
            if not self.fill():
                return None

    def read_body(self, request):
        count = request.body_length()
        while len(self.buffer) < count:
            if not self.fill():
                self.is_open = False
                return
        if count:
            request.body = bytes(self.buffer[: count - 2])
            del self.buffer[:count]

    def serve(self):
        while self.is_open:
            line = self.read_line()
            if line is None:
                break
            request = Request(self, line)
            action = self.shard.action_for(request)
            if not isinstance(action, Early):
                self.read_body(request)
                if not self.is_open:
                    break
            with self.shard.lock:
                self.shard.requests.append(request)
            action(self, request)
        self.close()


class FakeShard:
    """Listens on a port of 127.0.0.1 or a Unix socket until stop()."""

    def __init__(self, address=None):
        self.address = address if address is not None else free_port()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.rules = []
        self.connections = []
        self.requests = []
        self.items = {}
        self.next_cas = 1
        self.on_accept = None  # function of (connection), or None
        self.listener = None
        self.listen()

    def target(self):
        """Its address as a Ringway replica."""
        return (
            'unix:' + self.address
            if isinstance(self.address, str)
            else '127.0.0.1:%d' % self.address
        )

    # -- control --

    def listen(self):
        """Accept connections (again)."""
        if isinstance(self.address, str):
            if os.path.exists(self.address):
                os.unlink(self.address)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self.address)
        else:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(('127.0.0.1', self.address))
        listener.listen(128)
        self.listener = listener
        threading.Thread(target=self.accept_loop, args=(listener,), daemon=True).start()

    def refuse(self):
        """Stop listening: connections are refused. Open ones stay."""
        listener, self.listener = self.listener, None
        if listener is not None:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()

    def drop_all(self, by_reset=False):
        """Close every open connection."""
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            if connection.is_open:
                try:
                    if by_reset:
                        connection.reset()
                    else:
                        connection.close()
                except OSError:
                    pass

    def stop(self):
        self.stopping.set()
        self.refuse()
        self.drop_all()

    def on(self, match, action, times=None):
        """Run [action] for lines that start with bytes [match], or that a function accepts."""
        if isinstance(match, bytes):
            prefix = match
            match = lambda request: request.line.startswith(prefix)  # noqa: E731
        with self.lock:
            self.rules.append([match, action, times])

    def clear_rules(self):
        with self.lock:
            self.rules = []

    # -- what was seen --

    def received(self):
        """Everything received, by connection."""
        with self.lock:
            return [bytes(connection.received) for connection in self.connections]

    def seen(self, *commands):
        """The requests received so far, of these commands or all."""
        with self.lock:
            return [
                request for request in self.requests if not commands or request.command in commands
            ]

    def forget(self):
        with self.lock:
            self.requests.clear()
            for connection in self.connections:
                connection.received.clear()

    def n_open(self):
        with self.lock:
            return sum(connection.is_open for connection in self.connections)

    # -- inside --

    def accept_loop(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                connection = Connection(self, sock, len(self.connections))
                self.connections.append(connection)
            if self.on_accept is not None:
                self.on_accept(connection)
            if connection.is_open:
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    @staticmethod
    def serve(connection):
        try:
            connection.serve()
        except (OSError, ValueError, IndexError, TypeError):  # also a request it cannot read
            connection.close()

    def action_for(self, request):
        with self.lock:
            for rule in self.rules:
                if rule[2] != 0 and rule[0](request):
                    if rule[2] is not None:
                        rule[2] -= 1
                    return rule[1]
        return normal

    def answer(self, request):
        """The right answer to a request, from this shard's own items."""
        with self.lock:
            return self._answer(request)

    def _answer(self, request):
        command, words = request.command, request.words
        if command in (b'get', b'gets', b'gat', b'gats'):
            return self._retrieve(request)
        if command in STORAGE:
            return self._store(request)
        if command == b'delete':
            return b'DELETED\r\n' if self.items.pop(words[1], None) else b'NOT_FOUND\r\n'
        if command in (b'incr', b'decr'):
            if words[1] not in self.items:
                return b'NOT_FOUND\r\n'
            flags, value, _ = self.items[words[1]]
            number = int(value) + int(words[2]) * (1 if command == b'incr' else -1)
            self._put(words[1], flags, b'%d' % max(number, 0))
            return b'%d\r\n' % max(number, 0)
        if command == b'touch':
            return b'TOUCHED\r\n' if words[1] in self.items else b'NOT_FOUND\r\n'
        if command == b'version':
            return b'VERSION 1.6.18\r\n'
        if command == b'flush_all':
            self.items.clear()
            return b'OK\r\n'
        if command == b'mn':
            return b'MN\r\n'
        if command in (b'mg', b'ms', b'md', b'ma', b'me'):
            return self._meta(request)
        return b'ERROR\r\n'

    def _put(self, key, flags, value):
        self.items[key] = (flags, value, self.next_cas)
        self.next_cas += 1

    def _retrieve(self, request):
        out = []
        for key in request.keys():
            if key in self.items:
                flags, value, cas = self.items[key]
                with_cas = b' %d' % cas if request.command in (b'gets', b'gats') else b''
                out.append(
                    b'VALUE %s %s %d%s\r\n%s\r\n' % (key, flags, len(value), with_cas, value)
                )
        return b''.join(out) + b'END\r\n'

    def _store(self, request):
        key, flags, value = request.words[1], request.words[2], request.body
        old = self.items.get(key)
        if request.command == b'cas' and old is None:
            return b'NOT_FOUND\r\n'
        if request.command == b'cas' and old[2] != int(request.words[5]):
            return b'EXISTS\r\n'
        if (request.command == b'add') == (old is not None) and request.command not in (
            b'set',
            b'cas',
        ):
            return b'NOT_STORED\r\n'
        if request.command == b'append':
            flags, value = old[0], old[1] + value
        elif request.command == b'prepend':
            flags, value = old[0], value + old[1]
        self._put(key, flags, value)
        return b'STORED\r\n'

    def _meta(self, request):
        command, words = request.command, request.words
        flags = words[3:] if command == b'ms' else words[2:]
        key = base64.b64decode(words[1]) if b'b' in flags else words[1]
        item = self.items.get(key)
        quiet = b'q' in flags
        if command == b'me':
            return (
                b'ME %s exp=-1 la=0 cas=1 fetch=no cls=1 size=63\r\n' % key if item else b'EN\r\n'
            )
        if command == b'ms':
            self._put(key, b'0', request.body)
            return b'' if quiet else b'HD' + self._echo(flags, words[1], None) + b'\r\n'
        if command == b'md':
            self.items.pop(key, None)
            word = b'HD' if item else b'NF'
            return b'' if quiet and item else word + self._echo(flags, words[1], None) + b'\r\n'
        if command == b'ma':
            if item is None:
                return b'NF\r\n'
            value = b'%d' % (int(item[1]) + 1)
            self._put(key, item[0], value)
            if b'v' in flags:
                return b'' if quiet else b'VA %d\r\n%s\r\n' % (len(value), value)
            return b'' if quiet else b'HD\r\n'
        if item is None:
            return b'' if quiet else b'EN' + self._echo(flags, words[1], None) + b'\r\n'
        echo = self._echo(flags, words[1], item)
        if b'v' in flags:
            return b'VA %d%s\r\n%s\r\n' % (len(item[1]), echo, item[1])
        return b'HD' + echo + b'\r\n'

    @staticmethod
    def _echo(flags, key, item):
        out = b''
        for flag in flags:
            if flag == b'k':
                out += b' k' + key
            elif flag[:1] == b'O':
                out += b' ' + flag
            elif item is not None and flag in (b'f', b's', b't', b'c'):
                out += (
                    b' '
                    + flag
                    + {
                        b'f': item[0],
                        b's': b'%d' % len(item[1]),
                        b't': b'-1',
                        b'c': b'%d' % item[2],
                    }[flag]
                )
        return out


def lines_of(data):
    """The lines of what a shard received, for assertions on commands."""
    return re.findall(rb'[^\n]*\n', data)
