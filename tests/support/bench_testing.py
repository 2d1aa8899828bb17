"""Run ringway-bench and read what it writes."""
import csv
import io
import json
import os
import subprocess
import xml.etree.ElementTree

import ringway_testing

BENCH = os.path.join(ringway_testing.BUILD_DIR, 'bench', 'ringway-bench')
PATIENCE = 120.0  # seconds that a run may take on a loaded machine, with sanitizers
SVG = '{http://www.w3.org/2000/svg}'


def run(*args, stdin=None, env=None):
    """A finished process: returncode, stdout and stderr as text."""
    return subprocess.run([BENCH, *map(str, args)], input=stdin, capture_output=True,
                          timeout=PATIENCE, env=env, check=False,
                          **({} if isinstance(stdin, bytes) else {'text': True}))


def text_of(output):
    return output.decode() if isinstance(output, bytes) else output


def answer(*args, stdin=None, env=None):
    """The JSON of a run that must succeed."""
    result = run(*args, '--json', stdin=stdin, env=env)
    if result.returncode != 0:
        raise AssertionError('%s: exit %d\n%s' % (args, result.returncode, text_of(result.stderr)))
    return json.loads(text_of(result.stdout))


def rows(document, table, key):
    """The rows of a table of [document] by their column [key]."""
    return {row[key]: row for row in document[table]}


def csv_tables(text):
    """The tables of --csv, each a list of dicts."""
    return [list(csv.DictReader(io.StringIO(part))) for part in text.split('\n\n')]


def svg_texts(path):
    """All texts of an SVG file, which must be well-formed and have the size that it says."""
    root = xml.etree.ElementTree.parse(path).getroot()
    if root.tag != SVG + 'svg' or not root.get('viewBox').endswith(
            '%s %s' % (root.get('width'), root.get('height'))):
        raise AssertionError('not an SVG picture: %s' % path)
    return [element.text for element in root.iter(SVG + 'text')]
