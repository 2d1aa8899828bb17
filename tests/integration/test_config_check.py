"""The command line of the real program: --check, --route, --print-defaults, --help, exit codes."""
import os
import subprocess
import tempfile
import unittest

SOURCE_DIR = os.environ.get('RINGWAY_SOURCE_DIR') or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD_DIR = os.environ.get('RINGWAY_BUILD_DIR') or os.path.join(SOURCE_DIR, 'build', 'dev')
RINGWAY = os.path.join(BUILD_DIR, 'proxy', 'ringway')
PATIENCE = 60.0  # seconds that a run may take on a loaded machine, with sanitizers

GOOD = """\
admin: off
pools:
  - name: sessions
    timeouts: {request: "${REQUEST:-1s}"}
    shards:
      - {name: s0, replicas: [127.0.0.1:11311, 127.0.0.1:11321]}
      - {name: s1, replicas: 127.0.0.1:11312}
  - name: pages
    ring: {compatible_with: twemproxy}
    shards:
      - name: 127.0.0.1:11411
listeners:
  - {bind: 127.0.0.1:0, pool: sessions, routes: {"page:": pages}}
"""

HTTP = """\
admin: off
pools:
  - {name: web, protocol: http, shards: [{name: w0, replicas: 127.0.0.1:8081}]}
  - {name: keys, shards: [{name: 127.0.0.1:11411}]}
listeners:
  - bind: 127.0.0.1:0
    protocol: http
    pool: web
    routes:
      - {match: {path_prefix: /u/}, key: ["{query.user}", "{path.2}"], pool: web}
  - {bind: 127.0.0.1:0, pool: keys}
"""

BAD = """\
workrs: 2
pools:
  - name: sessions
    connections: 65
    shards: []
listeners:
  - {bind: 127.0.0.1:0, pool: session}
"""


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, text, name='ringway.yaml'):
        path = os.path.join(self.folder.name, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    def ringway(self, *arguments, text='', **variables):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith('RINGWAY_')}
        environment.update(variables)
        return subprocess.run([RINGWAY, *arguments], input=text, capture_output=True, text=True,
                              timeout=PATIENCE, env=environment, check=False)

    def succeeds(self, *arguments, text='', **variables):
        result = self.ringway(*arguments, text=text, **variables)
        self.assertEqual(result.stderr, '')
        self.assertEqual(result.returncode, 0)
        return result.stdout

    def fails(self, *arguments, text='', **variables):
        result = self.ringway(*arguments, text=text, **variables)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        return result.stderr.splitlines()


class Check(CommandLine):
    def test_good_file(self):
        path = self.write(GOOD)
        self.assertEqual(self.succeeds('-c', path, '--check'), 'configuration ok\n')
        self.assertEqual(self.succeeds('--check', '--config=' + path), 'configuration ok\n')

    def test_directory(self):
        self.write(GOOD)
        self.assertEqual(self.succeeds('-c', self.folder.name, '--check'), 'configuration ok\n')

    def test_mounted_config_map(self):
        """Kubernetes mounts a link to a link: ringway.yaml -> ..data/ringway.yaml."""
        os.mkdir(os.path.join(self.folder.name, '..2026'))
        self.write(GOOD, '..2026/ringway.yaml')
        os.symlink('..2026', os.path.join(self.folder.name, '..data'))
        os.symlink('..data/ringway.yaml', os.path.join(self.folder.name, 'ringway.yaml'))
        self.assertEqual(self.succeeds('-c', self.folder.name, '--check'), 'configuration ok\n')

    def test_every_problem_is_told(self):
        path = self.write(BAD)
        self.assertEqual(self.fails('-c', path, '--check'), [
            path + ':1: workrs: found an unknown key (did you mean workers?); accepted: workers, batch_delay, '
            'admin, log, drain, limits, timeouts, pools, listeners',
            path + ':4: pools[sessions].connections: found "65"; accepted: a number 1..64',
            path + ':5: pools[sessions].shards: found a list of 0; accepted: a list of 1..65534 '
            'shards',
            path + ':7: listeners[0].pool: found "session"; accepted: the name of a pool '
            '(sessions)',
        ])

    def test_missing_file(self):
        path = os.path.join(self.folder.name, 'none.yaml')
        self.assertEqual(self.fails('-c', path, '--check'), [
            path + ': file: found No such file or directory; accepted: a YAML file, or a directory '
            'with ringway.yaml'])
        empty = os.path.join(self.folder.name, 'empty')
        os.mkdir(empty)
        self.assertEqual(self.fails('-c', empty, '--check'), [
            empty + '/ringway.yaml: file: found No such file or directory; accepted: a YAML file, '
            'or a directory with ringway.yaml'])

    def test_environment(self):
        path = self.write(GOOD)
        self.succeeds('-c', path, '--check', RINGWAY_WORKERS='2', RINGWAY_SERVICE_HOST='10.0.0.1',
                      RINGWAY_PORT_11211_TCP_ADDR='10.0.0.1')
        self.assertEqual(self.fails('-c', path, '--check', RINGWAY_WORKERS='x'), [
            'environment: RINGWAY_WORKERS: found "x"; accepted: auto or a number 1..256'])
        self.assertEqual(self.fails('-c', path, '--check', RINGWAY_NONE='x'), [
            'environment: RINGWAY_NONE: found an unknown variable; accepted: RINGWAY_ and the path '
            'of an option, as in RINGWAY_ADMIN_BIND'])
        self.assertEqual(self.fails('-c', path, '--check', REQUEST='soon'), [
            path + ':4: pools[sessions].timeouts.request: found "soon"; accepted: a duration with '
            'a unit (us ms s m h), 100us..1h'])

    def test_http(self):
        path = self.write(HTTP)
        self.assertEqual(self.succeeds('-c', path, '--check'), 'configuration ok\n')
        self.succeeds('-c', path, '--check', RINGWAY_LISTENERS_0_ROUTES_0_KEY='{host}')
        lines = self.fails('-c', path, '--check', RINGWAY_LISTENERS_0_ROUTES_0_KEY='{hst}')
        self.assertEqual(len(lines), 1)
        self.assertTrue(lines[0].startswith(
            'environment: RINGWAY_LISTENERS_0_ROUTES_0_KEY: found "{hst}" ("hst" is no variable, did '
            'you mean host?); accepted: a template of text and {path} {path.N}'), lines[0])

    def test_protocols_do_not_mix(self):
        path = self.write(HTTP.replace('/u/}, key', '/u/}, prefix: a, key').replace('pool: keys}', 'pool: web}'))
        self.assertEqual(self.fails('-c', path, '--check'), [
            path + ':10: listeners[0].routes[0].prefix: found "a"; accepted: nothing, it is only for '
            'protocol: memcached',
            path + ':11: listeners[1].pool: found "web" (its protocol is http); accepted: the name of a '
            'pool with protocol: memcached'])

    def test_running_reports_the_same(self):
        path = self.write(BAD)
        self.assertEqual(self.fails('-c', path), self.fails('-c', path, '--check'))

    def test_command_line(self):
        self.assertEqual(
            self.succeeds('--listen', 'memcached://127.0.0.1:0', '--shard', 'a=127.0.0.1:1,[::1]:1',
                          '--shard', 'b=127.0.0.1:2', '--check'),
            'configuration ok\n')
        self.assertEqual(self.succeeds('--listen', 'http://127.0.0.1:0', '--shard', 'a=127.0.0.1:1', '--check'),
                         'configuration ok\n')

    def test_two_protocols_on_the_command_line(self):
        lines = self.fails('--listen', 'http://127.0.0.1:0', '--listen', 'memcached://127.0.0.1:0',
                           '--shard', 'a=127.0.0.1:1', '--check')
        self.assertEqual(lines, [
            'command line: --listen "memcached://127.0.0.1:0": found memcached beside http; accepted: '
            'one protocol for all --listen, because they share their shards; or -c FILE with a pool '
            'for each'])


class Route(CommandLine):
    def test_keys(self):
        path = self.write(GOOD)
        keys = ['key%d' % i for i in range(100)]
        replicas = {'s0': '127.0.0.1:11311,127.0.0.1:11321', 's1': '127.0.0.1:11312'}
        lines = self.succeeds('-c', path, '--route', 'sessions', *keys).splitlines()
        fields = [line.split('\t') for line in lines]
        self.assertEqual([field[0] for field in fields], keys)
        self.assertEqual({field[1] for field in fields}, {'s0', 's1'})
        for _, shard, address in fields:
            self.assertEqual(address, replicas[shard])
        self.assertEqual(
            self.succeeds('-c', path, '--route', 'sessions', '-', text='\n'.join(keys)).splitlines(),
            lines)

    def test_addresses_do_not_matter(self):
        keys = ['key%d' % i for i in range(100)]
        first = self.write(GOOD, 'a.yaml')
        second = self.write(GOOD.replace('127.0.0.1:11312', 'other:1'), 'b.yaml')
        routes = [[line.split('\t')[:2] for line in
                   self.succeeds('-c', path, '--route', 'sessions', *keys).splitlines()]
                  for path in (first, second)]
        self.assertEqual(routes[0], routes[1])

    def test_one_shard_by_name(self):
        path = self.write(GOOD)
        self.assertEqual(self.succeeds('-c', path, '--route', 'pages', 'k', '--', '-x'),
                         'k\t127.0.0.1:11411\t127.0.0.1:11411\n'
                         '-x\t127.0.0.1:11411\t127.0.0.1:11411\n')

    def test_bad_keys(self):
        path = self.write(GOOD)
        result = self.ringway('-c', path, '--route', 'pages', 'a', '-', 'b',
                              text='%s\n\nc' % ('x' * 251))
        self.assertEqual(result.returncode, 1)
        self.assertEqual([line[0] for line in result.stdout.splitlines()], ['a', 'c', 'b'])
        self.assertEqual(result.stderr.splitlines(), [
            'ringway: a key of 251 bytes: found "%s..."; accepted: 1..250 bytes' % ('x' * 40),
            'ringway: a key of 0 bytes: found ""; accepted: 1..250 bytes'])

    def test_unknown_pool(self):
        path = self.write(GOOD)
        self.assertEqual(self.fails('-c', path, '--route', 'none', 'k'),
                         ['ringway: --route: found the pool "none"; accepted: sessions, pages'])


class Others(CommandLine):
    def test_defaults_load(self):
        path = self.write(self.succeeds('--print-defaults'))
        self.assertEqual(self.succeeds('-c', path, '--check'), 'configuration ok\n')

    def test_help(self):
        text = self.succeeds('--help')
        self.assertEqual(self.succeeds('-h'), text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        for option in ('--config', '--check', '--route', '--listen', '--shard', '--admin',
                       '--print-defaults', '--version'):
            self.assertIn(option, text)

    def test_version(self):
        self.assertRegex(self.succeeds('--version'), r'^ringway \d+\.\d+\.\d+\n$')

    def test_usage_errors(self):
        for arguments in ([], ['--nonsense'], ['-c'], ['word'], ['-c', 'f', '--check', 'word'],
                          ['-c', 'f', '--route', 'p'], ['-c', 'f', '--shard', 'a=h:1']):
            with self.subTest(arguments):
                lines = self.fails(*arguments)
                self.assertEqual(len(lines), 1)
                self.assertRegex(lines[0], r'^ringway: .*; try --help$')

    def test_full_disk(self):
        with open('/dev/full', 'w', encoding='utf-8') as full:
            result = subprocess.run([RINGWAY, '--print-defaults'], stdout=full, timeout=PATIENCE,
                                    stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, 'ringway: the output cannot be written\n')


if __name__ == '__main__':
    unittest.main()
