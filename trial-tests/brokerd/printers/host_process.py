"""A motion host in a process of its own: C{python -m trial-tests.brokerd.printers.host_process SOCKET}."""

import sys

from twisted.internet import reactor

from ..fake_host import FakeHost, FakeHostServer

if __name__ == "__main__":
    reactor.listenUNIX(sys.argv[1], FakeHostServer(FakeHost()))
    print("listening", flush=True)
    reactor.run()
