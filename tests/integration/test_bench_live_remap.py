"""ringway-bench live-remap: proxies that are restarted with one more shard, and what goes wrong."""
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import ringway_testing as rt
from bench_loading import Running, dav_nginx, http_config


class LiveRemapTest(rt.ProcessTestCase):
    """The proxy is restarted with one more shard."""

    def start(self, n_shards=4):
        shards = {name: self.memcached().target() for name in 'abcd'[:n_shards]}
        self.pool = rt.pool_config('main', shards)
        self.proxy = self.ringway(rt.proxy_config([dict(self.pool,
                                                        shards=self.pool['shards'][:-1])]))
        self.proxy.wait_ready()
        self.after = dict(self.proxy.config, pools=[self.pool])
        self.to = os.path.join(self.folder, 'to.yaml')
        self.from_ = os.path.join(self.folder, 'from.yaml')
        for path, config in ((self.from_, self.proxy.config), (self.to, self.after)):
            with open(path, 'w', encoding='utf-8') as file:
                json.dump(config, file)

    def restart(self):
        self.proxy.stop()
        self.proxy.config = self.after
        self.proxy.start()
        self.proxy.wait_ready()

    def remap(self, *argv, **options):
        target = 'memcached://127.0.0.1:%d' % self.proxy.address()[1]
        return Running(['live-remap', '--target', target, '--json', '--keys', 5000, '--rate', 5000,
                        '--before', 1, '--max-seconds', 40, '--progress'] + list(argv), **options)

    def moved(self):
        """Keys that have another shard afterwards, by the proxy's own word."""
        keys = ['bench:' + '.' * 17 + '%09d' % i for i in range(5000)]
        before = self.proxy.route(keys)
        self.restart()
        after = self.proxy.route(keys)
        return sum(1 for key in keys if before[key] != after[key])

    def check(self, code, report, err, expected):
        self.assertEqual(code, 0, (err, report))
        summary = report['summary'][0]
        self.assertEqual(summary['before_percent'], 100)
        self.assertEqual(summary['lost_keys'], expected)
        self.assertAlmostEqual(summary['lost_percent'], 25, delta=4)
        self.assertLess(summary['lowest_percent'], 98)
        self.assertGreater(summary['recovery_seconds'], 0)
        self.assertEqual(summary['recovered'], 'yes')
        phases = [second['phase'] for second in report['seconds']]
        self.assertEqual(phases[0], 'before')
        self.assertIn('change', phases)
        self.assertEqual(phases[-1], 'after')
        self.assertGreater(report['seconds'][-1]['hit_percent'], 98.9)
        self.assertRegex(err,
                         r'second +hit rate +0 % +100 % +misses +errors\n +1 +100\.00 %  \|#{40}\| +0 +0\n')

    def test_by_a_command(self):
        """Exactly the keys whose shard is another one are missed, as the two rings say."""
        self.start()
        wish, done = os.path.join(self.folder, 'wish'), os.path.join(self.folder, 'done')
        svg = os.path.join(self.folder, 'remap.svg')
        running = self.remap('--change',
                             'echo changing; touch %s; while [ ! -e %s ]; do sleep 0.05; done' % (wish, done),
                             '--from', self.from_, '--to', self.to, '--svg', svg)
        rt.wait_until(lambda: os.path.exists(wish), 'the command runs')
        moved = self.moved()
        with open(done, 'w', encoding='utf-8'):
            pass
        code, report, err = running.json()
        self.check(code, report, err, moved)
        self.assertEqual(report['summary'][0]['expected_keys'], moved)
        self.assertIn('changing\n', err)
        self.assertIn('Hit rate', ' '.join(xml.etree.ElementTree.parse(svg).getroot().itertext()))

    def test_by_a_file(self):
        self.start()
        done = os.path.join(self.folder, 'done')
        running = self.remap('--wait-for-file', done)
        time.sleep(3)
        moved = self.moved()
        with open(done, 'w', encoding='utf-8'):
            pass
        code, report, err = running.json()
        self.check(code, report, err, moved)
        self.assertIsNone(report['summary'][0]['expected_keys'])
        self.assertIn('then create %s' % done, err)

    def test_by_enter(self):
        self.start()
        running = self.remap(stdin=subprocess.PIPE)
        time.sleep(3)
        moved = self.moved()
        code, report, err = running.json(b'\n')
        self.check(code, report, err, moved)
        self.assertIn('then press Enter', err)

    def test_nothing_changes(self):
        self.start()
        code, report, err = self.remap('--change', 'true', '--from', self.from_, '--to',
                                       self.from_).json()
        self.assertEqual(code, 0, err)
        self.assertEqual(report['summary'][0]['lost_keys'], 0)
        self.assertEqual(report['summary'][0]['expected_keys'], 0)
        self.assertEqual(report['summary'][0]['recovery_seconds'], 0)
        self.assertEqual(report['summary'][0]['lowest_percent'], 100)

    def test_a_command_that_fails(self):
        self.start(2)
        code, report, _ = self.remap('--change', 'exit 7').json()
        self.assertEqual(code, 2)
        self.assertIn('The command ended with 7.', report['notes'])

    def test_a_command_without_end(self):
        """It is ended with what it started."""
        self.start(2)
        code, report, _ = self.remap('--change', 'sleep 1000 & echo $! >%s/pid; wait' % self.folder,
                                     '--max-seconds', 3).json()
        self.assertEqual(code, 2)
        self.assertIn('The change was not completed.', report['notes'])
        with open(os.path.join(self.folder, 'pid'), encoding='ascii') as file:
            pid = int(file.read())
        rt.wait_until(lambda: not os.path.exists('/proc/%d' % pid) or self.is_zombie(pid),
                      'the command is gone')

    @staticmethod
    def is_zombie(pid):
        try:
            with open('/proc/%d/stat' % pid, encoding='ascii', errors='replace') as stat:
                return stat.read().rsplit(')', 1)[1].split()[0] == 'Z'
        except FileNotFoundError:
            return True

    def test_it_does_not_come_back(self):
        """The proxy is gone: seconds without an answer are no recovery, and it ends."""
        self.start(2)
        began = time.monotonic()
        code, _, err = self.remap('--change', 'kill -9 %d' % self.proxy.process.pid,
                                  '--max-seconds', 4).result()
        self.assertEqual(code, 2)
        self.assertIn('no answer', err)
        self.assertLess(time.monotonic() - began, 40)
        self.proxy.allowed_exits = {-9}

    def test_wrong_options(self):
        self.start(2)
        for argv, text in ((['--from', self.from_], '--from and --to belong together'),
                           (['--change', 'true', '--wait-for-file', 'x'], 'not both'),
                           (['--from', self.from_, '--to', '/nonexistent.yaml'],
                            '/nonexistent.yaml'),
                           (['--from', self.from_, '--to', self.to, '--pool', 'other'],
                            'no pool other')):
            with self.subTest(argv):
                code, out, err = self.remap(*argv).result()
                self.assertEqual((code, out), (1, ''))
                self.assertIn(text, err)

    def test_http(self):
        """PUT and GET, one nginx more; the rings know the whole path."""
        servers = {name: dav_nginx(self).target() for name in 'abc'}
        config = http_config({name: servers[name] for name in 'ab'})
        after = dict(config, pools=[dict(rt.pool_config('web', servers), protocol='http')])
        self.proxy, self.after = self.ringway(config), after
        from_, to = os.path.join(self.folder, 'from.yaml'), os.path.join(self.folder, 'to.yaml')
        for path, content in ((from_, config), (to, after)):
            with open(path, 'w', encoding='utf-8') as file:
                json.dump(content, file)
        done = os.path.join(self.folder, 'done')
        running = Running(['live-remap', '--target',
                           'http://127.0.0.1:%d/s' % self.proxy.address()[1], '--json',
                           '--keys', 500, '--rate', 1000, '--connections', 8, '--before', 1, '--wait-for-file', done,
                           '--from', from_, '--to', to, '--max-seconds', 40])
        time.sleep(3)
        self.restart()
        with open(done, 'w', encoding='utf-8'):
            pass
        code, report, err = running.json()
        self.assertEqual(code, 0, (err, report))
        summary = report['summary'][0]
        self.assertEqual(summary['lost_keys'], summary['expected_keys'])
        self.assertAlmostEqual(summary['lost_percent'], 33, delta=9)


if __name__ == '__main__':
    rt.main()
