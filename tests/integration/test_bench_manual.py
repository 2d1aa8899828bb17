"""ringway-bench(1) names every command and every option that --help does, and no other."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))

from bench_testing import run
from ringway_testing import SOURCE_DIR

PAGE = os.path.join(SOURCE_DIR, 'bench', 'man', 'ringway-bench.1')


class Manual(unittest.TestCase):
    def test_options(self):
        with open(PAGE, encoding='utf-8') as file:
            page = file.read()
        commands = re.findall(r'^  ([a-z-]+) +\S', run('--help').stdout, re.MULTILINE)
        self.assertIn('remap', commands)
        helped = set()
        for command in commands:
            self.assertRegex(page, r'\.It Cm %s\n' % command)
            helped |= set(re.findall(r'^  --([a-z-]+)', run(command, '--help').stdout, re.MULTILINE))
        named = set(re.findall(r'Fl -([a-z-]+)', page))
        self.assertEqual(helped - named, set(), 'options that the page lacks')
        self.assertEqual(named - helped - {'version', 'name'}, set(), 'options that are none')


if __name__ == '__main__':
    unittest.main()
