"""Where ringway-bench takes keys from: files, a real memcached, access logs of a real Ringway; and
that any number of them needs the same memory."""
import os
import random
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))

import ringway_testing
from bench_testing import BENCH, PATIENCE, answer, run
from ringway_testing import Client, Memcached, Ringway, free_port, wait_until

N_SHARDS = 5


def loads(*args, stdin=None):
    """{shard: load} of the default algorithm."""
    document = answer('balance', '--shards', N_SHARDS, '--busiest', N_SHARDS, '--algorithms',
                      'xxring', *args, stdin=stdin)
    return {row['shard']: row['load'] for row in document['busiest']}


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o777)

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as file:
            file.write(data)
        return path


class KeyFiles(Folder):
    def test_made_up_keys_are_what_they_say(self):
        path = self.write('keys', b''.join(b'key:%d\n' % i for i in range(3000)))
        self.assertEqual(loads('--key-file', path), loads('--keys', 3000))

    def test_line_ends_and_empty_lines(self):
        plain = loads('--key-file', self.write('a', b'one\ntwo\nthree four\n\xff\n'))
        self.assertEqual(sum(plain.values()), 4)
        self.assertEqual(plain, loads('--key-file',
                                      self.write('b', b'\r\none\r\n\n\ntwo\nthree four\r\n\xff')))

    def test_standard_input(self):
        keys = b''.join(b'user:%d\n' % i for i in range(2500))
        self.assertEqual(loads('--key-file', '-', stdin=keys),
                         loads('--key-file', self.write('keys', keys)))

    def test_lines_across_blocks(self):
        random.seed(7)
        keys = [b'%d:' % i + b'x' * random.randrange(3000) for i in range(3000)]
        lengths = self.write('keys', b'\n'.join(keys))
        self.assertEqual(sum(loads('--key-file', lengths).values()), len(keys))
        self.assertEqual(sum(loads('--key-file', lengths, '--keys', 1500).values()), 1500)

    def test_a_line_without_end(self):
        result = run('balance', '--key-file', self.write('long', b'x' * (3 << 20)))
        self.assertEqual(result.returncode, 2)
        self.assertIn('a line is longer', result.stderr)


class Servers(Folder):
    ODD = [b'%', b'%41', b'a%zz', b'100%', b'\xc3\xbc', b'\xff\x80', b'a+b', b'"', b'\\', b'k=v',
           b'key=x', b'END', b'a&b?c', b'x' * 250]

    def start(self, keys):
        server = Memcached(self.folder, args=['-m', '512'])
        self.addCleanup(server.stop)
        with Client(server.address) as client:
            for i in range(0, len(keys), 500):
                client.send(b''.join(b'set %s 0 0 1 noreply\r\nv\r\n' % key
                                     for key in keys[i:i + 500]))
            client.send(b'version\r\n')
            client.fill()
        return server

    def test_the_keys_that_a_memcached_holds(self):
        keys = self.ODD + [b'user:%d' % i for i in range(20000)]
        server = self.start(keys)
        path = self.write('keys', b'\n'.join(keys))
        self.assertEqual(loads('--memcached', server.target()), loads('--key-file', path))

    def test_some_of_them(self):
        server = self.start([b'user:%d' % i for i in range(3000)])
        self.assertEqual(sum(loads('--memcached', server.target(), '--keys', 1000).values()), 1000)

    def test_by_name(self):
        server = self.start([b'a', b'b'])
        self.assertEqual(sum(loads('--memcached', 'localhost:%d' % server.address).values()), 2)

    def test_an_empty_server(self):
        result = run('balance', '--memcached', self.start([]).target())
        self.assertEqual(result.returncode, 2)
        self.assertIn('has no keys', result.stderr)

    def test_a_unix_socket(self):
        server = Memcached(self.folder, address=os.path.join(self.folder, 'socket'))
        self.addCleanup(server.stop)
        server.direct().ask(b'set a 0 0 1\r\nv\r\n', b'STORED\r\n')
        self.assertEqual(sum(loads('--memcached', server.target()).values()), 1)

    def test_what_a_server_has_against_it(self):
        server = Memcached(self.folder, args=['-o', 'no_lru_crawler'])
        self.addCleanup(server.stop)
        result = run('balance', '--memcached', server.target())
        self.assertEqual(result.returncode, 2)
        self.assertIn(server.target(), result.stderr)

    def test_no_server_or_no_address(self):
        result = run('balance', '--memcached', '127.0.0.1:%d' % free_port())
        self.assertEqual(result.returncode, 2)
        self.assertIn('refused', result.stderr)
        result = run('balance', '--memcached', 'nothing.invalid:11211')
        self.assertEqual(result.returncode, 2)
        for address in ('127.0.0.1', 'x', ''):
            result = run('balance', '--memcached', address)
            self.assertEqual((result.returncode, result.stdout), (1, ''))
            self.assertIn('accepted: host:port', result.stderr)


class AccessLogs(Folder):
    """The load that is counted from a log is what the proxy put on its shards, as the log says."""

    def check(self, log_format, pattern):
        shards = []
        for i in range(N_SHARDS):
            server = Memcached(self.folder)
            self.addCleanup(server.stop)
            shards.append({'name': 'shard-%05d' % i, 'replicas': [server.target()]})
        log = os.path.join(self.folder, 'access.log')
        proxy = Ringway({
            'admin': {'bind': '127.0.0.1:%d' % free_port()},
            'log': {'format': log_format, 'access': 'all', 'file': log},
            'pools': [{'name': 'main', 'shards': shards}, {'name': 'other', 'shards': shards[:1]}],
            'listeners': [{'bind': '127.0.0.1:%d' % free_port(), 'pool': 'main',
                           'routes': [{'prefix': 'other:', 'pool': 'other'}]}]}, self.folder)
        self.addCleanup(proxy.stop)
        keys = [b'user:%d' % (i % 40) for i in range(300)] + [b'"quoted"', b'\\', b'\xff\xfe', b'key=x']
        with proxy.connect() as client:
            for key in keys + [b'other:%d' % i for i in range(50)]:
                client.ask(b'get %s\r\n' % key, b'END\r\n')

        def logged():
            with open(log, 'rb') as file:
                lines = file.read().splitlines()
            return lines if sum(b'"other:' in line for line in lines) == 50 else None

        lines = wait_until(logged, 'all requests are in the log')
        counted = loads('--access-log', log, '--log-pool', 'main')
        for shard, load in counted.items():
            self.assertEqual(load, sum(pattern % shard.encode() in line and b'"other:' not in line
                                       for line in lines), shard)
        self.assertEqual(sum(counted.values()), len(keys))
        self.assertEqual(sum(loads('--access-log', log).values()), len(keys) + 50)

    def test_text(self):
        self.check('text', b' shard=%s ')

    def test_json(self):
        self.check('json', b'"shard":"%s"')

    def test_what_other_programs_make_of_json(self):
        path = self.write('log', b'{"key": "user:1", "pool": "a"}\n'
                                 b'{ "pool": "a", "key": "a\\u0022\\\\b" }\n'
                                 b'{"level":"info","message":"no key"}\nkey\n{}\n{"key":""}\n')
        expected = loads('--key-file', self.write('keys', b'user:1\na"\\b\n'))
        self.assertEqual(loads('--access-log', path, '--log-pool', 'a'), expected)
        self.assertEqual(loads('--access-log', path), expected)

    def test_a_log_without_keys(self):
        result = run('balance', '--access-log', self.write('log', b'nothing\n' * 5000))
        self.assertEqual(result.returncode, 2)
        self.assertIn('has no keys', result.stderr)


class Memory(unittest.TestCase):
    @unittest.skipIf(ringway_testing.is_sanitized(), 'sanitizers need memory of their own')
    def test_five_million_keys_need_no_more_than_a_tenth(self):
        """The peak is read while the program waits for the end of its input."""
        peaks = [self.peak_kib(n) for n in (500000, 5000000)]
        self.assertLess(peaks[1], peaks[0] + 512, 'KiB with 5 million keys, and with half a million')

    def peak_kib(self, n):
        with subprocess.Popen([BENCH, 'remap', '--shards', '20', '--add', '1', '--replicas', '2',
                               '--algorithms', 'xxring,jump', '--key-file', '-'],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            try:
                for start in range(0, n, 5000):
                    process.stdin.write(b''.join(b'key:%d\n' % i for i in range(start, start + 5000)))
                process.stdin.flush()
                with open('/proc/%d/status' % process.pid, encoding='ascii') as status:
                    peak = [line for line in status if line.startswith('VmHWM')][0]
                out, _ = process.communicate(timeout=PATIENCE)
            except BaseException:
                process.kill()
                raise
        self.assertEqual(process.returncode, 0)
        self.assertIn(b'counted %d\n' % n, out)
        return int(peak.split()[1])


if __name__ == '__main__':
    unittest.main()
