"""What the integration tests share: real processes on loopback, a raw client, waits with deadlines.

Every process started here is stopped by its pid when its test or class ends, whatever happens, and
dies with the test program. A failing test prints the ends of the logs.

Environment:
  RINGWAY_BUILD_DIR   build folder; the proxy is proxy/ringway in it (default: <source>/build/dev)
  RINGWAY_SOURCE_DIR  source folder (default: found from this file)
  MEMCACHED           memcached program (default: /usr/bin/memcached)
  RINGWAY_TEST_TIMES  print how long each test took
  TARGET=memcached    run the byte tests against one memcached instead of the proxy: checks the tests
"""
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE_DIR = os.environ.get('RINGWAY_SOURCE_DIR') or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD_DIR = os.environ.get('RINGWAY_BUILD_DIR') or os.path.join(SOURCE_DIR, 'build', 'dev')
RINGWAY = os.path.join(BUILD_DIR, 'proxy', 'ringway')
MEMCACHED = os.environ.get('MEMCACHED') or shutil.which('memcached') or '/usr/bin/memcached'
TARGET = os.environ.get('TARGET', 'ringway')
PATIENCE = 15.0  # seconds that anything which must happen may take on a loaded machine
SANITIZER = re.compile(rb'ERROR: (Address|Leak)Sanitizer|ThreadSanitizer|runtime error')



def _project_version():
    with open(os.path.join(SOURCE_DIR, 'CMakeLists.txt'), encoding='utf-8') as file:
        return re.search(r'project\(ringway VERSION ([0-9.]+)', file.read()).group(1)


# What clients see: the memcached whose behaviour this is, and ours.
VERSION = b'1.6.45-ringway-' + _project_version().encode()
VERSION_LINE = b'VERSION %s\r\n' % VERSION
BCLF = b'CLIENT_ERROR bad command line format\r\n'


# ---- ports and waiting ---------------------------------------------------------------------------

_ports_given = set()
_port_lock = threading.Lock()


def free_port():
    """A TCP port below the ephemeral range that nothing listens on, never given twice."""
    with _port_lock:
        for _ in range(1000):
            port = random.SystemRandom().randrange(12000, 32000)
            if port in _ports_given:
                continue
            with socket.socket() as probe:
                try:
                    probe.bind(('127.0.0.1', port))
                except OSError:
                    continue
            _ports_given.add(port)
            return port
    raise RuntimeError('no free port')


def wait_until(condition, what, timeout=PATIENCE, interval=0.01):
    """Poll [condition] until it returns something true, and return that."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError('waited %.0f s in vain: %s' % (timeout, what))
        time.sleep(interval)


def can_connect(address):
    try:
        connect(address, timeout=1).close()
        return True
    except OSError:
        return False


def connect(address, timeout=PATIENCE):
    """Open a socket to a port number, (host, port), or the path of a Unix socket."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        try:
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        return sock
    if isinstance(address, int):
        address = ('127.0.0.1', address)
    sock = socket.create_connection(address, timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


# ---- processes -----------------------------------------------------------------------------------

class Process:
    """A program with its log in a file; stopped by pid."""

    def __init__(self, name, argv, folder, env=None, as_nobody=False):
        self.name = name
        self.argv = argv
        self.log_path = os.path.join(folder, '%s-%d.log' % (name, random.getrandbits(32)))
        self.final_log = b''
        launcher = ['setpriv', '--pdeathsig', 'KILL']
        if as_nobody and os.geteuid() == 0:
            launcher += ['--reuid', '65534', '--regid', '65534', '--clear-groups']
        with open(self.log_path, 'wb') as log:
            self.popen = subprocess.Popen(launcher + ['--'] + argv, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, env=env)
        self.pid = self.popen.pid

    def log(self):
        try:
            with open(self.log_path, 'rb') as log:
                return log.read()
        except FileNotFoundError:
            return self.final_log

    def alive(self):
        return self.popen.poll() is None

    def kill(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=PATIENCE):
        return self.popen.wait(timeout)

    def stop(self, number=signal.SIGTERM, timeout=PATIENCE):
        """Stop it, at last by SIGKILL, and return the exit code."""
        if self.alive():
            self.kill(signal.SIGCONT)
            self.kill(number)
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill(signal.SIGKILL)
                self.wait()
        self.final_log = self.log()
        return self.popen.returncode

    def log_tail(self, n_lines=40):
        lines = self.log().decode('utf-8', 'replace').splitlines()
        return '\n'.join(['---- %s (pid %d, exit %s)' % (self.name, self.pid, self.popen.poll())]
                         + lines[-n_lines:])


class Memcached:
    """One real memcached that can be stopped, killed, frozen and started again at its address."""

    def __init__(self, folder, address=None, args=()):
        self.folder = folder
        self.address = address if address is not None else free_port()
        self.args = list(args)
        self.process = None
        self.start()

    def start(self):
        where = (['-s', self.address, '-a', '0777'] if isinstance(self.address, str)
                 else ['-l', '127.0.0.1', '-p', str(self.address)])
        if isinstance(self.address, str) and os.path.exists(self.address):
            os.unlink(self.address)
        self.process = Process('memcached', [MEMCACHED, '-U', '0', '-t', '1', '-m', '64', '-c', '4096']
                               + where + self.args, self.folder, as_nobody=True)
        wait_until(lambda: can_connect(self.address) or not self.process.alive(), 'memcached starts')
        if not self.process.alive():
            raise RuntimeError('memcached did not start:\n' + self.process.log_tail())
        self._direct = None

    def target(self):
        """Its address as a Ringway replica."""
        return 'unix:' + self.address if isinstance(self.address, str) else '127.0.0.1:%d' % self.address

    def direct(self):
        """A connection to it past the proxy, kept."""
        if self._direct is None:
            self._direct = Client(self.address)
        return self._direct

    def flush(self):
        self.direct().ask(b'flush_all\r\n', b'OK\r\n')

    def freeze(self):
        """Stop it, and come back when every thread has stopped."""
        self.process.kill(signal.SIGSTOP)
        wait_until(self.is_frozen, 'memcached stops', interval=0.001)

    def is_frozen(self):
        tasks = '/proc/%d/task' % self.process.pid
        for task in os.listdir(tasks):
            with open(os.path.join(tasks, task, 'stat'), encoding='ascii', errors='replace') as stat:
                if stat.read().rsplit(')', 1)[1].split()[0] != 'T':
                    return False
        return True

    def thaw(self):
        self.process.kill(signal.SIGCONT)

    def stop(self):
        if self._direct is not None:
            self._direct.close()
            self._direct = None
        self.process.stop(signal.SIGKILL)


def memcached_version():
    out = subprocess.run([MEMCACHED, '-V'], stdout=subprocess.PIPE, check=True).stdout.decode()
    return tuple(int(part) for part in re.findall(r'\d+', out)[:3])


class Ringway:
    """One proxy process from a configuration given as a dict (JSON is YAML)."""

    def __init__(self, config, folder, env=None):
        self.config = config
        self.folder = folder
        self.allowed_exits = {0}
        self.config_path = os.path.join(folder, 'ringway-%d.yaml' % random.getrandbits(32))
        self.env = dict(os.environ, **(env or {}))
        self.env.setdefault('ASAN_OPTIONS', 'exitcode=99:detect_leaks=1')
        self.env.setdefault('UBSAN_OPTIONS', 'print_stacktrace=1')
        self.env.setdefault('TSAN_OPTIONS', 'exitcode=66:second_deadlock_stack=1')
        self.process = None
        self.start()

    def start(self):
        with open(self.config_path, 'w', encoding='utf-8') as file:
            json.dump(self.config, file, indent=1)
        self.process = Process('ringway', [RINGWAY, '-c', self.config_path], self.folder, self.env)
        try:
            for listener in self.config['listeners']:
                address = parse_bind(listener['bind'])
                wait_until(lambda: can_connect(address) or not self.process.alive(),
                           'ringway listens on %s' % listener['bind'])
            if not self.process.alive():
                raise RuntimeError('ringway did not start')
        except BaseException:
            self.process.stop(signal.SIGKILL)
            print(self.process.log_tail(), file=sys.stderr)
            raise

    def address(self, index=0):
        return parse_bind(self.config['listeners'][index]['bind'])

    def connect(self, index=0):
        return Client(self.address(index))

    def admin(self, path, method='GET'):
        """(status, body) of an admin request; (0, b'') when it cannot be asked."""
        host, _, port = self.config['admin']['bind'].rpartition(':')
        http_client = http.client.HTTPConnection(host, int(port), timeout=5)
        try:
            http_client.request(method, path)
            response = http_client.getresponse()
            return response.status, response.read()
        except OSError:
            return 0, b''
        finally:
            http_client.close()

    def wait_ready(self):
        wait_until(lambda: self.admin('/readyz')[0] == 200, '/readyz is 200', interval=0.02)

    def metric(self, name, **labels):
        """The sum of a metric's series whose labels include [labels]."""
        total, found = 0.0, False
        for line in self.admin('/metrics')[1].decode().splitlines():
            match = re.match(r'(\w+)(?:\{(.*)\})? (\S+)$', line)
            if match and match.group(1) == name:
                have = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match.group(2) or ''))
                if all(have.get(key) == value for key, value in labels.items()):
                    total, found = total + float(match.group(3)), True
        return total if found else None

    def route(self, keys, pool=None):
        """{key: shard name}, by `ringway --route`."""
        pool = pool or self.config['pools'][0]['name']
        routes = {}
        for start in range(0, len(keys), 500):
            out = subprocess.run([RINGWAY, '-c', self.config_path, '--route', pool]
                                 + keys[start:start + 500], stdout=subprocess.PIPE, env=self.env,
                                 check=True, timeout=60).stdout.decode()
            for line in out.splitlines():
                key, shard, _ = line.split('\t', 2)
                routes[key] = shard
        return routes

    def keys_on(self, shard, count, prefix='key', pool=None):
        """[count] keys (bytes) whose home is [shard]."""
        found, base = [], 0
        while len(found) < count:
            routes = self.route(['%s-%d' % (prefix, base + i) for i in range(500)], pool)
            found += [key.encode() for key, name in routes.items() if name == shard]
            base += 500
        return found[:count]

    def check(self):
        """Raise when a sanitizer complained or the process is gone with a bad code."""
        log = self.process.log()
        if SANITIZER.search(log):
            raise AssertionError('sanitizer report:\n' + log.decode('utf-8', 'replace')[-8000:])

    def stop(self):
        code = self.process.stop(timeout=30)
        self.check()
        if code not in self.allowed_exits:
            raise AssertionError('ringway ended with %s, expected one of %s\n%s'
                                 % (code, sorted(self.allowed_exits), self.process.log_tail()))


def parse_bind(bind):
    """A `bind` of the configuration as connect() takes it."""
    if bind.startswith('unix:'):
        return bind[5:]
    host, _, port = bind.rpartition(':')
    return (host.strip('[]'), int(port))


def is_sanitized():
    """Was the proxy built with a sanitizer? Its memory is no measure then."""
    with open(RINGWAY, 'rb') as file:
        program = file.read()
    return b'__asan_init' in program or b'__tsan_init' in program


# ---- the raw client ------------------------------------------------------------------------------

def show(data, limit=400):
    """Bytes for a message, shortened in the middle."""
    if len(data) <= limit:
        return repr(bytes(data))
    return '%r ... (%d bytes) ... %r' % (bytes(data[:limit // 2]), len(data), bytes(data[-limit // 2:]))


class Client:
    """A socket whose every expectation is exact. Messages hold what was sent last."""

    def __init__(self, address, timeout=PATIENCE):
        self.sock = connect(address, timeout)
        self.timeout = timeout
        self.buffer = bytearray()
        self.sent = b''

    def fileno(self):
        return self.sock.fileno()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.sent = data
        self.sock.sendall(data)

    def send_split(self, data, offset, pause=0.0007):
        """Send in two parts, with time for the first to be read by itself."""
        self.sent = data
        self.sock.sendall(data[:offset])
        time.sleep(pause)
        self.sock.sendall(data[offset:])

    def send_bytewise(self, data, pause=0.0002):
        self.sent = data
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1])
            time.sleep(pause)

    def shutdown_write(self):
        self.sock.shutdown(socket.SHUT_WR)

    def fill(self, timeout=None):
        """Receive once into the buffer; False at end of stream, None when nothing came in time."""
        self.sock.settimeout(self.timeout if timeout is None else timeout)
        try:
            data = self.sock.recv(1 << 18)
        except TimeoutError:
            return None
        except ConnectionResetError:
            return False
        self.buffer += data
        return bool(data)

    def _fail(self, expected, got, why):
        raise AssertionError('%s\n  sent     %s\n  expected %s\n  got      %s'
                             % (why, show(self.sent), expected, show(got)))

    def expect(self, data):
        """Receive exactly [data]; fails at the first byte that differs."""
        while True:
            have = bytes(self.buffer[:len(data)])
            if not data.startswith(have):
                self.fill(0.1)
                self._fail(show(data), self.buffer, 'other bytes than expected')
            if len(have) == len(data):
                del self.buffer[:len(data)]
                return
            state = self.fill()
            if state is None:
                self._fail(show(data), self.buffer, 'no more bytes within %.0f s' % self.timeout)
            if state is False:
                self._fail(show(data), self.buffer, 'connection closed')

    def expect_re(self, pattern):
        """Receive what [pattern] (bytes, anchored) matches and return the match."""
        compiled = re.compile(pattern, re.S)
        while True:
            match = compiled.match(bytes(self.buffer))
            if match:
                del self.buffer[:match.end()]
                return match
            if not self.fill():
                self._fail(repr(pattern), self.buffer, 'no match')

    def ask(self, data, answer):
        self.send(data)
        self.expect(answer)

    def line(self):
        """One line with its CRLF."""
        return self.expect_re(rb'[^\n]*\n').group()

    def take(self, count):
        while len(self.buffer) < count:
            if not self.fill():
                self._fail('%d bytes' % count, self.buffer, 'too few bytes')
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def values(self):
        """Read `VALUE…` blocks to END: ([(key, flags, value, cas or None)], last line)."""
        values = []
        while True:
            line = self.line()
            words = line.split()
            if not words or words[0] != b'VALUE':
                return values, line
            size = int(words[3])
            value = self.take(size + 2)
            if value[-2:] != b'\r\n':
                self._fail('CRLF after the value', line + value, 'broken value')
            values.append((words[1], int(words[2]), value[:-2], int(words[4]) if len(words) > 4 else None))

    def expect_sync(self):
        """Nothing is outstanding and nothing more came: `mn` is answered next."""
        self.ask(b'mn\r\n', b'MN\r\n')
        self.expect_nothing(0)

    def expect_nothing(self, seconds=0.15):
        if not self.buffer and seconds:
            self.fill(seconds)
        if self.buffer:
            self._fail('nothing', self.buffer, 'more bytes than expected')

    def expect_close(self):
        """The other side closes, and sends nothing before."""
        while True:
            state = self.fill()
            if self.buffer:
                self._fail('close', self.buffer, 'bytes instead of a close')
            if state is False:
                return
            if state is None:
                self._fail('close', b'', 'not closed within %.0f s' % self.timeout)


# ---- byte cases ----------------------------------------------------------------------------------

class Case:
    """A conversation: steps of (bytes sent, bytes expected) on a fresh connection and empty shards.

    [closes]     the connection is closed after the last answer; otherwise it must be in step.
    [on_1_6_18]  the answers of memcached 1.6.18 where it differs from newer releases.
    [on_memcached] the answers of any memcached where the proxy differs on purpose.
    [split]      also run with every step's bytes split at every offset.
    [memcached_loses] memcached itself loses replies when this is pipelined; the proxy must not.
    """

    def __init__(self, name, *steps, closes=False, on_1_6_18=None, on_memcached=None, split=False,
                 memcached_loses=False):
        self.name = name
        self.steps = steps
        self.closes = closes
        self.split = split
        self.memcached_loses = memcached_loses
        self.on_1_6_18 = on_1_6_18
        self.on_memcached = on_memcached

    def expected_steps(self, version):
        """The steps with what [version] of memcached answers, or the proxy when it is None."""
        answers = None
        if version is not None:
            answers = self.on_memcached
            if version < (1, 6, 27) and self.on_1_6_18 is not None:
                answers = self.on_1_6_18
        if answers is None:
            return list(self.steps)
        assert len(answers) == len(self.steps), self.name
        return [(sent, answer) for (sent, _), answer in zip(self.steps, answers)]


# ---- test cases ----------------------------------------------------------------------------------

def pool_config(name, shards, **options):
    """A memcached pool; [shards] is a dict of shard name to replica address or list of them."""
    config = {
        'name': name, 'protocol': 'memcached',
        'shards': [{'name': shard, 'replicas': where if isinstance(where, list) else [where]}
                   for shard, where in shards.items()],
    }
    config.update(options)
    return config


def proxy_config(pools, listeners=None, **options):
    """A whole configuration with one TCP listener on a free port and an admin port."""
    config = {
        'workers': 2,
        'admin': {'bind': '127.0.0.1:%d' % free_port()},
        'drain': {'timeout': '2s'},
        'pools': pools,
        'listeners': listeners or [{'bind': '127.0.0.1:%d' % free_port(), 'protocol': 'memcached',
                                    'pool': pools[0]['name']}],
    }
    config.update(options)
    return config


class ProcessTestCase(unittest.TestCase):
    """Starts things that are stopped at the end of the test, and shows their logs when it fails."""
    maxDiff = None
    class_things = ()

    @classmethod
    def setUpClass(cls):
        cls.class_things = []
        cls.class_folder = cls.make_folder(cls.addClassCleanup)

    @staticmethod
    def make_folder(add_cleanup):
        folder = tempfile.mkdtemp(prefix='ringway-test-')
        os.chmod(folder, 0o777)
        add_cleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    @classmethod
    def class_memcached(cls, address=None, args=()):
        server = Memcached(cls.class_folder, address, args)
        cls.addClassCleanup(server.stop)
        cls.class_things.append(server)
        return server

    @classmethod
    def class_ringway(cls, config, **options):
        proxy = Ringway(config, cls.class_folder, **options)
        cls.addClassCleanup(proxy.stop)
        cls.class_things.append(proxy)
        return proxy

    def setUp(self):
        self.things = []
        self.folder = self.make_folder(self.addCleanup)

    def memcached(self, address=None, args=()):
        server = Memcached(self.folder, address, args)
        self.addCleanup(server.stop)
        self.things.append(server)
        return server

    def ringway(self, config, **options):
        proxy = Ringway(config, self.folder, **options)
        self.addCleanup(proxy.stop)
        self.things.append(proxy)
        return proxy

    def client(self, address, timeout=PATIENCE):
        """A Client that is closed with the test. [address] may be a Ringway."""
        client = Client(address.address() if isinstance(address, Ringway) else address, timeout)
        self.addCleanup(client.close)
        return client

    def run(self, result=None):
        result = result if result is not None else self.defaultTestResult()
        before = len(result.failures) + len(result.errors)
        began = time.monotonic()
        super().run(result)
        if 'RINGWAY_TEST_TIMES' in os.environ:
            print('%6.2f s %s' % (time.monotonic() - began, self.id()), file=sys.stderr)
        if len(result.failures) + len(result.errors) > before:
            for thing in list(self.class_things) + getattr(self, 'things', []):
                tail = thing.process.log_tail()
                if isinstance(thing, Ringway) or not thing.process.alive():
                    print(tail, file=sys.stderr, flush=True)
        return result


class ByteTestCase(ProcessTestCase):
    """Byte tests: four real shards behind the proxy, or one memcached with TARGET=memcached."""
    pool_options = {'flush_all': True}
    options = {}
    version = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if TARGET == 'memcached':
            cls.version = memcached_version()
            cls.shards = [cls.class_memcached()]
            cls.proxy = None
            cls.target = ('127.0.0.1', cls.shards[0].address)
            return
        unix = os.path.join(cls.class_folder, 'shard.sock')
        cls.shards = [cls.class_memcached(), cls.class_memcached(), cls.class_memcached(),
                      cls.class_memcached(unix)]
        cls.proxy = cls.class_ringway(cls.make_config())
        cls.proxy.wait_ready()
        cls.target = cls.proxy.address()

    @classmethod
    def make_config(cls):
        shards = {'s%d' % i: shard.target() for i, shard in enumerate(cls.shards)}
        return proxy_config([pool_config('main', shards, **cls.pool_options)], **cls.options)

    def flush(self):
        for shard in self.shards:
            shard.flush()

    def open(self):
        return self.client(self.target)

    def setUp(self):
        super().setUp()
        self.flush()

    def proxy_only(self):
        if self.proxy is None:
            self.skipTest('about the proxy')

    def converse(self, case, send=None):
        self.flush()
        with Client(self.target) as client:
            for sent, answer in case.expected_steps(self.version):
                if send is None:
                    client.send(sent)
                else:
                    send(client, sent)
                self.expect(client, answer)
            self.finish(case, client)

    def converse_pipelined(self, case):
        """All steps in one send, all answers after one another."""
        self.flush()
        with Client(self.target) as client:
            steps = case.expected_steps(self.version)
            client.send(b''.join(sent for sent, _ in steps))
            for _, answer in steps:
                self.expect(client, answer)
            self.finish(case, client)

    @staticmethod
    def expect(client, answer):
        if isinstance(answer, bytes):
            client.expect(answer)
        else:
            client.expect_re(answer.pattern)

    @staticmethod
    def finish(case, client):
        if case.closes:
            client.expect_close()
        else:
            client.expect_sync()

    def run_cases(self, cases):
        """Each case step by step, pipelined, and where asked for split at every offset."""
        for case in cases:
            with self.subTest(case.name):
                self.converse(case)
            if self.version is None or not case.memcached_loses:
                with self.subTest(case.name + ', pipelined'):
                    self.converse_pipelined(case)
            if not case.split:
                continue
            with self.subTest(case.name + ', byte by byte'):
                self.converse(case, lambda client, sent: client.send_bytewise(sent))
            longest = max(len(sent) for sent, _ in case.steps)
            for offset in range(1, longest):
                with self.subTest(case.name + ', split at %d' % offset):
                    self.converse(case, lambda client, sent: client.send_split(
                        sent, min(offset, len(sent))))


def main():
    if TARGET != 'memcached' and not os.access(RINGWAY, os.X_OK):
        print('no %s: build it first' % RINGWAY, file=sys.stderr)
        sys.exit(1)
    unittest.main()
