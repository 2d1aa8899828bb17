"""Second attempts, replicas, ejection and return, and shards that are down.

A request is sent again at most once, only when nothing of a response has reached the client, and
only if nothing of it had been sent, or it is idempotent and has no body.
"""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import fake_http_shard as fake
import http_testing as http
import ringway_testing as rt
from fake_http_shard import response
from http_testing import request

NEVER_EJECT = {'eject_after': 0}
IDEMPOTENT = ('GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE')
OTHERS = ('POST', 'PATCH', 'PROPFIND')


def quickly(eject_after=1, retry_after='300ms', **options):
    return dict(
        {
            'health': {'eject_after': eject_after, 'retry_after': retry_after},
            'timeouts': {'connect': '300ms', 'response': '500ms'},
        },
        **options
    )


class RetryTest(http.HttpTestCase):
    """One replica: a second attempt goes to the same one, on a fresh connection."""

    pool_options = {'health': NEVER_EJECT, 'timeouts': {'response': '1s'}}

    def warm(self):
        """Leave one idle connection behind."""
        self.assertEqual(self.get('/warm').status, 200)
        self.shard.reset()

    def test_idempotent_ones_are_sent_again(self):
        for method in IDEMPOTENT:
            for end in (fake.close, fake.reset):
                with self.subTest(method, end=end.__name__):
                    self.warm()
                    self.shard.on('/lost', end, times=1)
                    answer = self.open().ask(method, '/lost')
                    self.assertEqual(answer.status, 200)
                    self.assertEqual(len(self.shard.heads), 2)
                    first, second = self.shard.heads
                    self.assertIsNot(first.connection, second.connection)
                    self.assertEqual(first.head, second.head)

    def test_others_are_not(self):
        for method in OTHERS:
            for end in (fake.close, fake.reset):
                with self.subTest(method, end=end.__name__):
                    self.warm()
                    self.shard.on('/lost', end, times=1)
                    self.check_own_answer(self.open().ask(method, '/lost'), 502)
                    self.assertEqual(len(self.shard.heads), 1)

    def test_those_with_a_body_are_not(self):
        for method in ('PUT', 'DELETE', 'GET', 'POST'):
            for chunked in (False, True):
                with self.subTest(method, chunked=chunked):
                    self.warm()
                    self.shard.on('/lost', fake.close, times=1)
                    self.check_own_answer(
                        self.open().ask(method, '/lost', body=b'x' * 10, chunked=chunked), 502
                    )
                    self.assertEqual(len(self.shard.heads), 1)

    def test_only_once(self):
        self.shard.on('/lost', fake.close)
        for _ in range(3):
            self.shard.heads.clear()
            self.check_own_answer(self.get('/lost'), 502)
            self.assertLessEqual(len(self.shard.heads), 2)

    def test_not_after_a_byte_of_the_response(self):
        for data in (b'H', b'HTTP/1.1 200 OK\r\n', b'HTTP/1.1 100 Continue\r\n\r\n'):
            with self.subTest(data):
                self.shard.reset()
                self.shard.on('/lost', fake.reply_and_close(data), times=1)
                client = self.open()
                client.send(request('GET', '/lost'))
                answer = client.response()
                self.check_own_answer(answer, 502)
                self.assertEqual(len(self.shard.heads), 1)

    def test_not_after_garbage(self):
        self.shard.on('/lost', fake.reply(b'garbage\r\n\r\n'), times=1)
        self.check_own_answer(self.get('/lost'), 502)
        self.assertEqual(len(self.shard.heads), 1)

    def test_not_after_a_timeout(self):
        """A shard that thinks for too long may have done it."""
        self.shard.on('/lost', fake.hang, times=1)
        self.check_own_answer(self.get('/lost'), 504)
        self.assertEqual(len(self.shard.heads), 1)

    def test_a_race_with_the_end_of_an_idle_connection(self):
        """A shard that closes idle connections at any moment: no idempotent request fails."""

        def action(connection, got):
            fake.normal(connection, got)
            time.sleep(0.001)
            connection.close()

        self.shard.on('/race', action)
        client = self.open()
        for i in range(200):
            self.assertEqual(client.get('/race/%d' % i).body, b'a GET /race/%d\n' % i)
            time.sleep(0.0005 * (i % 4))

    def test_metric(self):
        before = self.proxy.metric('ringway_pool_retries_total', pool='web')
        self.shard.on('/lost', fake.close, times=1)
        self.assertEqual(self.get('/lost').status, 200)
        rt.wait_until(
            lambda: self.proxy.metric('ringway_pool_retries_total', pool='web') == before + 1,
            'it is counted',
        )


class ReplicaTest(http.HttpTestCase):
    """Two replicas of one shard."""

    def start_two(self, **options):
        self.one, self.two = self.fake('one'), self.fake('two')
        return self.start(
            {'s': [self.one, self.two]}, pool_options=options.pop('pool', quickly()), **options
        )

    def heads(self):
        return len(self.one.heads), len(self.two.heads)

    def test_any_will_do(self):
        """Whichever is chosen: each request is answered once, by one of them."""
        proxy = self.start_two()
        for i in range(60):
            self.assertEqual(self.get('/%d' % i, proxy=proxy).status, 200)
        self.assertEqual(sum(self.heads()), 60)

    def test_the_second_attempt_goes_to_the_other(self):
        proxy = self.start_two(pool=quickly(eject_after=0))
        for shard in (self.one, self.two):
            shard.on('/lost', fake.close)
        for _ in range(10):
            self.one.heads.clear()
            self.two.heads.clear()
            self.check_own_answer(self.get('/lost', proxy=proxy), 502)
            self.assertEqual(self.heads(), (1, 1))

    def test_a_refused_connection_costs_no_request(self):
        """Nothing was sent: even a POST with a body goes to the other."""
        proxy = self.start_two()
        self.one.stop()
        for i in range(20):
            answer = self.open(proxy).ask('POST', '/%d' % i, body=b'hello', chunked=i % 2 == 0)
            self.assertEqual(answer.body, b'two POST /%d\nhello' % i)

    def test_a_killed_one_costs_no_idempotent_request(self):
        proxy = self.start_two()
        for i in range(200):
            if i == 50:
                self.one.stop()
            if i == 120:
                self.one.start()
            self.assertEqual(self.get('/%d' % i, proxy=proxy).status, 200)
            time.sleep(0.001)

    def test_one_that_only_closes_is_left_out(self):
        """It accepts, reads and closes: after eject_after failures nobody is sent there."""
        proxy = self.start_two(pool=quickly(eject_after=2, retry_after='30s'))
        self.one.on('/', fake.close)
        for i in range(30):
            self.assertEqual(self.get('/%d' % i, proxy=proxy).body, b'two GET /%d\n' % i)
        self.assertLessEqual(len(self.one.heads), 4)

    def test_an_ejected_one_returns(self):
        proxy = self.start_two(pool=quickly(eject_after=1, retry_after='200ms'))
        self.one.stop()
        for i in range(10):
            self.assertEqual(self.get('/%d' % i, proxy=proxy).status, 200)
        self.one.start()
        before = len(self.one.heads)

        def returned():
            self.assertEqual(self.get('/x', proxy=proxy).status, 200)
            return len(self.one.heads) > before + 3

        rt.wait_until(returned, 'the replica is used again', 10, 0.02)

    def test_nobody_waits_for_a_hanging_one_for_long(self):
        """After eject_after timeouts it is left out."""
        proxy = self.start_two(pool=quickly(eject_after=2, retry_after='30s'))
        self.one.on('/', fake.hang)
        n_timeouts = 0
        for i in range(30):
            answer = self.get('/%d' % i, proxy=proxy)
            n_timeouts += answer.status == 504
            self.assertIn(answer.status, (200, 504))
        self.assertLessEqual(n_timeouts, 3)

    def test_errors_that_a_shard_answers_are_no_failures(self):
        """500 and 503 are answers: passed on, not counted against the replica, not sent again."""
        proxy = self.start_two(pool=quickly(eject_after=1, retry_after='30s'))
        for shard in (self.one, self.two):
            shard.on('/', fake.reply(response(503, b'busy', reason='Service Unavailable')))
        for _ in range(20):
            answer = self.get('/', proxy=proxy)
            self.assertEqual((answer.status, answer.body), (503, b'busy'))
        self.assertEqual(sum(self.heads()), 20)
        self.assertEqual(proxy.metric('ringway_replica_ejections_total') or 0, 0)

    def test_host_replica(self):
        """host: replica sends the address of the replica that is asked, each time."""
        self.one, self.two = self.fake('one'), self.fake('two')
        proxy = self.start(
            {'s': [self.one, self.two]},
            pool_options=quickly(eject_after=0),
            routes=[{'match': {'path_prefix': '/'}, 'key': '{uri}', 'host': 'replica'}],
        )
        for shard in (self.one, self.two):
            shard.on('/lost', fake.close)
        self.get('/lost', proxy=proxy)
        for shard in (self.one, self.two):
            self.assertEqual(shard.heads[0].all('host'), [shard.target().encode()])
            self.assertEqual(shard.heads[0].all('x-forwarded-host'), [b'test'])


class DownTest(http.HttpTestCase):
    """No replica of a shard can be used."""

    def start_down(self, **options):
        self.down = self.fake('down')
        self.up = self.fake('up')
        self.down.stop()
        return self.start({'down': self.down, 'up': self.up}, pool_options=quickly(**options))

    def targets(self, proxy, shard, count=10):
        return [key.decode() for key in proxy.keys_on(shard, count, prefix='/key')]

    def test_refused(self):
        proxy = self.start_down(retry_after='10s')
        client = self.open(proxy)
        for target in self.targets(proxy, 'down'):
            answer = client.get(target)
            self.check_own_answer(answer, (502, 503))
            self.assertFalse(answer.closes())
        self.assertEqual(answer.status, 503, 'ejected: nothing healthy')
        for target in self.targets(proxy, 'up'):
            self.assertEqual(client.get(target).body, b'up GET %s\n' % target.encode())

    def test_what_can_go_nowhere_else_is_no_retry(self):
        """It counts once: as a request, and on its shard."""
        proxy = self.start_down(eject_after=0, retry_after='10s')
        for target in self.targets(proxy, 'down', 3):
            self.check_own_answer(self.get(target, proxy=proxy), 503)
        rt.wait_until(lambda: proxy.metric('ringway_http_requests_total', result='5xx') == 3, 'they are counted')
        self.assertEqual(proxy.metric('ringway_shard_http_requests_total', shard='down', result='5xx'), 3)
        self.assertEqual(proxy.metric('ringway_pool_retries_total', pool='web'), 0)

    def test_it_is_answered_at_once(self):
        proxy = self.start_down(retry_after='10s')
        targets = self.targets(proxy, 'down')
        self.get(targets[0], proxy=proxy)
        for target in targets:
            with http.Stopwatch() as watch:
                self.check_own_answer(self.get(target, proxy=proxy), 503)
            self.assertLess(watch.seconds, 0.5)

    def test_bodies_are_swallowed(self):
        proxy = self.start_down(retry_after='10s')
        client = self.open(proxy)
        for target in self.targets(proxy, 'down'):
            for chunked in (False, True):
                client.send(
                    request(
                        'POST',
                        target,
                        body=b'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
                        chunked=chunked,
                    )
                )
                answer = client.response()
                self.check_own_answer(answer, (502, 503))
                if answer.closes():
                    client = self.open(proxy)
        self.assertEqual(self.up.heads, [])

    def test_it_returns(self):
        proxy = self.start_down(retry_after='200ms')
        target = self.targets(proxy, 'down')[0]
        self.check_own_answer(self.get(target, proxy=proxy), (502, 503))
        self.down.start()
        rt.wait_until(
            lambda: self.get(target, proxy=proxy).status == 200, 'the shard is used again', 10, 0.02
        )

    def test_next(self):
        """on_shard_down: next. Keys of the shard that is down go to others, and come back."""
        proxy = self.start_down(on_shard_down='next', retry_after='200ms')
        targets = self.targets(proxy, 'down')
        for target in targets:
            answer = self.get(target, proxy=proxy)
            self.assertEqual(answer.body, b'up GET %s\n' % target.encode())
        answer = self.open(proxy).ask('POST', targets[0], body=b'hello')
        self.assertEqual(answer.body, b'up POST %s\nhello' % targets[0].encode())
        self.assertGreater(proxy.metric('ringway_pool_failovers_total', pool='web'), 0)
        self.down.start()
        rt.wait_until(
            lambda: self.get(targets[0], proxy=proxy).body.startswith(b'down '),
            'its keys come back',
            10,
            0.02,
        )

    def test_another_pool(self):
        """on_shard_down: a pool that takes over."""
        down, up, gutter = self.fake('down'), self.fake('up'), self.fake('gutter')
        down.stop()
        pools = [
            http.pool({'down': down.target(), 'up': up.target()}, **quickly(on_shard_down='spare')),
            http.pool({'gutter': gutter.target()}, name='spare'),
        ]
        proxy = self.ringway(http.config(pools, workers=1))
        for target in self.targets(proxy, 'down', 5):
            self.assertEqual(
                self.get(target, proxy=proxy).body, b'gutter GET %s\n' % target.encode()
            )
        for target in self.targets(proxy, 'up', 5):
            self.assertEqual(self.get(target, proxy=proxy).body, b'up GET %s\n' % target.encode())

    def test_all_are_down(self):
        proxy = self.start_down(on_shard_down='next', retry_after='10s')
        self.up.stop()
        for i in range(10):
            self.check_own_answer(self.get('/%d' % i, proxy=proxy), (502, 503))
        self.check_own_answer(self.get('/last', proxy=proxy), 503)

    def test_no_host_of_that_name(self):
        proxy = self.start({'x': 'no-such-host.invalid:80'}, pool_options=quickly())
        with http.Stopwatch() as watch:
            self.check_own_answer(self.get('/', proxy=proxy), (502, 503, 504))
        self.assertLess(watch.seconds, 5)


class UnderLoadTest(http.HttpTestCase):
    """Replicas are killed and started while clients work: every answer is right or a fair error."""

    def test_replicas_come_and_go(self):
        shards = [self.fake('r%d' % i) for i in range(3)]
        proxy = self.start({'s': shards}, pool_options=quickly(retry_after='50ms'))
        stop, failures, counts = threading.Event(), [], {200: 0}

        def work(number):
            client, i = None, 0
            while not stop.is_set():
                i += 1
                target = '/w%d/%d' % (number, i)
                client = client or http.HttpClient(proxy.address())
                answer = client.get(target)
                counts[answer.status] = counts.get(answer.status, 0) + 1
                if answer.status != 200 or not answer.body.endswith(b' GET %s\n' % target.encode()):
                    failures.append((target, answer))

        threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(4)]
        for thread in threads:
            thread.start()
        for i in range(8):
            victim = shards[i % 3]
            victim.stop()
            time.sleep(0.1)
            victim.start()
            time.sleep(0.15)
        stop.set()
        for thread in threads:
            thread.join(10)
        self.assertEqual(failures[:3], [], 'of %s' % counts)
        self.assertGreater(counts[200], 200)


if __name__ == '__main__':
    rt.main()
