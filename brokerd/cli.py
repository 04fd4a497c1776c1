"""The command C{brokerd}: a broker of its own, for a motion host behind a socket."""

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from brokerd import SERVER_VERSION
from brokerd.configfile import ConfigError
from brokerd.light import light_imports
from brokerd.reactor import REACTORS, install_reactor

if TYPE_CHECKING:
    from brokerd.configuration import LoadedConfiguration

__all__ = ["main"]


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="brokerd", description="API broker of a 3D printer")
    parser.add_argument("-d", "--datapath", type=Path, default=Path("~/printer_data"), help="data directory")
    config = "configuration (default: DATA/config/moonraker.conf)"
    parser.add_argument("-c", "--configfile", type=Path, help=config)
    parser.add_argument("-u", "--unixsocket", metavar="UDS", help="socket of the motion host")
    parser.add_argument("--pages", type=Path, help="directory of pages to serve at /")
    parser.add_argument("--reactor", choices=REACTORS, default="uvloop", help="event loop")
    parser.add_argument("--version", action="version", version=f"brokerd {SERVER_VERSION}")
    return parser.parse_args(words)


class LogFile:
    """A log file that is opened again on SIGHUP, after something else has moved it away."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a")

    def write(self, text: str) -> None:
        self._file.write(text)

    def flush(self) -> None:
        self._file.flush()

    def reopen(self) -> None:
        """Go on in a file of the same name."""
        self._file.close()
        self._file = self._path.open("a")


def _start_logging(data: Path, reactor: Any) -> LogFile:
    from twisted.logger import (
        FilteringLogObserver,
        LogLevel,
        LogLevelFilterPredicate,
        globalLogBeginner,
        textFileLogObserver,
    )

    logs = data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    file = LogFile(logs / "moonraker.log")
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(file.reopen))
    predicate = LogLevelFilterPredicate(LogLevel.info)
    # It would note each try to reach a motion host that is switched off.
    predicate.setLogLevelForNamespace("twisted.application._client_service", LogLevel.warn)
    observers = [textFileLogObserver(sys.stderr), textFileLogObserver(cast(Any, file))]
    globalLogBeginner.beginLoggingTo(
        [FilteringLogObserver(each, [predicate]) for each in observers], redirectStandardIO=False
    )
    return file


def main(words: list[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    arguments = _arguments(sys.argv[1:] if words is None else words)
    data = arguments.datapath.expanduser().absolute()
    try:
        with light_imports():
            from brokerd.configuration import load

            loaded = load(data, arguments.configfile, arguments.unixsocket)
    except ConfigError as error:
        sys.exit(f"brokerd: {error}")
    with light_imports():
        reactor = install_reactor(arguments.reactor)
    log = _start_logging(data, reactor)
    _run(arguments, data, loaded, reactor, log)


def _run(
    arguments: argparse.Namespace, data: Path, loaded: "LoadedConfiguration", reactor: Any, log: LogFile
) -> None:
    from attrs import evolve
    from twisted.internet.error import CannotListenError

    with light_imports():
        from brokerd.configuration import load
        from brokerd.service import Broker
        from brokerd.uds import SocketLink

    for warning in loaded.settings.warnings:
        print(f"brokerd: {warning}", file=sys.stderr)

    def settings() -> Any:
        again = load(data, arguments.configfile, arguments.unixsocket)
        return evolve(again.settings, pages=arguments.pages, reopen_log=log.reopen)

    def link_to(printer: Any) -> SocketLink:
        return SocketLink(reactor, reactor, printer.default_socket)

    broker = Broker(settings, SocketLink(reactor, reactor, loaded.host_socket), reactor, link_to)
    try:
        broker.startService()
    except CannotListenError as error:
        sys.exit(f"brokerd: {error}")
    broker.when_ready().addCallback(lambda url: print(f"ready {url}", flush=True))
    reactor.addSystemEventTrigger("before", "shutdown", broker.stopService)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    reactor.run()


if __name__ == "__main__":
    main()
