"""ringway-bench balance and lookup: loads that are known, intervals, and figures that make sense."""
import math
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))

import bench_testing
from bench_testing import answer, rows, run


def balance(*args):
    return rows(answer('balance', *args), 'balance', 'algorithm')


class Balance(unittest.TestCase):
    def test_loads_add_up(self):
        document = answer('balance', '--shards', 7, '--keys', 12345, '--busiest', 7)
        by_algorithm = {}
        for row in document['busiest']:
            by_algorithm.setdefault(row['algorithm'], []).append(row)
        for row in document['balance']:
            shards = by_algorithm[row['algorithm']]
            loads = [shard['load'] for shard in shards]
            mean = 12345 / 7
            self.assertEqual(sum(loads), 12345)
            self.assertEqual(loads, sorted(loads, reverse=True))
            self.assertEqual(row['busiest'], shards[0]['shard'])
            self.assertAlmostEqual(row['max_by_mean'], loads[0] / mean)
            self.assertAlmostEqual(row['min_by_mean'], loads[-1] / mean)
            self.assertAlmostEqual(row['sd_percent'] / 100, math.sqrt(
                sum((load / mean - 1) ** 2 for load in loads) / 7))

    def test_weights(self):
        document = answer('balance', '--weights', '1,3', '--keys', '200k', '--algorithms', 'xxring')
        row = rows(document, 'busiest', 'shard')['shard-00001']
        self.assertAlmostEqual(row['share_percent'], 75, delta=3)
        self.assertEqual(row['weight'], 3)
        self.assertLess(document['balance'][0]['max_by_mean'], 1.2)

    def test_known_evenness(self):
        table = balance('--shards', 100, '--keys', '1e6', '--compare', 'all')
        self.assertLess(table['jump-paper']['max_by_mean'], 1.05)
        self.assertGreater(table['ketama']['max_by_mean'], 1.1)
        self.assertLess(table['xxring']['max_by_mean'], 1.15)

    def test_zipf(self):
        """The first key alone has 1 / sum(1 / k) of the requests: a shard has at least that."""
        n = 1000
        part = 1 / sum(1 / k for k in range(1, n + 1))
        document = answer('balance', '--shards', 100, '--keys', n, '--zipf', 1, '--requests', '500k',
                          '--algorithms', 'xxring')
        self.assertGreater(document['balance'][0]['max_by_mean'], 100 * part * 0.98)
        self.assertEqual(document['settings']['counted'], 500000)
        self.assertIn('Zipf 1', document['settings']['source'])

    def test_replicas(self):
        document = answer('balance', '--shards', 3, '--replicas', 3, '--keys', 1000,
                          '--algorithms', 'xxring', '--compare', 'jump-paper')
        self.assertEqual([row['load'] for row in document['busiest']], [1000, 1000, 1000])
        self.assertIsNotNone(rows(document, 'balance', 'algorithm')['jump-paper']['note'])

    def test_sample_of_a_billion(self):
        row = balance('--shards', 1000, '--replicas', 3, '--keys', '1e9', '--sample', '200k',
                      '--algorithms', 'xxring')['xxring']
        self.assertLess(row['max_by_mean_low'], row['max_by_mean'])
        self.assertLess(row['max_by_mean'], row['max_by_mean_high'])
        self.assertLess(row['max_by_mean_low'], 1.2)
        exact = balance('--shards', 1000, '--replicas', 3, '--keys', '1e6',
                        '--algorithms', 'xxring')['xxring']
        self.assertLess(row['max_by_mean_low'], exact['max_by_mean'])
        self.assertGreater(row['max_by_mean_high'], exact['max_by_mean'])
        self.assertAlmostEqual(row['sd_percent'], exact['sd_percent'], delta=1.5)

    def test_csv_and_svg(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'load.svg')
            result = run('balance', '--keys', 1000, '--csv', '--svg', path)
            self.assertEqual(result.returncode, 0, result.stderr)
            texts = bench_testing.svg_texts(path)
        first, second = bench_testing.csv_tables(result.stdout)
        self.assertIn('mean', texts)
        for row in first:
            self.assertIn(row['algorithm'], texts)
        self.assertEqual(len(second), 3 * len(first))

    def test_errors(self):
        for args, part in ((('--requests', 5), '--zipf'), (('--zipf', 0), 'from 0.01'),
                           (('--log-pool', 'x'), '--access-log'),
                           (('--zipf', 1, '--key-file', 'x'), 'made-up'),
                           (('--zipf', 1, '--requests', 5, '--sample', 100), 'one of them'),
                           (('--algorithms', ','), 'nothing is named'),
                           (('--weights', '1,,x'), 'weights such as')):
            result = run('balance', *args)
            self.assertEqual((result.returncode, result.stdout), (1, ''), args)
            self.assertIn(part, result.stderr)


class Lookup(unittest.TestCase):
    def test_figures(self):
        document = answer('lookup', '--shards', '3,50', '--time', 5, '--compare', 'all',
                          '--key-length', 100)
        self.assertEqual(document['settings']['key_length'], 100)
        names = {row['algorithm'] for row in document['lookup']}
        self.assertEqual(len(document['lookup']), 2 * len(names))
        for row in document['lookup']:
            with self.subTest(row['algorithm'], shards=row['shards']):
                self.assertIsNone(row['note'])
                self.assertGreater(row['build_ms'], 0)
                self.assertGreater(row['key_lookup_ns'], 0)
                self.assertGreater(row['key_latency_ns'], 0)
                if row['algorithm'] != 'libmemcached':
                    self.assertGreater(row['memory_bytes'], 0)
                    self.assertGreater(row['lookup_ns'], 0)
                    self.assertGreater(row['latency_ns'], 0)

    def test_a_ring_of_ten_thousand(self):
        rings = rows(answer('lookup', '--shards', 10000, '--time', 5, '--algorithms',
                            'xxring,ketama,jump'), 'lookup', 'algorithm')
        self.assertGreater(rings['xxring']['memory_bytes'], 10000 * 512 * 8)
        self.assertGreater(rings['xxring']['build_ms'], rings['jump']['build_ms'])

    def test_svg(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'lookup.svg')
            result = run('lookup', '--shards', '2,20', '--time', 2, '--svg', path)
            self.assertEqual(result.returncode, 0, result.stderr)
            texts = bench_testing.svg_texts(path)
        for text in ('Lookup, throughput', 'Lookup, latency', 'Build', 'shards', 'ns', 'xxring'):
            self.assertIn(text, texts)

    def test_errors(self):
        for args in (('--shards', '10,x'), ('--shards', '0'), ('--key-length', 0), ('--time', 0),
                     ('--shards', ''), ('--shards', '70000')):
            result = run('lookup', *args)
            self.assertEqual((result.returncode, result.stdout), (1, ''), args)


if __name__ == '__main__':
    unittest.main()
