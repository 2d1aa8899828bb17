"""Which shard a request goes to: routes, key templates and their variables.

What is a request's key is asked of the ring by `ringway --route`, which knows nothing of HTTP;
which shard got the request is what the fake shards and X-Ringway-Shard say.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import http_testing as http
import ringway_testing as rt
from http_testing import request

N_SHARDS = 12


def route(prefix, key, **options):
    match = {'path_prefix': prefix}
    match.update(options.pop('match', {}))
    return dict({'match': match, 'key': key, 'debug': True}, **options)


class RoutingTestCase(http.HttpTestCase):
    n_shards = N_SHARDS

    def setUp(self):
        super().setUp()
        if not hasattr(type(self), 'homes'):
            type(self).homes = {}

    def home(self, key):
        """The shard that the ring gives [key]."""
        if key not in self.homes:
            self.homes.update(self.proxy.route([key]))
        return self.homes[key]

    def taken_by(self, raw):
        """The shard that got [raw], by what it says itself and by X-Ringway-Shard."""
        answer = self.exchange(raw)
        self.assertEqual(answer.status, 200, answer)
        shard = answer.get('x-shard').decode()
        self.assertEqual(answer.all('x-ringway-shard'), [shard.encode()])
        return shard

    def check_key(self, raw, key):
        with self.subTest(raw, key=key):
            self.assertEqual(self.taken_by(raw), self.home(key))

    def check_spread(self, raw, count=60):
        """[raw] goes to any shard: at least a third of them in [count] requests."""
        self.assertGreater(len({self.taken_by(raw) for _ in range(count)}), N_SHARDS // 3)


class VariablesTest(RoutingTestCase):
    routes = [
        route('/path/', '{path}'),
        route('/segment1/', '{path.1}'),
        route('/segment2/', '{path.2}'),
        route('/segments/', '{path.1-2}'),
        route('/query/', '{query}'),
        route('/argument/', '{query.user}'),
        route('/fragment/', '{fragment}'),
        route('/uri/', '{uri}'),
        route('/host/', '{host}'),
        route('/method/', '{method}'),
        route('/header/', '{header.X-Tenant}'),
        route('/cookie/', '{cookie.session}'),
        route('/client/', '{client_ip}'),
        route('/literal/', 'user:{query.user}/{path.2}'),
        route('/brace/', '{{{query.user}}'),
        route('/list/', ['{query.user}', '{header.X-Tenant}', '{path}']),
        route('/pair/', ['{query.a}{query.b}', '{path.2}']),
        route('/any/', '{query.user}'),
        route('/must/', '{query.user}', key_missing='error'),
        route('/longer/', '{header.X-Tenant}-{cookie.session}', key_missing='error'),
    ]

    def test_path(self):
        for target in (
            '/path/a',
            '/path/b',
            '/path/a/',
            '/path/a/b',
            '/path/%41',
            '/path//a',
            '/path/./a',
        ):
            self.check_key(request('GET', target), target)
            self.check_key(request('GET', target + '?x=1'), target)
        self.check_key(request('GET', 'http://other/path/a'), '/path/a')

    def test_a_segment(self):
        for name in 'abcdef':
            self.check_key(request('GET', '/segment2/%s/x?y' % name), name)
            self.check_key(request('GET', '/segment2/%s' % name), name)
            self.check_key(request('GET', '/segment2/%s/' % name), name)
        self.check_key(request('GET', '/segment1/x'), 'segment1')
        self.check_spread(request('GET', '/segment2/'))

    def test_segments(self):
        for name in 'abcdef':
            first = self.taken_by(request('GET', '/segments/%s/1' % name))
            for rest in ('2', '3/4', '5?x', ''):
                self.assertEqual(
                    self.taken_by(request('GET', '/segments/%s/%s' % (name, rest))), first
                )
        self.assertGreater(
            len({self.taken_by(request('GET', '/segments/%d/x' % i)) for i in range(40)}), 4
        )

    def test_query(self):
        for query in ('a=1', 'b', 'a=1&b=2', 'b=2&a=1', '%20', 'x?y'):
            self.check_key(request('GET', '/query/anything?' + query), query)

    def test_an_argument(self):
        for i in range(8):
            for query in (
                'user=u%d',
                'a=b&user=u%d',
                'user=u%d&user=other',
                'xuser=1&user=u%d&c',
                'user=u%d&',
            ):
                self.check_key(request('GET', '/argument/%d?%s' % (i, query % i)), 'u%d' % i)
        self.check_key(request('GET', '/argument/?user=%41'), '%41')
        self.check_key(request('GET', '/argument/?user=a=b'), 'a=b')
        for query in ('User=u1', 'user=', 'user', 'xuser=u1', ''):
            self.check_spread(request('GET', '/argument/?' + query), 30)

    def test_fragment(self):
        for name in ('a', 'b', 'x/y?z'):
            self.check_key(request('GET', '/fragment/p#' + name), name)
        self.assertTrue(
            all(b'#' not in got.target for shard in self.shards for got in shard.requests)
        )

    def test_uri(self):
        for target in ('/uri/a', '/uri/a?b', '/uri/a?b=c&d', '/uri/%41'):
            self.check_key(request('GET', target), target)
        self.check_key(request('GET', 'http://other/uri/a?b'), '/uri/a?b')

    def test_host(self):
        """As it came, or without its port and in lower case: the same for the same name."""
        for host in ('a.example', 'b.example', 'c.example'):
            self.check_key(request('GET', '/host/x', host=host), host)
            self.check_key(request('GET', 'http://%s/host/x' % host, host='other'), host)

    def test_method(self):
        for method in ('GET', 'POST', 'PURGE', 'DELETE'):
            self.check_key(request(method, '/method/x'), method)

    def test_a_field(self):
        for i in range(6):
            for name in ('X-Tenant', 'x-tenant', 'X-TENANT'):
                self.check_key(request('GET', '/header/x', [(name, 't%d' % i)]), 't%d' % i)
        self.check_key(request('GET', '/header/x', [('X-Tenant', '  t t\t')]), 't t')
        self.check_spread(request('GET', '/header/x', [('X-Tenant', '')]), 30)
        self.check_spread(request('GET', '/header/x', [('X-Tenants', 'x')]), 30)

    def test_a_field_that_connection_names(self):
        """It is still part of this request, or it is missing."""
        shard = self.taken_by(
            request('GET', '/header/x', [('Connection', 'x-tenant'), ('X-Tenant', 't1')])
        )
        self.assertIn(shard, {s.name for s in self.shards})

    def test_a_cookie(self):
        for i in range(6):
            for cookies in (
                ['session=s%d'],
                ['a=b; session=s%d'],
                ['session=s%d; session=other'],
                ['xsession=1; session=s%d;c=d'],
                ['a=b', 'session=s%d'],
            ):
                fields = [('Cookie', value % i if '%d' in value else value) for value in cookies]
                self.check_key(request('GET', '/cookie/x', fields), 's%d' % i)
        for value in ('Session=s1', 'session=', 'xsession=s1', 'session'):
            self.check_spread(request('GET', '/cookie/x', [('Cookie', value)]), 30)

    def test_client_ip(self):
        """Nobody is trusted: the peer's address, whatever it says."""
        self.check_key(request('GET', '/client/x'), '127.0.0.1')
        self.check_key(request('GET', '/client/x', [('X-Forwarded-For', '1.2.3.4')]), '127.0.0.1')

    def test_literal_text(self):
        self.check_key(request('GET', '/literal/b?user=a'), 'user:a/b')
        self.check_key(request('GET', '/brace/?user=a'), '{a}')

    def test_a_list(self):
        """The first template whose variables are all present and not empty."""
        tenant = [('X-Tenant', 't')]
        self.check_key(request('GET', '/list/p?user=u', tenant), 'u')
        self.check_key(request('GET', '/list/p?user=', tenant), 't')
        self.check_key(request('GET', '/list/p', tenant), 't')
        self.check_key(request('GET', '/list/p', [('X-Tenant', '')]), '/list/p')
        self.check_key(request('GET', '/list/p'), '/list/p')
        self.check_key(request('GET', '/pair/z?a=1&b=2'), '12')
        self.check_key(request('GET', '/pair/z?a=1'), 'z')
        self.check_key(request('GET', '/pair/z?a=1&b='), 'z')

    def test_no_key(self):
        self.check_spread(request('GET', '/any/x'))
        for target in ('/must/x', '/must/x?user=', '/longer/x'):
            self.check_own_answer(self.get(target), 400)
        self.check_own_answer(self.get('/longer/x', [('X-Tenant', 't')]), 400)
        self.check_key(request('GET', '/must/x?user=u'), 'u')
        self.check_key(
            request('GET', '/longer/x', [('X-Tenant', 't'), ('Cookie', 'session=s')]), 't-s'
        )

    def test_no_key_with_a_body(self):
        """The body of what is refused is not taken for a request."""
        client = self.open()
        client.send(request('POST', '/must/x', body=request('GET', '/path/smuggled')))
        self.check_own_answer(client.response(), 400)
        client.shutdown_write()
        client.read_to_end()
        self.assertFalse(any(shard.heads for shard in self.shards))

    def test_long_keys(self):
        for size in (250, 251, 1000, 8000):
            self.check_key(request('GET', '/path/' + 'x' * size), '/path/' + 'x' * size)
            self.check_key(request('GET', '/argument/?user=' + 'y' * size), 'y' * size)

    def test_all_shards_have_their_part(self):
        homes = {self.taken_by(request('GET', '/uri/%d' % i)) for i in range(200)}
        self.assertEqual(len(homes), N_SHARDS)


class ClientAddressTest(RoutingTestCase):
    """{client_ip} behind trusted proxies."""

    routes = [route('/', '{client_ip}')]
    listener = {'trusted_proxies': ['127.0.0.1', '10.0.0.0/8']}

    def test_the_forwarded_address(self):
        for values, key in (
            (['1.2.3.4'], '1.2.3.4'),
            (['6.6.6.6, 1.2.3.4'], '1.2.3.4'),
            (['1.2.3.4, 10.1.2.3'], '1.2.3.4'),
            (['6.6.6.6', '1.2.3.4, 10.9.9.9'], '1.2.3.4'),
            (['10.0.0.1, 10.0.0.2'], '10.0.0.1'),
            (['2001:db8::1'], '2001:db8::1'),
            (['1.2.3.4:5678'], '1.2.3.4'),
            (['[2001:db8::1]:80'], '2001:db8::1'),
            ([], '127.0.0.1'),
        ):
            self.check_key(
                request('GET', '/', [('X-Forwarded-For', value) for value in values]), key
            )

    def test_what_is_no_address(self):
        for value in ('', 'unknown', 'a b', '999.1.1.1', '1.2.3'):
            self.taken_by(request('GET', '/', [('X-Forwarded-For', value)]))


class MatchTest(RoutingTestCase):
    """The first route that matches wins."""

    routes = [
        route('/a/b/', 'literal-1{path.9}', key_missing='error'),
        route('/a/', 'host', match={'host': 'special.example'}),
        route('/a/', 'method', match={'method': 'PUT'}),
        route('/a/', 'both', match={'host': 'x.example', 'method': 'DELETE'}),
        route('/a/', 'prefix'),
        {'match': {'host': 'all.example'}, 'key': 'all-host', 'debug': True},
        {'match': {'method': 'BREW'}, 'key': 'all-method', 'debug': True},
        route('/n/./x/', 'raw'),
        route('/n/x/', '{path}', normalize=True),
        route('/r/', '{path}'),
    ]

    def test_first_match_wins(self):
        self.check_own_answer(self.get('/a/b/c'), 400)
        self.check_key(request('GET', '/a/x'), 'prefix')
        self.check_key(request('GET', '/a/x', host='special.example'), 'host')
        self.check_key(request('PUT', '/a/x', host='special.example'), 'host')
        self.check_key(request('PUT', '/a/x'), 'method')
        self.check_key(request('DELETE', '/a/x', host='x.example'), 'both')
        self.check_key(request('DELETE', '/a/x', host='y.example'), 'prefix')

    def test_hosts(self):
        for host in ('all.example', 'ALL.Example', 'all.example:8080'):
            self.check_key(request('GET', '/elsewhere', host=host), 'all-host')
        self.check_key(request('GET', 'http://all.example/elsewhere', host='other'), 'all-host')
        for host in ('xall.example', 'all.example.com', 'all'):
            self.check_own_answer(self.get('/elsewhere', host=host), 404)

    def test_methods_are_compared_exactly(self):
        self.check_key(request('BREW', '/elsewhere'), 'all-method')
        self.check_own_answer(self.open().ask('brew', '/elsewhere'), 404)

    def test_no_match(self):
        for target in ('/', '/a', '/b/', '/A/', '/ab/', '//a/x'):
            self.check_own_answer(self.get(target), 404)

    def test_normalize(self):
        for target in ('/n/x/a', '/n/y/../x/a', '/n/x/./a', '/n/x/%61', '/%6e/x/a', '/n/x/b/../a'):
            self.check_key(request('GET', target), '/n/x/a')
        self.assertTrue(
            {b'/n/y/../x/a', b'/n/x/%61'}
            <= {got.target for shard in self.shards for got in shard.requests},
            'forwarded as it came',
        )
        self.check_key(request('GET', '/n/./x/a'), 'raw')

    def test_without_normalize(self):
        for target in ('/r/a', '/r/%61', '/r/./a', '/r/b/../a'):
            self.check_key(request('GET', target), target)


class PoolsTest(http.HttpTestCase):
    """Routes to several pools, and the listener's own pool for the rest."""

    def test_pools(self):
        one, two, rest = self.fake('one'), self.fake('two'), self.fake('rest')
        pools = [
            http.pool({shard.name: shard.target()}, name=shard.name + '-pool')
            for shard in (one, two, rest)
        ]
        routes = [
            {'match': {'path_prefix': '/1/'}, 'key': '{uri}', 'pool': 'one-pool', 'debug': True},
            {'match': {'path_prefix': '/2/'}, 'key': '{uri}', 'pool': 'two-pool'},
        ]
        proxy = self.ringway(http.config(pools, routes, {'pool': 'rest-pool'}, workers=1))
        self.assertEqual(self.get('/1/x', proxy=proxy).body, b'one GET /1/x\n')
        self.assertEqual(self.get('/2/x', proxy=proxy).body, b'two GET /2/x\n')
        self.assertEqual(self.get('/3/x', proxy=proxy).body, b'rest GET /3/x\n')
        self.assertEqual(self.get('/1/x', proxy=proxy).all('x-ringway-shard'), [b'one'])
        self.assertEqual(self.get('/2/x', proxy=proxy).all('x-ringway-shard'), [])

    def test_pipelined_requests_are_routed_one_by_one(self):
        """Also those of one connection, to different pools and shards."""
        shards = [self.fake('s%d' % i) for i in range(4)]
        proxy = self.start({shard.name: shard for shard in shards}, workers=2)
        targets = ['/%d' % i for i in range(100)]
        homes = proxy.route(targets)
        client = self.open(proxy)
        client.send(b''.join(request('GET', target) for target in targets))
        for target in targets:
            self.assertEqual(
                client.response().body, b'%s GET %s\n' % (homes[target].encode(), target.encode())
            )

    def test_asterisk(self):
        """OPTIONS * has no path; it is taken by a route without one."""
        proxy = self.start({'a': self.shard})
        self.assertEqual(self.open(proxy).ask('OPTIONS', '*').body, b'a OPTIONS *\n')

    def test_without_a_file(self):
        """One listener and its shards on the command line, keyed by {uri}."""
        shards = [self.fake('s%d' % i) for i in range(4)]
        port = rt.free_port()
        argv = [rt.RINGWAY, '--admin', 'off', '--listen', 'http://127.0.0.1:%d' % port]
        for shard in shards:
            argv += ['--shard', '%s=%s' % (shard.name, shard.target())]
        process = rt.Process('ringway', argv, self.folder)
        self.addCleanup(process.stop)
        rt.wait_until(lambda: rt.can_connect(port) or not process.alive(), 'ringway listens')
        used = set()
        with http.HttpClient(port) as client:
            for i in range(60):
                body = client.get('/%d' % i).body
                self.assertTrue(body.endswith(b' GET /%d\n' % i), body)
                self.assertEqual(client.get('/%d' % i).body, body)
                used.add(body.split()[0])
        self.assertEqual(len(used), 4)
        self.assertEqual(process.stop(), 0)

    def test_ipv6(self):
        try:
            with http.socket.create_server(('::1', 0), family=http.socket.AF_INET6):
                pass
        except OSError:
            self.skipTest('no IPv6 here')
        proxy = self.start({'a': self.shard}, listener={'bind': '[::1]:%d' % rt.free_port()})
        answer = self.get('/x', host='[::1]', proxy=proxy)
        self.assertEqual(answer.body, b'a GET /x\n')
        got = self.shard.only()
        self.assertEqual((got.all('host'), got.all('x-forwarded-for')), ([b'[::1]'], [b'::1']))

    def test_replicas_with_a_name(self):
        proxy = self.start(
            {'a': 'localhost:%d' % self.shard.address}, pool_options={'timeouts': {'connect': '3s'}}
        )
        client = self.open(proxy)
        for i in range(5):
            self.assertEqual(client.get('/%d' % i).body, b'a GET /%d\n' % i)

    def test_several_workers(self):
        """Connections are spread over workers; each answer is the client's own."""
        proxy = self.start({'a': self.shard}, workers=4)
        clients = [self.open(proxy) for _ in range(60)]
        for turn in range(5):
            for i, client in enumerate(clients):
                client.send(request('GET', '/%d/%d' % (turn, i)))
            for i, client in enumerate(clients):
                self.assertEqual(client.response().body, b'a GET /%d/%d\n' % (turn, i))

    def test_a_memcached_listener_beside_it(self):
        """Both protocols in one process."""
        server = self.memcached()
        config = http.config([http.pool({'a': self.shard.target()})], workers=1)
        config['pools'].append(rt.pool_config('cache', {'m': server.target()}))
        config['listeners'].append(
            {'bind': '127.0.0.1:%d' % rt.free_port(), 'protocol': 'memcached', 'pool': 'cache'}
        )
        proxy = self.ringway(config)
        self.assertEqual(self.get('/x', proxy=proxy).body, b'a GET /x\n')
        client = proxy.connect(1)
        self.addCleanup(client.close)
        client.ask(b'set k 0 0 1\r\nx\r\nget k\r\n', b'STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n')


if __name__ == '__main__':
    rt.main()
