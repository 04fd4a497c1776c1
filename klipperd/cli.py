"""C{klipperd CONFIG}: the motion host alone, a drop-in for the usual motion host process."""

import argparse
import os
import signal
import sys
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from klipperd.log import Log
from klipperd.objects.services import HostSettings
from klipperd.reactor import REACTORS, install_reactor
from klipperd.version import VERSION

__all__ = ["main", "run_until_stopped"]

_log = Logger()

STOP_WITHIN = 4.5
"""Seconds after which the process ends even if a part of it hangs."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("klipperd", description="3D printer motion host")
    parser.add_argument("config", help="the printer's configuration file")
    parser.add_argument("-a", "--api-server", metavar="SOCKET", help="path of the API unix socket")
    parser.add_argument("-l", "--logfile", metavar="FILE", help="write the log to FILE instead of stderr")
    parser.add_argument(
        "-I", "--input-tty", metavar="PTY", default="/tmp/printer", help="link to the pseudo-tty"
    )
    parser.add_argument(
        "--reactor", choices=REACTORS, default="uvloop", help="event loop (default: %(default)s)"
    )
    parser.add_argument("--version", action="version", version=VERSION)
    return parser


def run_until_stopped(reactor: Any, service: Any, log: Log) -> int:
    """Run C{service} until SIGTERM or SIGINT, then stop it within L{STOP_WITHIN}; SIGHUP reopens the log.

    The result is the exit code: 1 when the service could not start (the reason goes to stderr), else 0.
    """
    failed = False

    def stop() -> "Deferred[None]":
        stopped: Deferred[None] = maybeDeferred(service.stopService)
        stopped.addTimeout(
            STOP_WITHIN, reactor, lambda *_: _log.error("stopping took too long; leaving anyhow")
        )
        return stopped

    def start() -> None:
        nonlocal failed
        signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(log.reopen))
        try:
            service.startService()
        except Exception as error:
            _log.failure("cannot start")
            print(f"cannot start: {error}", file=sys.stderr)
            failed = True
            reactor.stop()

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", stop)
    reactor.run()
    return int(failed)


def main() -> None:
    """Run C{klipperd}."""
    options = _parser().parse_args()
    log = Log(options.logfile)
    try:
        log.start()
    except OSError as error:
        sys.exit(f"klipperd: cannot write the log {options.logfile}: {error.strerror}")
    reactor = install_reactor(options.reactor)
    # Only now: these modules may touch the reactor that is installed when they are imported.
    from klipperd.fine_clock import FineClock
    from klipperd.service import make_motion_host

    settings = HostSettings(
        config_file=os.path.abspath(options.config),
        log_file=options.logfile and os.path.abspath(options.logfile),
        software_version=VERSION,
    )
    motion_host = make_motion_host(
        reactor, FineClock(reactor), settings, options.api_server, options.input_tty
    )
    sys.exit(run_until_stopped(reactor, motion_host.service, log))


if __name__ == "__main__":
    main()
