"""Clients that people use: libmemcached's own capability test, and pymemcache."""
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt

try:
    from pymemcache import serde
    from pymemcache.client.base import Client, PooledClient
    from pymemcache.exceptions import MemcacheClientError, MemcacheIllegalInputError
except ImportError:
    Client = None


@unittest.skipUnless(shutil.which('memccapable'), 'needs libmemcached-tools')
class MemccapableTest(rt.ByteTestCase):
    def capable(self, port):
        """{test: passed} of the text protocol."""
        run = subprocess.run(
            ['memccapable', '-h', '127.0.0.1', '-p', str(port), '-a', '-t', '5', '-v'],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        out = run.stdout.decode('utf-8', 'replace')
        # With -v, reasons stand between a test's name and the next one's.
        parts = re.split(r'(ascii [a-z]+(?: noreply)?) {2,}', out)[1:]
        return {name: '[pass]' in rest for name, rest in zip(parts[::2], parts[1::2])}, out

    def test_all_27(self):
        results, out = self.capable(self.target[1])
        self.assertEqual([name for name, passed in results.items() if not passed], [], out)
        self.assertEqual(len(results), 27, out)


@unittest.skipUnless(Client, 'needs python3-pymemcache')
class PymemcacheTest(rt.ByteTestCase):
    def make(self, **options):
        client = Client(self.target, connect_timeout=10, timeout=10, **options)
        self.addCleanup(client.close)
        return client

    def test_set_get_delete(self):
        client = self.make()
        self.assertTrue(client.set('k', 'value', noreply=False))
        self.assertEqual(client.get('k'), b'value')
        self.assertIsNone(client.get('none'))
        self.assertEqual(client.get('none', 'default'), 'default')
        self.assertTrue(client.delete('k', noreply=False))
        self.assertFalse(client.delete('k', noreply=False))
        self.assertIsNone(client.get('k'))

    def test_noreply_is_the_default(self):
        client = self.make()
        for i in range(200):
            client.set('n%d' % i, str(i))
        for i in range(200):
            self.assertEqual(client.get('n%d' % i), str(i).encode())
        for i in range(200):
            client.delete('n%d' % i)
        self.assertEqual(client.get_many(['n%d' % i for i in range(200)]), {})

    def test_many(self):
        client = self.make()
        items = {'m%d' % i: b'v%d' % i for i in range(500)}
        self.assertEqual(client.set_many(items, noreply=False), [])
        self.assertEqual(client.get_many(list(items) + ['none1', 'none2']), items)
        found = client.gets_many(list(items))
        self.assertEqual({key: value for key, (value, _) in found.items()}, items)
        self.assertTrue(client.delete_many(list(items), noreply=False))
        self.assertEqual(client.get_many(list(items)), {})

    def test_add_replace_append_prepend(self):
        client = self.make()
        self.assertFalse(client.replace('k', 'x', noreply=False))
        self.assertFalse(client.append('k', 'x', noreply=False))
        self.assertTrue(client.add('k', 'b', noreply=False))
        self.assertFalse(client.add('k', 'z', noreply=False))
        self.assertTrue(client.append('k', 'c', noreply=False))
        self.assertTrue(client.prepend('k', 'a', noreply=False))
        self.assertEqual(client.get('k'), b'abc')
        self.assertTrue(client.replace('k', 'd', noreply=False))
        self.assertEqual(client.get('k'), b'd')

    def test_cas(self):
        client = self.make()
        self.assertIsNone(client.cas('k', 'v', b'1', noreply=False))
        client.set('k', 'one', noreply=False)
        value, cas = client.gets('k')
        self.assertEqual(value, b'one')
        self.assertTrue(client.cas('k', 'two', cas, noreply=False))
        self.assertFalse(client.cas('k', 'three', cas, noreply=False))
        self.assertEqual(client.get('k'), b'two')

    def test_incr_decr(self):
        client = self.make()
        self.assertIsNone(client.incr('n', 1, noreply=False))
        client.set('n', '10', noreply=False)
        self.assertEqual(client.incr('n', 5, noreply=False), 15)
        self.assertEqual(client.decr('n', 3, noreply=False), 12)
        client.incr('n', 1, noreply=True)
        self.assertEqual(client.get('n'), b'13')
        client.set('text', 'x', noreply=False)
        with self.assertRaises(MemcacheClientError):
            client.incr('text', 1, noreply=False)
        self.assertEqual(client.get('n'), b'13')

    def test_touch_and_expiry(self):
        client = self.make()
        self.assertFalse(client.touch('k', 10, noreply=False))
        client.set('k', 'x', noreply=False)
        self.assertTrue(client.touch('k', 10, noreply=False))
        self.assertTrue(client.set('gone', 'x', expire=-1, noreply=False))
        self.assertIsNone(client.get('gone'))

    def test_flush_all(self):
        client = self.make()
        client.set_many({'f%d' % i: 'x' for i in range(100)}, noreply=False)
        self.assertTrue(client.flush_all(noreply=False))
        self.assertEqual(client.get_many(['f%d' % i for i in range(100)]), {})
        client.flush_all(noreply=True)
        self.assertIsNone(client.get('f1'))

    def test_large_value(self):
        client = self.make()
        value = os.urandom(1000000)
        self.assertTrue(client.set('large', value, noreply=False))
        self.assertEqual(client.get('large'), value)

    def test_errors_leave_the_client_usable(self):
        client = self.make()
        with self.assertRaises(MemcacheIllegalInputError):
            client.get('a b')
        with self.assertRaises(MemcacheIllegalInputError):
            client.get('k' * 251)
        try:
            client.set('large', b'x' * (2 << 20), noreply=False)
        except Exception as error:
            self.assertIn('too large', str(error))
        else:
            self.fail('2 MiB were stored')
        self.assertTrue(client.set('k', 'x', noreply=False))
        self.assertEqual(client.get('k'), b'x')

    def test_serialized_values(self):
        client = self.make(serde=serde.pickle_serde)
        value = {'list': [1, 2, 3], 'text': 'ü'}
        client.set('pickle', value, noreply=False)
        self.assertEqual(client.get('pickle'), value)
        client.set('int', 17, noreply=False)
        self.assertEqual(client.get('int'), 17)

    def test_version_and_stats(self):
        client = self.make()
        self.assertRegex(client.version(), rb'^\d+\.\d+\.\d+')
        stats = client.stats()
        for name in (b'pid', b'curr_connections', b'cmd_get', b'get_hits'):
            self.assertIn(name, stats)

    def test_quit(self):
        client = self.make()
        client.set('k', 'x', noreply=False)
        client.quit()
        self.assertEqual(client.get('k'), b'x')  # on a new connection

    def test_unicode_keys(self):
        client = self.make(allow_unicode_keys=True)
        client.set('schlüssel', 'x', noreply=False)
        self.assertEqual(client.get('schlüssel'), b'x')

    def test_pooled_client(self):
        client = PooledClient(self.target, max_pool_size=4, connect_timeout=10, timeout=10)
        self.addCleanup(client.close)
        for i in range(100):
            client.set('p%d' % i, str(i))
        self.assertEqual(len(client.get_many(['p%d' % i for i in range(100)])), 100)


if __name__ == '__main__':
    rt.main()
