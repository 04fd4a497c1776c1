"""C{klipperd CONFIG}: the motion host alone, a drop-in for the usual motion host process."""

import argparse
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from klipperd.quick_start import keep_generated_code, leave_out, put_off
from klipperd.reactor import REACTORS, install_reactor

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from klipperd.log import Log

# Whatever else is needed is imported where it is needed: a batch run is over soon.

__all__ = ["main", "run_until_stopped"]

STOP_WITHIN = 4.5
"""Seconds after which the process ends even if a part of it hangs."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("klipperd", description="3D printer motion host")
    parser.add_argument("config", nargs="?", help="the printer's configuration file")
    parser.add_argument("-a", "--api-server", metavar="SOCKET", help="path of the API unix socket")
    parser.add_argument("-l", "--logfile", metavar="FILE", help="write the log to FILE instead of stderr")
    parser.add_argument(
        "-I", "--input-tty", metavar="PTY", default="/tmp/printer", help="link to the pseudo-tty"
    )
    parser.add_argument(
        "--reactor", choices=REACTORS, default="uvloop", help="event loop (default: %(default)s)"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")
    parser.add_argument("--version", action="store_true", help="show the version, and end")
    batch = parser.add_argument_group("batch mode", "what the micro-controllers would be told, into a file")
    batch.add_argument("-i", "--input", metavar="GCODE", help="execute this file without hardware, and end")
    batch.add_argument("-o", "--output", metavar="OUT", help="for the commands; OUT-NAME for further MCUs")
    batch.add_argument(
        "-d",
        "--dictionary",
        metavar="[NAME=]DICT",
        action="append",
        default=[],
        help="data dictionary of the main MCU, or of the MCU NAME; repeat for each MCU",
    )
    batch.add_argument("--decode", metavar="OUT", help="show such a file as text (with -d)")
    return parser


def _batch(options: argparse.Namespace) -> int:
    """Batch mode; the exit code."""
    import gc

    gc.disable()  # nothing that is imported is garbage
    leave_out("ssl")
    generated = keep_generated_code("batch")
    from klipperd.batch.dictionaries import read_dictionaries
    from klipperd.batch.errors import BatchError

    try:
        dictionaries = read_dictionaries(options.dictionary)
        if options.decode is not None:
            from klipperd.batch.decode import print_decoded

            print_decoded(options.decode, dictionaries)
            return 0
        from klipperd.batch.command import run_batch

        gc.freeze()
        gc.enable()
        if options.logfile is not None:
            from klipperd.log import Log

            Log(options.logfile, options.verbose).start()
        run_batch(options.config, options.input, options.output, dictionaries)
        generated.write()
    except BatchError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"klipperd: {error}", file=sys.stderr)
        return 1
    return 0


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> bool:
    """Whether it is batch mode; ends the process where options do not fit together."""
    if options.decode is not None:
        if not options.dictionary:
            parser.error("--decode needs -d DICT")
        return True
    if options.config is None:
        parser.error("the configuration file is missing")
    if options.input is None:
        if options.output is not None or options.dictionary:
            parser.error("-o and -d belong to batch mode: add -i GCODE")
        return False
    if options.output is None or not options.dictionary:
        parser.error("batch mode needs -o OUT and -d DICT beside -i")
    return True


def run_until_stopped(reactor: Any, service: Any, log: "Log") -> int:
    """Run C{service} until SIGTERM or SIGINT, then stop it within L{STOP_WITHIN}; SIGHUP reopens the log.

    The result is the exit code: 1 when the service could not start (the reason goes to stderr), else 0.
    """
    from twisted.internet.defer import maybeDeferred
    from twisted.logger import Logger

    log_event = Logger(__name__)
    failed = in_order = False

    def stop() -> "Deferred[None]":
        stopped: Deferred[None] = maybeDeferred(service.stopService)
        stopped.addTimeout(STOP_WITHIN, reactor)
        stopped.addCallbacks(note_order, lambda f: log_event.failure("leaving without having stopped", f))
        return stopped

    def note_order(_: object) -> None:
        nonlocal in_order
        in_order = True

    def start() -> None:
        nonlocal failed
        signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(log.reopen))
        try:
            service.startService()
        except Exception as error:
            log_event.failure("cannot start")
            print(f"cannot start: {error}", file=sys.stderr)
            failed = True
            reactor.stop()

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger("before", "shutdown", stop)
    reactor.run()
    if not in_order:
        # Threads of what has not stopped would keep the process for ever.
        sys.stdout.flush()
        os._exit(1)
    return int(failed)


def main() -> None:
    """Run C{klipperd}."""
    parser = _parser()
    options = parser.parse_args()
    if options.version:
        from klipperd.version import VERSION

        print(VERSION)
        return
    put_off("http.cookiejar")
    if _check(parser, options):
        sys.exit(_batch(options))
    leave_out("OpenSSL", "service_identity")  # Twisted's TLS, which is large; a motion host has no use for it
    generated = keep_generated_code("klipperd")
    from klipperd.log import Log
    from klipperd.objects.services import HostSettings

    log = Log(options.logfile, options.verbose)
    try:
        log.start()
    except OSError as error:
        sys.exit(f"klipperd: cannot write the log {options.logfile}: {error.strerror}")
    reactor = install_reactor(options.reactor)
    # Only now: these modules may touch the reactor that is installed when they are imported.
    from klipperd.fine_clock import FineClock
    from klipperd.service import make_motion_host
    from klipperd.version import VERSION

    settings = HostSettings(
        config_file=os.path.abspath(options.config),
        log_file=options.logfile and os.path.abspath(options.logfile),
        software_version=VERSION,
    )
    motion_host = make_motion_host(
        reactor, FineClock(reactor), settings, options.api_server, options.input_tty
    )
    motion_host.host.on_state(lambda *_: reactor.callInThread(generated.write))
    sys.exit(run_until_stopped(reactor, motion_host.service, log))


if __name__ == "__main__":
    main()
