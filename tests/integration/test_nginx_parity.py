"""The preset `nginx` against the running nginx: `hash KEY consistent` of its upstream module.

One nginx is both sides: a listener a setup that balances, and a listener a server that answers with
its own name. Every answer says which server the request reached, and the library must name the same
one for each key. Requests are pipelined over a few connections.
"""
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import unittest
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt

NGINX = shutil.which('nginx') or '/usr/sbin/nginx'
ROUTE = os.path.join(rt.BUILD_DIR, 'tests', 'support', 'hashring_route')
N_KEYS = 10000
BATCH = 100
POINTS = 160
# What nginx takes in a request target, but for a per cent sign in front of two hexadecimal digits.
TARGET_BYTES = bytes(set(range(0x21, 0x7f)) - set(b'%#./')) + bytes(range(0x80, 0x100))


class Server:
    """One address: what the `server` line says, and what listens there."""

    def __init__(self, name, listen=None, weight=1, down=False):
        self.name = name
        self.down = down
        self.listen = listen or name
        self.weight = weight

    def line(self):
        """The line of the upstream block. A server that fails once must not be left out."""
        return 'server %s weight=%d max_fails=0%s;' % (self.name, self.weight,
                                                       ' down' if self.down else '')

    def shard(self):
        return '%s%d:%s' % ('!' if self.down else '', self.weight, self.name)


class Setup:
    """An upstream block and the keys to send through it."""

    def __init__(self, name, servers, variable='$request_uri', keys=None):
        self.name = name
        self.servers = servers
        self.variable = variable
        self.keys = keys or make_targets(name, N_KEYS)
        self.port = rt.free_port()

    def config(self):
        return '''
    upstream %s {
        hash %s consistent;
        %s
        keepalive 16;
    }
    server {
        listen 127.0.0.1:%d;
        location / { proxy_pass http://%s; }
    }''' % (self.name, self.variable, '\n        '.join(s.line() for s in self.servers), self.port,
            self.name)

    def request(self, key):
        if self.variable == '$request_uri':
            return b'GET %s HTTP/1.1\r\nHost: test\r\n\r\n' % key
        return b'GET / HTTP/1.1\r\nHost: test\r\nX-Key: %s\r\n\r\n' % key

    def routes(self):
        """The name of the server of each key, by the library."""
        argv = [ROUTE, 'nginx', 'crc32', '-'] + [server.shard() for server in self.servers]
        out = subprocess.run(argv, input=b''.join(key + b'\n' for key in self.keys),
                             stdout=subprocess.PIPE, check=True, timeout=rt.PATIENCE).stdout
        return [self.servers[int(line)].name for line in out.split()]


def random_text(rng, alphabet, longest):
    return bytes(rng.choice(alphabet) for _ in range(rng.randrange(1, longest)))


def make_targets(name, count):
    """Request targets, unlike in every setup: in sequence, short, of any bytes, long, with a query."""
    rng = random.Random(name)
    found = set()
    while len(found) < count:
        kind = len(found) % 5
        if kind == 0:
            found.add(b'/users/%d' % len(found))
        elif kind == 1:
            found.add(b'/%d?page=%d&q=%s' % (rng.randrange(1000), rng.randrange(100),
                                              random_text(rng, TARGET_BYTES, 20)))
        elif kind == 2:
            found.add(b'/' + random_text(rng, TARGET_BYTES, 90))
        elif kind == 3:
            found.add(b'/%%%02X/%%%02x/%d' % (rng.randrange(0x20, 0x7f), rng.randrange(0x80, 0x100),
                                             len(found)))
        else:
            long = 4000 if len(found) % 500 == 4 else 200
            found.add(b'/a/' + random_text(rng, TARGET_BYTES, long))
    return sorted(found)


def make_values(name, count):
    """Values of a header line: any bytes but controls, without spaces at the ends."""
    rng = random.Random(name)
    alphabet = bytes(range(0x20, 0x7f)) + bytes(range(0x80, 0x100))
    found = set()
    while len(found) < count:
        value = random_text(rng, alphabet, 60).strip(b' ')
        if value:
            found.add(value)
    return sorted(found)


def points_of(host, port):
    base = zlib.crc32(b'%s\0%d' % (host.encode(), port))
    value = 0
    for _ in range(POINTS):
        value = zlib.crc32(value.to_bytes(4, 'little'), base)
        yield value


def addresses_with_free_port_80(count):
    """Loopback addresses for servers without a port, or none where port 80 may not be taken."""
    found = []
    for last in range(1, 250):
        with socket.socket() as probe:
            try:
                probe.bind(('127.2.0.%d' % last, 80))
            except PermissionError:
                return []
            except OSError:
                continue
        found.append('127.2.0.%d' % last)
        if len(found) == count:
            return found
    return []


def find_tied_hosts(port):
    """Two loopback addresses that have a point on the same value, and that value."""
    owners = {}
    for third in range(250):
        for last in range(1, 250):
            host = '127.1.%d.%d' % (third, last)
            for value in points_of(host, port):
                other = owners.setdefault(value, host)
                if other != host:
                    return other, host, value
    raise AssertionError('no tie found')


def keys_of_point(owned, value, count):
    """Keys whose hash is at most [value] and above every other value of [owned]."""
    below = max((other for other in owned if other < value), default=0)
    number = 0
    keys = []
    while len(keys) < count:
        key = b'/tie/%d' % number
        if below < zlib.crc32(key) <= value:
            keys.append(key)
        number += 1
    return keys


class NginxParity(rt.ProcessTestCase):
    n_compared = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for program in (NGINX, ROUTE):
            if not os.access(program, os.X_OK):
                raise AssertionError('no %s: install or build it first' % program)
        cls.names = {}
        cls.setups = {setup.name: setup for setup in cls.make_setups()}
        cls.start_nginx()

    @classmethod
    def tearDownClass(cls):
        print('%d keys compared with nginx' % cls.n_compared, file=sys.stderr)

    @classmethod
    def make_setups(cls):
        ports = [rt.free_port() for _ in range(40)]
        plain = [Server('127.0.0.1:%d' % port) for port in ports]
        for count in (1, 2, 4, 10, 40):
            yield Setup('plain%d' % count, plain[:count])
        yield Setup('reversed', plain[9::-1])
        yield Setup('weights', [Server(server.name, weight=weight) for server, weight in
                                zip(plain, (1, 2, 3, 5, 100, 1, 40))])
        yield Setup('down', [Server(server.name, weight=1 + i % 3, down=i % 3 == 1)
                             for i, server in enumerate(plain[:12])])
        sockets = [Server('unix:%s/s%d.sock' % (cls.class_folder, i)) for i in range(4)]
        sockets.append(Server('UNIX:%s/s4:80' % cls.class_folder, 'unix:%s/s4:80' % cls.class_folder))
        yield Setup('sockets', sockets + [Server(plain[0].name, weight=2)])
        hosts = [Server('localhost:%d' % port, '127.0.0.1:%d' % port) for port in ports[:5]]
        yield Setup('hosts', hosts + [Server('%s:%d' % (host, port), '127.0.0.1:%d' % port)
                                      for host, port in zip(('LOCALHOST', '127.1'), ports[5:])])
        portless = [Server(host, '%s:80' % host) for host in addresses_with_free_port_80(3)]
        if portless:
            yield Setup('portless', portless + plain[:2])
        yield Setup('header', plain[:7], '$http_x_key', make_values('header', N_KEYS))
        yield from cls.make_tied_setups()

    @classmethod
    def make_tied_setups(cls):
        port = rt.free_port()
        one, other, value = find_tied_hosts(port)
        owned = list(points_of(one, port)) + list(points_of(other, port))
        keys = make_targets('tie', 1000) + keys_of_point(owned, value, 20)
        tied = [Server('%s:%d' % (host, port)) for host in (one, other)]
        yield Setup('tie_forwards', tied, keys=keys)
        yield Setup('tie_backwards', tied[::-1], keys=keys)

    @classmethod
    def listeners(cls):
        """One a different place: every server answers with the address it listens on."""
        places = {server.listen for setup in cls.setups.values() for server in setup.servers}
        return '\n'.join('    server { listen %s; return 200 "%s"; }' % (place, place)
                         for place in sorted(places))

    @classmethod
    def config(cls):
        return '''
daemon off;
master_process off;
pid nginx.pid;
error_log nginx.err warn;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 1000000;
    merge_slashes off;
    large_client_header_buffers 4 16k;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
%s
%s
}
''' % ('\n'.join(setup.config() for setup in cls.setups.values()), cls.listeners())

    @classmethod
    def start_nginx(cls):
        config = os.path.join(cls.class_folder, 'nginx.conf')
        with open(config, 'w', encoding='ascii') as file:
            file.write(cls.config())
        process = rt.Process('nginx', [NGINX, '-p', cls.class_folder, '-c', config, '-e',
                                       os.path.join(cls.class_folder, 'nginx.err')],
                             cls.class_folder)
        cls.addClassCleanup(process.stop, signal.SIGTERM)
        cls.class_things.append(type('Nginx', (), {'process': process}))
        for setup in cls.setups.values():
            rt.wait_until(lambda: rt.can_connect(setup.port) or not process.alive(),
                          'nginx listens on %d' % setup.port)
        if not process.alive():
            raise AssertionError('nginx did not start:\n' + process.log_tail())

    def answers(self, setup, port=None):
        """The body of the answer to each key."""
        found = []
        with rt.connect(port or setup.port) as sock, sock.makefile('rb') as stream:
            for start in range(0, len(setup.keys), BATCH):
                batch = setup.keys[start:start + BATCH]
                sock.sendall(b''.join(setup.request(key) for key in batch))
                for key in batch:
                    found.append(self.read_answer(stream, key))
        return found

    def read_answer(self, stream, key):
        self.assertEqual(stream.readline(), b'HTTP/1.1 200 OK\r\n', key)
        length = 0
        for line in iter(stream.readline, b'\r\n'):
            self.assertTrue(line, 'nginx closed')
            if line.lower().startswith(b'content-length:'):
                length = int(line.split(b':')[1])
        return stream.read(length).decode()

    def compare(self, name):
        """Returns where each key went."""
        setup = self.setups[name]
        listens = {server.name: server.listen for server in setup.servers}
        theirs = self.answers(setup)
        ours = [listens[server] for server in setup.routes()]
        different = [(key, a, b) for key, a, b in zip(setup.keys, theirs, ours) if a != b]
        self.assertEqual(different[:5], [], '%d of %d keys differ (key, nginx, ours)'
                         % (len(different), len(setup.keys)))
        self.assertEqual(len(ours), len(setup.keys))
        up = {server.listen for server in setup.servers if not server.down}
        self.assertEqual(set(theirs), up, 'a server got nothing')
        type(self).n_compared += len(setup.keys)
        return theirs

    def test_numbers_of_servers(self):
        for count in (1, 2, 4, 10, 40):
            with self.subTest(count):
                self.compare('plain%d' % count)

    def test_the_running_proxy(self):
        """Ringway beside nginx, in front of the same servers: each target reaches the same one."""
        setup = Setup('plain10', self.setups['plain10'].servers)
        setup.port = self.setups['plain10'].port
        setup.keys = [key for key in make_targets('proxy', 3 * N_KEYS) if key.isascii()]
        self.assertGreaterEqual(len(setup.keys), N_KEYS)
        proxy = rt.Ringway({
            'workers': 1, 'admin': {'bind': '127.0.0.1:%d' % rt.free_port()},
            'pools': [{'name': 'web', 'protocol': 'http', 'ring': {'compatible_with': 'nginx'},
                       'shards': [{'name': server.name} for server in setup.servers]}],
            'listeners': [{'bind': '127.0.0.1:%d' % rt.free_port(), 'protocol': 'http',
                           'pool': 'web'}]}, self.class_folder)
        self.addCleanup(proxy.stop)
        ours = self.answers(setup, int(proxy.config['listeners'][0]['bind'].rpartition(':')[2]))
        theirs = self.answers(setup)
        different = [(key, a, b) for key, a, b in zip(setup.keys, theirs, ours) if a != b]
        self.assertEqual(different[:5], [], '%d of %d targets' % (len(different), len(setup.keys)))
        type(self).n_compared += len(setup.keys)

    def test_order_does_not_matter_without_ties(self):
        self.compare('reversed')

    def test_weights(self):
        self.compare('weights')

    def test_next_server_when_some_are_down(self):
        # A third of the ring: nginx gives up the ring after twenty points of servers that are down.
        self.compare('down')

    def test_unix_sockets(self):
        self.compare('sockets')

    def test_host_names(self):
        self.compare('hosts')

    def test_servers_without_port(self):
        if 'portless' not in self.setups:
            self.skipTest('port 80 cannot be taken')
        self.compare('portless')

    def test_keys_of_any_bytes(self):
        self.compare('header')

    def test_tied_points(self):
        # The first server in the list has the point.
        forwards = self.compare('tie_forwards')
        backwards = self.compare('tie_backwards')
        self.assertGreaterEqual(sum(a != b for a, b in zip(forwards, backwards)), 20)
        self.assertEqual(set(forwards[-20:]), {self.setups['tie_forwards'].servers[0].name})


if __name__ == '__main__':
    unittest.main()
