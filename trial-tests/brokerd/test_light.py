"""A broker that was imported lightly lacks nothing: TLS comes with the first connection that has it."""

import subprocess
import sys
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[2]
CONFIG = """\
[server]
host: 127.0.0.1
port: 0
[machine]
provider: none
validate_service: False
"""
SCRIPT = """
import datetime, sys
from pathlib import Path
from brokerd.light import light_imports

def loaded():
    names = ("OpenSSL", "cryptography", "service_identity", "autobahn.twisted.wamp", "cbor2", "click")
    return [name for name in names if "__file__" in vars(sys.modules.get(name, object))]

with light_imports():
    from twisted.internet import asyncioreactor
    asyncioreactor.install()
    from twisted.internet import reactor
    import brokerd.service
    import brokerd.uds
assert loaded() == [], loaded()

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from brokerd.http_client import HttpClient, HttpFailure
from brokerd.tls.context import ServerTls
from brokerd.threads import WorkerThreads

threads = WorkerThreads(reactor, "test", 2)
client = HttpClient(reactor, threads)

async def talk():
    threads.startService()
    tls = ServerTls(Path(sys.argv[1]), threads, lambda: 1.8e9)
    context = await tls.context()
    from twisted.protocols.tls import TLSMemoryBIOFactory
    port = reactor.listenTCP(0, TLSMemoryBIOFactory(context, False, Factory.forProtocol(Protocol)),
                             interface="127.0.0.1")
    try:
        await client.get(f"https://localhost:{port.getHost().port}/")
    except HttpFailure as error:
        # Its certificate is of an authority that nobody knows: so the two have spoken TLS.
        print("refused" if "certificate" in str(error) else f"failed: {error}")
    await port.stopListening()
    await client.close()
    await threads.stopService()

def ended(result):
    if result is not None:
        print(result)
    reactor.stop()

reactor.callWhenRunning(lambda: Deferred.fromCoroutine(talk()).addBoth(ended))
reactor.callLater(50, reactor.stop)
reactor.run()
assert "OpenSSL" in loaded(), loaded()
"""


class LightTests(SynchronousTestCase):
    timeout = 100

    def test_tls_comes_when_it_is_needed(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        said = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=90
        )
        self.assertEqual((said.stdout, said.returncode), ("refused\n", 0), said.stderr)

    def test_a_broker_of_its_own_starts_lightly(self) -> None:
        data = Path(self.mktemp()).absolute()
        (data / "config").mkdir(parents=True)
        (data / "config" / "moonraker.conf").write_text(CONFIG)
        command = [sys.executable, "-m", "brokerd.cli", "-d", str(data)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        late = threading.Timer(60.0, process.kill)
        late.start()
        try:
            assert process.stdout is not None
            self.assertTrue(process.stdout.readline().startswith("ready "))
            self.assertNotIn("cryptography", Path(f"/proc/{process.pid}/maps").read_text())
        finally:
            late.cancel()
            process.terminate()
            process.communicate(timeout=20)
