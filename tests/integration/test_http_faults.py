"""Faults that meet each other: timers that end one attempt and begin another, bytes that nobody asked
for, peers that end while bytes are under way, descriptors that run out.
"""
import os
import resource
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
from fake_http_shard import response
from http_testing import request

NEVER_EJECT = {'eject_after': 0}


class FaultTestCase(http.HttpTestCase):
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

    def freeze(self, proxy):
        proxy.process.kill(signal.SIGSTOP)
        rt.wait_until(lambda: self.is_stopped(proxy.process.pid), 'the proxy stops', interval=0.001)

    @staticmethod
    def is_stopped(pid):
        states = []
        for task in os.listdir('/proc/%d/task' % pid):
            with open('/proc/%d/task/%s/stat' % (pid, task), encoding='ascii', errors='replace') as stat:
                states.append(stat.read().rsplit(')', 1)[1].split()[0])
        return set(states) == {'T'}


class SecondAttemptTest(FaultTestCase):
    def test_it_has_a_deadline_of_its_own(self):
        """The first attempt is ended by the timer; the second one, at a shard that stands before it
        in the file, is ended in time too."""
        proxy = self.start({'x': self.black_hole(), 'y': self.black_hole()},
                           pool_options={'timeouts': {'connect': '300ms'}, 'on_shard_down': 'next',
                                         'health': {'eject_after': 0, 'retry_after': '30s'}})
        for i in range(6):
            with http.Stopwatch() as watch:
                self.check_own_answer(self.get('/%d' % i, proxy=proxy), (502, 503, 504))
            self.assertLess(watch.seconds, 5)


class TotalTimeTest(FaultTestCase):
    def test_it_runs_while_a_connection_is_opened(self):
        """timeouts.request is the whole exchange's, its connection's opening too."""
        proxy = self.start({'x': self.black_hole()},
                           pool_options={'timeouts': {'connect': '10s', 'request': '500ms'}})
        with http.Stopwatch() as watch:
            self.check_own_answer(self.get('/', proxy=proxy), 504)
        self.assertLess(watch.seconds, 5)


class StrayBytesTest(FaultTestCase):
    pool_options = {'health': NEVER_EJECT, 'timeouts': {'keep_alive': '1h'}}

    def test_an_answer_that_was_there_before_the_request(self):
        """A shard that gives an idle connection up says so with a response. It answers no request,
        also when the proxy sees it in the moment in which it takes the connection for one."""
        for method in ('GET', 'POST'):
            with self.subTest(method):
                self.assertEqual(self.get('/warm').status, 200)
                (idle,) = self.shard.open_connections()
                client = self.open()
                self.assertEqual(client.get('/warm').status, 200)
                self.freeze(self.proxy)
                try:
                    client.send(request(method, '/mine'))
                    time.sleep(0.05)  # so that it is the client whom the proxy hears first
                    idle.send(response(408, b'nobody asked'))
                    time.sleep(0.05)
                finally:
                    self.proxy.process.kill(signal.SIGCONT)
                answer = client.response(method)
                self.assertEqual((answer.status, answer.body), (200, b'a %s /mine\n' % method.encode()))


class TunnelEndTest(FaultTestCase):
    routes = [{'key': '{uri}', 'upgrade': True}]

    def test_what_the_shard_sent_before_it_closed(self):
        """It arrives, although the shard does not take what the client sends meanwhile."""
        data = b'0123456789abcdef' * (1 << 17)

        def action(connection, _):
            connection.send(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n'
                            b'Upgrade: x\r\n\r\n' + data)
            connection.fill()  # all that it reads
            connection.close()

        self.shard.on('/', action)
        client = self.open()
        client.send(request('GET', '/', [('Connection', 'Upgrade'), ('Upgrade', 'x')]))
        self.assertEqual(client.final_head().status, 101)
        for _ in range(10):
            client.send(b'more')
            time.sleep(0.05)
        self.assertEqual(len(client.read_to_end()), len(data))


class CutTest(FaultTestCase):
    pool_options = {'health': NEVER_EJECT, 'timeouts': {'response': '500ms'}}

    def test_a_client_that_has_closed_its_side(self):
        """It sees the end of a response that breaks off, and is not kept for ever."""
        for data in (b'Content-Length: 100\r\n\r\nhalf', b'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'):
            for end in (fake.reply_and_close, fake.reply_and_hang):
                with self.subTest(data, end=end.__name__):
                    self.shard.reset()
                    self.shard.on('/', end(b'HTTP/1.1 200 OK\r\n' + data))
                    client = self.open()
                    client.send(request())
                    client.shutdown_write()
                    self.assertIn(b'half', client.read_to_end())
        rt.wait_until(lambda: self.proxy.metric('ringway_clients') == 0, 'no client is left')


class BodilessTest(FaultTestCase):
    def test_204_has_no_framing(self):
        """RFC 9112, 6.1: no Transfer-Encoding in a 204."""
        self.shard.on('/', fake.reply(b'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'))
        with self.open() as client:
            for _ in range(2):
                client.send(request())
                answer = client.response()
                self.assertEqual((answer.status, answer.get('transfer-encoding')), (204, None))


class DescriptorTest(FaultTestCase):
    n_shards = 8

    def test_idle_connections_make_room(self):
        """Descriptors that idle connections use are no reason to fail, nor the shards' failure."""
        proxy = self.start({shard.name: shard for shard in self.shards},
                           pool_options={'timeouts': {'keep_alive': '1h'},
                                         'health': {'eject_after': 2, 'retry_after': '1h'}})
        clients = [self.open(proxy) for _ in range(16)]
        used = len(os.listdir('/proc/%d/fd' % proxy.process.pid))
        soft, hard = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (used + 40, hard))
        by_shard = {}
        for i in range(400):
            answer = clients[0].get('/%d' % i)
            self.assertEqual(answer.status, 200, answer)
            by_shard.setdefault(answer.get('x-shard'), []).append('/%d' % i)
        self.assertEqual(len(by_shard), 8)
        for targets in by_shard.values():
            for client, target in zip(clients, targets):
                client.send(request('GET', target))
            for client, target in zip(clients, targets):
                self.assertEqual(client.response().status, 200)
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
        self.assertEqual(proxy.metric('ringway_replica_up'), 8)

    def test_idle_connections_make_room_for_clients(self):
        proxy = self.start({shard.name: shard for shard in self.shards},
                           pool_options={'timeouts': {'keep_alive': '1h'}})
        clients = [self.open(proxy) for _ in range(8)]
        for shard in self.shards:
            shard.on('/', fake.delayed(0.3))
        for client in clients:
            client.send(request())
        for client in clients:
            client.response()
        used = len(os.listdir('/proc/%d/fd' % proxy.process.pid))
        _, hard = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (used, hard))
        self.assertEqual(self.get('/more', proxy=proxy).status, 200)


if __name__ == '__main__':
    http.main()
