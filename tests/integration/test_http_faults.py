"""Faults that meet each other: timers that end one attempt and begin another, bytes that nobody asked
for, peers that end while bytes are under way, descriptors that run out.
"""
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import http_testing as http
import ringway_testing as rt
from http_testing import request


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


if __name__ == '__main__':
    http.main()
