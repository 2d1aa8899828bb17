"""The preset `twemproxy` against the running nutcracker.

Keys are written through nutcracker into real memcached servers; then every server is asked directly
which of the keys it has, and the library must name the same server for each. One nutcracker serves
all the cases, a pool each.
"""
import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt

NUTCRACKER = '/usr/sbin/nutcracker'
ROUTE = os.path.join(rt.BUILD_DIR, 'tests', 'support', 'hashring_route')
BATCH = 200
# All that nutcracker 0.5 knows.
HASHES = ['fnv1a_64', 'fnv1_64', 'fnv1a_32', 'fnv1_32', 'md5', 'crc16', 'crc32', 'crc32a',
          'one_at_a_time', 'murmur', 'jenkins', 'hsieh']


class Server:
    """A memcached at an address of its own: (host, port), or the path of a Unix socket."""

    def __init__(self, folder, address):
        self.address = address
        where = (['-s', address, '-a', '0777'] if isinstance(address, str)
                 else ['-l', address[0], '-p', str(address[1])])
        self.process = rt.Process('memcached', [rt.MEMCACHED, '-U', '0', '-t', '1'] + where, folder,
                                  as_nobody=True)

    def where(self):
        return self.address if isinstance(self.address, str) else '%s:%d' % self.address

    def wait(self):
        rt.wait_until(lambda: rt.can_connect(self.address), 'memcached at %s' % self.where())

    def stop(self):
        self.process.stop(signal.SIGKILL)


class Member:
    """A line of `servers:` and what it is in Ringway."""

    def __init__(self, server, weight=1, name=None):
        self.server = server
        self.weight = weight
        self.name = name

    def line(self):
        return '%s:%d%s' % (self.server.where(), self.weight, ' ' + self.name if self.name else '')

    def shard(self):
        return b'%d:%s' % (self.weight, (self.name or self.server.where()).encode())


class Pool:
    """One case: a pool of nutcracker, and the keys to write through it."""

    def __init__(self, name, members, hash='fnv1a_64', tag=None, keys=None, n_keys=1000):
        self.name = name
        self.members = members
        self.hash = hash
        self.tag = tag
        self.port = rt.free_port()
        self.keys = keys or make_keys(name, n_keys)

    def config(self):
        lines = ['%s:' % self.name, '  listen: 127.0.0.1:%d' % self.port, '  hash: %s' % self.hash,
                 '  distribution: ketama', '  timeout: 10000', '  auto_eject_hosts: false']
        if self.tag:
            lines.append('  hash_tag: "%s"' % self.tag)
        return '\n'.join(lines + ['  servers:'] + ['   - ' + m.line() for m in self.members]) + '\n'

    def routes(self, preset='twemproxy'):
        """Index of the member for each key, by the library."""
        argv = [ROUTE, preset, self.hash, self.tag or '-'] + [m.shard() for m in self.members]
        out = subprocess.run(argv, input=b''.join(key + b'\n' for key in self.keys),
                             stdout=subprocess.PIPE, check=True, timeout=rt.PATIENCE).stdout
        return [int(line) for line in out.split()]


def make_keys(name, count):
    """Unlike in every pool: some in sequence, some of random letters, some of bytes up to 0xff."""
    rng = random.Random(name)
    keys = set()
    while len(keys) < count:
        kind = len(keys) % 3
        if kind == 0:
            tail = b'%d' % len(keys)
        elif kind == 1:
            tail = bytes(rng.randrange(0x21, 0x7f) for _ in range(rng.randrange(1, 90)))
        else:
            tail = bytes(rng.randrange(0x80, 0x100) for _ in range(rng.randrange(1, 40)))
        keys.add(name.encode() + b'/' + tail)
    return sorted(keys)


def make_tagged_keys(name, tag, count):
    """Keys in which the two bytes of the tag stand anywhere, in any order, any number of times."""
    rng = random.Random(name)
    keys = set()
    while len(keys) < count:
        pieces = [rng.choice([tag[0], tag[1], 'user%d' % rng.randrange(40), 'x']) for _ in range(6)]
        keys.add(('%s/%s' % (name, ''.join(pieces))).encode())
    return sorted(keys)


def find_tied_names():
    """Two server names of which each has a point at the same value.

    Sorted by length and sorted by bytes, another one of them is the first.
    """
    owners = {}
    for i in range(100000):
        name = 'tie%d' % i
        for part in range(40):
            digest = hashlib.md5(b'%s-%d' % (name.encode(), part)).digest()
            for word in range(0, 16, 4):
                other = owners.setdefault(digest[word:word + 4], name)
                if len(other) < len(name) and other > name:
                    return other, name
    raise AssertionError('no tie found')


def free_default_ports(count):
    """Loopback addresses on which port 11211 is free."""
    found = []
    for last in range(2, 250):
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.%d' % last, 11211))
            except OSError:
                continue
        found.append('127.0.0.%d' % last)
        if len(found) == count:
            return found
    raise AssertionError('port 11211 is taken on every loopback address')


class NutcrackerParity(rt.ProcessTestCase):
    n_compared = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for program in (NUTCRACKER, ROUTE):
            if not os.access(program, os.X_OK):
                raise AssertionError('no %s: install or build it first' % program)
        cls.servers = [cls.server(('127.0.0.1', rt.free_port())) for _ in range(25)]
        cls.default_ports = [cls.server((host, 11211)) for host in free_default_ports(2)]
        cls.sockets = [cls.server(os.path.join(cls.class_folder, 's%d.sock' % i)) for i in range(3)]
        cls.pools = {pool.name: pool for pool in cls.make_pools()}
        cls.start_nutcracker()
        for server in cls.servers + cls.default_ports + cls.sockets:
            server.wait()

    @classmethod
    def tearDownClass(cls):
        print('%d keys compared with nutcracker' % cls.n_compared, file=sys.stderr)

    @classmethod
    def server(cls, address):
        server = Server(cls.class_folder, address)
        cls.addClassCleanup(server.stop)
        cls.class_things.append(server)
        return server

    @classmethod
    def start_nutcracker(cls):
        config = os.path.join(cls.class_folder, 'nutcracker.yml')
        with open(config, 'w', encoding='ascii') as file:
            file.write('\n'.join(pool.config() for pool in cls.pools.values()))
        process = rt.Process('nutcracker', [
            NUTCRACKER, '-c', config, '-a', '127.0.0.1', '-s', str(rt.free_port()),
            '-p', os.path.join(cls.class_folder, 'nutcracker.pid')], cls.class_folder)
        cls.addClassCleanup(process.stop, signal.SIGKILL)
        for pool in cls.pools.values():
            rt.wait_until(lambda: rt.can_connect(pool.port) or not process.alive(),
                          'nutcracker listens on %d' % pool.port)
        if not process.alive():
            raise AssertionError('nutcracker did not start:\n' + process.log_tail())

    @classmethod
    def make_pools(cls):
        some = [Member(server) for server in cls.servers[:7]]
        for name in HASHES:
            yield Pool('hash-' + name, some, name)
        yield Pool('one', [Member(cls.servers[0])], n_keys=200)
        yield Pool('two', [Member(server) for server in cls.servers[:2]])
        yield Pool('156points', [Member(server) for server in cls.servers], 'murmur', n_keys=3000)
        yield Pool('weights', [Member(server, weight) for server, weight in
                               zip(cls.servers, (1, 2, 3, 10, 100, 1000, 7, 1))], n_keys=2000)
        yield Pool('names', [Member(server, 1 + i % 3, 'cache-%d' % i)
                             for i, server in enumerate(cls.servers[:9])], n_keys=2000)
        yield Pool('default-port', [Member(server) for server in
                                    cls.default_ports + cls.servers[:2]], n_keys=2000)
        yield Pool('sockets', [Member(server) for server in cls.sockets + cls.servers[:1]], 'md5')
        for label, tag in (('braces', '{}'), ('dollars', '$$')):
            name = 'tag-' + label
            yield Pool(name, some, 'one_at_a_time', tag, make_tagged_keys(name, tag, 1500))
        ties = [Member(server, 1, name) for server, name in zip(cls.servers, find_tied_names())]
        tie_keys = make_keys('tie', 4000)
        yield Pool('tie-forwards', ties, 'murmur', keys=tie_keys)
        yield Pool('tie-backwards', ties[::-1], 'murmur', keys=tie_keys)

    def store(self, pool):
        with rt.connect(pool.port) as sock:
            for start in range(0, len(pool.keys), BATCH):
                batch = pool.keys[start:start + BATCH]
                sock.sendall(b''.join(b'set %s 0 0 1\r\nx\r\n' % key for key in batch))
                wanted = b'STORED\r\n' * len(batch)
                answer = b''
                while len(answer) < len(wanted):
                    piece = sock.recv(65536)
                    self.assertTrue(piece, 'nutcracker closed after %r' % answer[-100:])
                    answer += piece
                self.assertEqual(answer, wanted)

    def keys_of(self, server, keys):
        """Those of [keys] that [server] has; they are deleted from it."""
        found = set()
        with rt.connect(server.address) as sock, sock.makefile('rb') as lines:
            for start in range(0, len(keys), BATCH):
                sock.sendall(b'get %s\r\n' % b' '.join(keys[start:start + BATCH]))
                for line in iter(lines.readline, b'END\r\n'):
                    self.assertTrue(line.startswith(b'VALUE '), line)
                    found.add(line.split(b' ')[1])
                    self.assertEqual(lines.readline(), b'x\r\n')
            sock.sendall(b'flush_all\r\n')
            self.assertEqual(lines.readline(), b'OK\r\n')
        return found

    def compare(self, name):
        """Returns the name of the server of each key."""
        pool = self.pools[name]
        self.store(pool)
        homes = {}
        for index, member in enumerate(pool.members):
            for key in self.keys_of(member.server, pool.keys):
                self.assertNotIn(key, homes)
                homes[key] = index
        theirs = [homes[key] for key in pool.keys]
        ours = pool.routes()
        different = [(key, a, b) for key, a, b in zip(pool.keys, theirs, ours) if a != b]
        self.assertEqual(different[:5], [], '%d of %d keys differ (key, nutcracker, ours)'
                         % (len(different), len(pool.keys)))
        self.assertEqual(len(ours), len(pool.keys))
        type(self).n_compared += len(pool.keys)
        return [pool.members[index].server for index in theirs]

    def test_hashes(self):
        for name in HASHES:
            with self.subTest(name):
                self.compare('hash-' + name)

    def test_one_server(self):
        self.compare('one')

    def test_two_servers(self):
        self.compare('two')

    def test_25_servers_of_156_points(self):
        self.compare('156points')

    def test_weights(self):
        self.compare('weights')

    def test_server_names(self):
        self.compare('names')

    def test_default_port_is_not_hashed(self):
        self.compare('default-port')

    def test_unix_sockets(self):
        self.compare('sockets')

    def test_hash_tags(self):
        for label in ('braces', 'dollars'):
            with self.subTest(label):
                self.compare('tag-' + label)

    def test_tied_points(self):
        # nutcracker sorts its servers by name, shorter first, so their order does not matter.
        pools = [self.pools['tie-forwards'], self.pools['tie-backwards']]
        homes = [self.compare(pool.name) for pool in pools]
        self.assertTrue(homes[0] == homes[1])
        by_order = [[pool.members[i].server for i in pool.routes('libmemcached-weighted')]
                    for pool in pools]
        self.assertFalse(by_order[0] == by_order[1], 'no key fell to the tied point')


if __name__ == '__main__':
    unittest.main()
