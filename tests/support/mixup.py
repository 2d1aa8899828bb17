"""The no-mix-up checker: a client that knows what each of its replies may be.

Every key belongs to one checker, and every value is a function of its key and a version, so a reply
that was meant for somebody else, or for another request of the same client, cannot pass. Whatever
happens to the shards, a reply must be right for its request or a SERVER_ERROR that names the shard.

A value read must be of the last acknowledged write, or of a write whose outcome nobody knows (timed
out, or noreply), or a miss.
"""
import collections
import random
import re
import time

from ringway_testing import connect, show

SERVER_ERROR = re.compile(rb'SERVER_ERROR shard (\S+) (timed out|unavailable|busy)$')
SIZES = (0, 1, 5, 30, 100, 700, 3000)
FORGET_AFTER = 30.0  # seconds after which a write of unknown outcome cannot take effect any more


class MixUp(AssertionError):
    """A reply that is not right for its request."""


class Cut(Exception):
    """The proxy closed the connection."""


def value_of(key, version, sizes=SIZES):
    return b'%s#%d#' % (key, version) + b'x' * sizes[version % len(sizes)]


class Checker:
    """One client connection.

    [routes]    {key: shard name} to check the shard named in errors, or None.
    [stale_ok]  accept any earlier version: for pools that move keys when a shard is down.
    """

    def __init__(
        self,
        address,
        name,
        seed,
        routes=None,
        n_keys=40,
        batches=(1, 1, 3, 10, 40),
        sizes=SIZES,
        stale_ok=False,
        timeout=30,
    ):
        self.address = address
        self.name = name
        self.rng = random.Random('%s/%s' % (seed, name))
        self.routes = routes or {}
        self.keys = keys_of(name, n_keys)
        self.counters = [b'%s-c%d' % (name.encode(), i) for i in range(4)]
        self.base = (1 + self.rng.randrange(1 << 20)) * 10**9
        self.batches = batches
        self.sizes = sizes
        self.stale_ok = stale_ok
        self.timeout = timeout
        self.version = 0
        self.opaque = 0
        self.acked = {}
        self.unknown = {key: {} for key in self.keys}
        self.counts = collections.Counter()
        self.slowest = 0.0
        self.sock = None
        self.buffer = b''
        self.position = 0
        self.requests = {
            self.get: 30,
            self.multi_get: 15,
            self.set: 20,
            self.set_noreply: 2,
            self.delete: 4,
            self.meta_get: 15,
            self.meta_set: 8,
            self.quiet_get: 5,
            self.incr: 4,
            self.touch: 2,
            self.version_command: 1,
            self.bogus: 1,
            self.bad_key: 1,
            self.large_get_miss: 1,
        }
        self.kinds = [kind for kind, weight in self.requests.items() for _ in range(weight)]

    # ---- running ----

    def step(self):
        """Send one batch and check every reply."""
        if self.sock is None:
            self.sock = connect(self.address, self.timeout)
            self.buffer, self.position = b'', 0
        sent, checks = [], []
        for _ in range(self.rng.choice(self.batches)):
            data, check = self.rng.choice(self.kinds)()
            sent.append(data)
            checks.append((check, data))
        began = time.monotonic()
        done = 0
        try:
            self.sock.sendall(b''.join(sent))
            for check, data in checks:
                self.current = data
                check()
                done += 1
        except (Cut, ConnectionResetError, BrokenPipeError):
            self.counts['cut'] += 1
            self.close()
            for check, _ in checks[done:]:  # outcome unknown
                self.forget(check)
        except TimeoutError:
            raise self.wrong('nothing', 'a reply within %d s' % self.timeout) from None
        self.counts['requests'] += done
        self.slowest = max(self.slowest, time.monotonic() - began)

    def run(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.step()
        self.finish()

    def finish(self):
        """Nothing may be left over."""
        if self.sock is None:
            return
        self.current = b'mn\r\n'
        try:
            self.sock.sendall(b'mn\r\n')
            self.must(self.line(), b'MN')
        except (Cut, OSError):
            return
        if self.position != len(self.buffer):
            raise self.wrong(self.buffer[self.position :], 'nothing more')
        self.close()

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def forget(self, check):
        written = getattr(check, 'written', None)
        if written:
            self.unknown[written[0]][written[1]] = time.monotonic()

    # ---- reading ----

    def fill(self):
        data = self.sock.recv(1 << 17)
        if not data:
            raise Cut()
        self.buffer = self.buffer[self.position :] + data
        self.position = 0

    def line(self):
        while True:
            end = self.buffer.find(b'\r\n', self.position)
            if end >= 0:
                line = self.buffer[self.position : end]
                self.position = end + 2
                return line
            self.fill()

    def take(self, count):
        while len(self.buffer) - self.position < count:
            self.fill()
        data = self.buffer[self.position : self.position + count]
        self.position += count
        return data

    def wrong(self, got, expected):
        return MixUp(
            '%s: request %s\n  got      %s\n  expected %s\n  next in buffer %s'
            % (
                self.name,
                show(self.current),
                show(got),
                expected,
                show(self.buffer[self.position : self.position + 200]),
            )
        )

    def must(self, line, *answers):
        if line not in answers:
            raise self.wrong(line, ' or '.join(map(repr, answers)))

    def is_error(self, line, *keys):
        """Is [line] a fair SERVER_ERROR for a request on one of [keys]?"""
        if not line.startswith(b'SERVER_ERROR'):
            return False
        match = SERVER_ERROR.match(line)
        if not match:
            raise self.wrong(line, 'SERVER_ERROR shard NAME timed out|unavailable|busy')
        if self.routes and match.group(1).decode() not in {self.routes.get(key) for key in keys}:
            raise self.wrong(line, 'the shard of %r' % (keys,))
        self.counts[match.group(2).decode()] += 1
        return True

    def value(self, key, length):
        """Read a value of [key] and check that it may be that."""
        data = self.take(length + 2)
        if data[-2:] != b'\r\n' or not data.startswith(key + b'#'):
            raise self.wrong(data, 'a value of %r' % key)
        version = int(data[len(key) + 1 :].split(b'#', 1)[0])
        if data[:-2] != value_of(key, version, self.sizes):
            raise self.wrong(data, 'version %d of %r' % (version, key))
        if version != self.acked.get(key) and not self.stale_ok:
            since = self.unknown[key].get(version)
            if since is None or time.monotonic() - since > FORGET_AFTER:
                raise self.wrong(
                    data,
                    'version %s of %r, or one of unknown outcome: %s'
                    % (self.acked.get(key), key, sorted(self.unknown[key])),
                )
        self.counts['hit'] += 1

    # ---- requests: each returns (bytes, check) ----

    def get(self):
        key = self.rng.choice(self.keys)
        command = self.rng.choice((b'get', b'gets', b'gat 0'))
        return b'%s %s\r\n' % (command, key), lambda: self.check_get([key], command == b'gets')

    def multi_get(self):
        keys = [self.rng.choice(self.keys) for _ in range(self.rng.randrange(2, 25))]
        return b'get %s\r\n' % b' '.join(keys), lambda: self.check_get(keys, False)

    def large_get_miss(self):
        keys = [b'%s-none-%d' % (self.name.encode(), i) for i in range(200)]

        def check():
            line = self.line()
            if line.startswith(b'SERVER_ERROR') and SERVER_ERROR.match(line):
                return
            self.must(line, b'END')

        return b'get %s\r\n' % b' '.join(keys), check

    def check_get(self, keys, with_cas):
        """VALUE blocks in the order of [keys], some left out, and END; or one SERVER_ERROR."""
        rest = iter(keys)
        first = True
        while True:
            line = self.line()
            if line == b'END':
                return
            if first and self.is_error(line, *keys):
                return
            first = False
            words = line.split(b' ')
            if words[0] != b'VALUE' or len(words) != 4 + with_cas:
                raise self.wrong(line, 'VALUE or END')
            if words[1] not in rest:  # consumes up to it
                raise self.wrong(line, 'a VALUE in the order of the keys')
            self.value(words[1], int(words[3]))

    def write(self, key):
        self.version += 1
        return self.version, value_of(key, self.version, self.sizes)

    def checked_write(self, key, version, check_line):
        def check():
            line = self.line()
            if self.is_error(line, key):
                self.unknown[key][version] = time.monotonic()
                return
            check_line(line)
            self.acked[key] = version
            self.counts['stored'] += 1

        check.written = (key, version)
        return check

    def set(self):
        key = self.rng.choice(self.keys)
        version, value = self.write(key)
        return (
            b'set %s 0 0 %d\r\n%s\r\n' % (key, len(value), value),
            self.checked_write(key, version, lambda line: self.must(line, b'STORED')),
        )

    def set_noreply(self):
        key = self.rng.choice(self.keys)
        version, value = self.write(key)

        def check():
            self.unknown[key][version] = time.monotonic()

        check.written = (key, version)
        return b'set %s 0 0 %d noreply\r\n%s\r\n' % (key, len(value), value), check

    def meta_set(self):
        key = self.rng.choice(self.keys)
        version, value = self.write(key)
        self.opaque += 1
        answer = b'HD O%d k%s' % (self.opaque, key)
        return (
            b'ms %s %d O%d k\r\n%s\r\n' % (key, len(value), self.opaque, value),
            self.checked_write(key, version, lambda line: self.must(line, answer)),
        )

    def meta_get(self):
        key = self.rng.choice(self.keys)
        self.opaque += 1
        tail = b' k%s O%d' % (key, self.opaque)

        def check():
            line = self.line()
            if self.is_error(line, key):
                return
            self.check_meta_value(line, key, tail)

        return b'mg %s v k O%d\r\n' % (key, self.opaque), check

    def check_meta_value(self, line, key, tail):
        if line == b'EN' + tail:
            self.counts['miss'] += 1
            return
        words = line.split(b' ')
        if words[0] != b'VA' or not line.endswith(tail) or len(words) != 4:
            raise self.wrong(line, 'VA or EN with %r' % tail)
        self.value(key, int(words[1]))

    def quiet_get(self):
        """A quiet get and the mn behind it."""
        key = self.rng.choice(self.keys)
        self.opaque += 1
        tail = b' k%s O%d' % (key, self.opaque)

        def check():
            line = self.line()
            if line == b'MN':
                return
            if not self.is_error(line, key):
                if line.startswith(b'EN'):
                    raise self.wrong(line, 'no EN for a quiet get')
                self.check_meta_value(line, key, tail)
            self.must(self.line(), b'MN')

        return b'mg %s v k O%d q\r\nmn\r\n' % (key, self.opaque), check

    def delete(self):
        key = self.rng.choice(self.keys)

        def check():
            line = self.line()
            if self.is_error(line, key):
                return
            self.must(line, b'DELETED', b'NOT_FOUND')
            self.acked.pop(key, None)

        return b'delete %s\r\n' % key, check

    def touch(self):
        key = self.rng.choice(self.keys)

        def check():
            line = self.line()
            if not self.is_error(line, key):
                self.must(line, b'TOUCHED', b'NOT_FOUND')

        return b'touch %s 0\r\n' % key, check

    def incr(self):
        key = self.rng.choice(self.counters)

        def check():
            line = self.line()
            if not self.is_error(line, key) and line not in (b'STORED', b'NOT_STORED'):
                raise self.wrong(line, 'STORED or NOT_STORED')
            line = self.line()
            if self.is_error(line, key) or line == b'NOT_FOUND':
                return
            if not line.isdigit() or int(line) // 10**9 != self.base // 10**9:
                raise self.wrong(line, 'a number from %d' % self.base)

        start = b'%d' % self.base
        return b'add %s 0 0 %d\r\n%s\r\nincr %s 1\r\n' % (key, len(start), start, key), check

    def version_command(self):
        return b'version\r\n', lambda: self.must(self.line()[:8], b'VERSION ')

    def bogus(self):
        return b'bogus\r\n', lambda: self.must(self.line(), b'ERROR')

    def bad_key(self):
        return (
            b'get %s %s\r\n' % (self.keys[0], b'k' * 251),
            lambda: self.must(self.line(), b'CLIENT_ERROR bad command line format'),
        )


def keys_of(name, n_keys):
    return [b'%s-%d' % (name.encode(), i) for i in range(n_keys)]


def all_keys(name, n_keys):
    """Every key that a Checker called [name] may name an error for, as text."""
    return [key.decode() for key in keys_of(name, n_keys)] + [
        '%s-c%d' % (name, i) for i in range(4)
    ]
