"""What C{klipperd CONFIG -i GCODE -o OUT -d DICT} does."""

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack

from twisted.logger import Logger

from klipperd.batch.errors import BatchError
from klipperd.batch.offline import FileMcus
from klipperd.batch.run import OfflineHost
from klipperd.errors import CommandError
from klipperd.mcu.pin_names import MAIN_CHIP
from klipperd.wire.dictionary import Dictionary
from klipperd.wire.filelink import FileLink

__all__ = ["output_path", "run_batch"]

_log = Logger()


def output_path(output: str, mcu: str) -> str:
    """Where the commands of an MCU go: C{OUT}, or C{OUT-NAME} for a further one."""
    return output if mcu == MAIN_CHIP else f"{output}-{mcu}"


def run_batch(config: str, gcode: str, output: str, dictionaries: Mapping[str, Dictionary]) -> None:
    """Turn a G-code file into the commands that MCUs would get.

    @raise BatchError: with the place of what is wrong, in the configuration or in the G-code.
    """
    with ExitStack() as resources:

        def open_link(mcu: str) -> FileLink:
            target = open(output_path(output, mcu), "wb", buffering=0)  # noqa: SIM115
            resources.enter_context(target)
            return FileLink(target.fileno())

        mcus = FileMcus(dictionaries, open_link)
        try:
            with OfflineHost(os.path.abspath(config), mcus) as host, host.open_file(gcode) as file:
                host.dispatcher.listen(_tell)
                host.run_file(file)
                mcus.write()
                _summarize(mcus, host.clock.seconds())
        except OSError as error:
            raise BatchError(f"cannot write {output}: {error.strerror}") from error
        except CommandError as error:
            raise BatchError(str(error)) from error


def _tell(line: str) -> None:
    _log.info("{line}", line=line)
    if line.startswith("// Unknown command"):
        print(line.removeprefix("// "), file=sys.stderr)


def _summarize(mcus: FileMcus, seconds: float) -> None:
    for line in mcus.lines:
        commands, blocks, size = line.link.written
        _log.info(
            "MCU {name!r}: {commands} commands in {blocks} blocks, {size} bytes",
            name=line.name, commands=commands, blocks=blocks, size=size,
        )  # fmt: skip
    _log.info("print time {seconds:.3f} s", seconds=seconds)
