"""One micro-controller as the printer's objects see it: its clock, its configuration, its messages.

Life: L{Mcu.prepare} finds it and reads its dictionary; objects are built and say what they need;
L{Mcu.connect} configures it; L{Mcu.close} lets go.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorFDSet, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from klipperd.mcu.clock_estimate import ClockEstimate, extend_clock
from klipperd.mcu.configuration import McuConfiguration
from klipperd.mcu.configuring import Configurator
from klipperd.mcu.connection import Answer, Connection, MessageHandler
from klipperd.mcu.errors import McuError, McuLost
from klipperd.mcu.faults import Circumstances, explain_shutdown
from klipperd.mcu.line import Line, LineSettings
from klipperd.mcu.print_clock import PrintClock, PrintClockFollower
from klipperd.mcu.statistics import McuStatistics
from klipperd.mcu.timekeeper import Timekeeper
from klipperd.objects import status_field
from klipperd.objects.services import HostControl
from klipperd.wire.codec import Message
from klipperd.wire.dictionary import OUTPUT, Dictionary
from klipperd.wire.errors import WireError
from klipperd.wire.link import Link
from klipperd.workers import Workers

__all__ = ["Mcu", "McuStatus"]

_log = Logger()

StartCommands = Callable[[bool], Iterable[bytes]]
"""Called once the MCU is configured, with whether it was so before; gives commands to send."""
Explainer = Callable[[str], str | None]
"""Given the reason of a shutdown, what this object knows about it."""

_LONGEST_WAIT = 2.0
"""s; moves under way at the end of a printer's life are waited for so long."""


@frozen
class McuStatus:
    """Status of a micro-controller."""

    mcu_version: str = status_field(doc="version of the firmware")
    mcu_build_versions: str = status_field(doc="versions of the tools that built it")
    mcu_constants: Mapping[str, Any] = status_field(doc="constants of its dictionary")
    last_stats: Mapping[str, float] = status_field(doc="load of the micro-controller and its link")


@define(eq=False, repr=False)
class Mcu:
    """One micro-controller.

    Its clock of the host must be the one that links report: CLOCK_MONOTONIC (L{klipperd.fine_clock}) or the
    scaled one (L{klipperd.clock}).

    @ivar name: C{mcu}, or the name of its section.
    @ivar main: the MCU whose clock is the print time; itself for the main one.
    """

    name: str
    _clock: IReactorTime
    _host: HostControl
    _line: Line
    configuration: McuConfiguration = field(init=False)
    main: "Mcu" = field(init=False)
    fault: str | None = field(init=False, default=None)
    """Why the MCU has shut down; C{None} while it has not."""
    _timekeeper: Timekeeper = field(init=False)
    _follower: PrintClockFollower = field(init=False)
    _statistics: McuStatistics = field(init=False)
    _at_start: list[StartCommands] = field(init=False, factory=list)
    _explainers: list[Explainer] = field(init=False, factory=list)
    _death_listeners: list[Callable[[], None]] = field(init=False, factory=list)
    _clock_listeners: list[Callable[[PrintClock], None]] = field(init=False, factory=list)
    _connected: bool = field(init=False, default=False)
    _ended: bool = field(init=False, default=False)

    @classmethod
    def at(
        cls,
        name: str,
        settings: LineSettings,
        *,
        clock: IReactorTime,
        reactor: IReactorFDSet,
        workers: Workers,
        host: HostControl,
    ) -> "Mcu":
        """An MCU that L{prepare} will look for."""
        return cls(name, clock, host, Line(name, settings, clock, reactor, workers))

    def __attrs_post_init__(self) -> None:
        self.configuration = McuConfiguration(self.name, self._line.checksum_salt)
        self.main = self

    # ---- what it is ----

    @property
    def connection(self) -> Connection:
        """The conversation with it; only after L{prepare}."""
        return self._line.open_connection

    @property
    def dictionary(self) -> Dictionary:
        """What it offers; only after L{prepare}."""
        return self.connection.dictionary

    @property
    def link(self) -> Link:
        """Its wire, for compiled senders and trigger groups; the same object for as long as the MCU lives."""
        return self.connection.link

    @property
    def freq(self) -> float:
        """Nominal ticks per second."""
        return float(self.dictionary.integer("CLOCK_FREQ"))

    @property
    def alive(self) -> bool:
        """Whether it is configured, not shut down and not lost."""
        return self._connected and self.fault is None and self.connection.lost is None

    # ---- time ----

    def seconds_to_ticks(self, seconds: float) -> int:
        """A duration in nominal ticks."""
        return round(seconds * self.freq)

    @property
    def print_clock(self) -> PrintClock:
        """Its clock as a function of print time. That of the main MCU never changes."""
        return self._follower.clock

    def on_print_clock(self, listener: Callable[[PrintClock], None]) -> None:
        """Call C{listener} with the print clock now and whenever it is renewed (about every second)."""
        self._clock_listeners.append(listener)
        listener(self.print_clock)

    def print_time_to_clock(self, print_time: float) -> int:
        """64-bit clock at a print time."""
        return self.print_clock.clock_at(print_time)

    def clock_to_print_time(self, clock: int) -> float:
        """Print time of a 64-bit clock."""
        return self.print_clock.print_time_at(clock)

    def extend_clock(self, clock32: int) -> int:
        """The 64-bit clock of a 32-bit one that the MCU told lately."""
        return extend_clock(clock32, round(self._timekeeper.estimate.clock_at(self._clock.seconds())))

    def estimated_print_time(self, eventtime: float) -> float:
        """Print time at a time of the host's clock (s)."""
        main = self.main
        return main.print_clock.print_time_at(main._timekeeper.estimate.clock_at(eventtime))

    def print_time_now(self) -> float:
        """Print time of this moment."""
        return self.estimated_print_time(self._clock.seconds())

    def host_time(self, print_time: float) -> float:
        """Time of the host's clock (s) at a print time."""
        main = self.main
        return main._timekeeper.estimate.time_at(main.print_clock.clock_at(print_time))

    @property
    def pace(self) -> float:
        """Seconds of the host's clock in a second of real time."""
        return self._line.settings.pace

    def _take_estimate(self, estimate: ClockEstimate) -> None:
        self.link.set_clock_estimate(estimate.freq, estimate.base_time, max(0, round(estimate.base_clock)))
        if self.main is not self:
            self._follow(estimate)

    def _follow(self, estimate: ClockEstimate) -> None:
        now = self._clock.seconds()
        self._follower.follow(self.main.print_clock, self.main._timekeeper.estimate, estimate, now)
        for listener in self._clock_listeners:
            listener(self.print_clock)

    def follow(self, main: "Mcu") -> None:
        """Bend this MCU's print clock to that of C{main}; both are prepared."""
        self.main = main
        self._follow(self._timekeeper.estimate)

    # ---- messages ----

    def new_lane(self) -> int:
        """A FIFO of its own for commands that must keep their order among each other."""
        return self.link.new_lane()

    def send(self, payload: bytes, lane: int = 0, req_clock: int = 0, slot_until: int = 0) -> None:
        """Send a command; see L{Link.send}. What is sent to an MCU that has shut down is dropped.

        @raise McuLost: the connection broke.
        """
        if self.fault is None:
            self.connection.send(payload, lane, req_clock, slot_until)

    async def ask(
        self, payload: bytes, response: str, oid: int | None = None, *, timeout: float = 1.0, tries: int = 5
    ) -> Answer:
        """Send a command until its response comes; see L{Connection.ask}."""
        if self.fault is not None:
            raise McuLost(f"MCU {self.name!r} is gone: {self.fault}")
        return await self.connection.ask(payload, response, oid, timeout=timeout, tries=tries)

    def on_message(self, name: str, handler: MessageHandler, oid: int | None = None) -> None:
        """Call C{handler(message, time)} for each message of that name (and oid)."""
        self.connection.on_message(name, handler, oid)

    def on_start(self, commands: StartCommands) -> None:
        """Send what C{commands(resumed)} gives once the MCU is configured."""
        self._at_start.append(commands)

    def on_fault(self, explainer: Explainer) -> None:
        """Ask C{explainer(reason)} what it knows when the MCU shuts down."""
        self._explainers.append(explainer)

    def on_death(self, listener: Callable[[], None]) -> None:
        """Call C{listener} once the MCU has shut down or is lost; see L{alive}."""
        self._death_listeners.append(listener)

    @property
    def cause_of_death(self) -> str:
        """Why it is not L{alive}."""
        return self.fault or self.connection.lost or "it is not configured"

    def _die(self) -> None:
        for listener in self._death_listeners:
            listener()

    # ---- life ----

    async def prepare(self) -> None:
        """Find the MCU, read its dictionary, estimate its clock.

        @raise McuError: in vain.
        """
        connection = await self._line.open()
        dictionary = connection.dictionary
        _log.info(
            "MCU {name!r}: firmware {version} ({build}), {count} commands",
            name=self.name,
            version=dictionary.version,
            build=dictionary.build_versions,
            count=len(dictionary.commands),
        )
        self._statistics = McuStatistics.of(dictionary)
        self._follower = PrintClockFollower(PrintClock(self.freq))
        connection.on_lost(self._lost)
        connection.on_message("shutdown", self._shut_down)
        connection.on_message("is_shutdown", self._shut_down)
        connection.on_message("starting", self._started_anew)
        connection.on_message("stats", self._statistics.take)
        connection.on_message(OUTPUT, self._say)
        await self._keep_time()

    async def _keep_time(self) -> None:
        self._timekeeper = self._line.keep_time(self._take_estimate, self._lost)
        await self._timekeeper.start()

    async def connect(self) -> None:
        """Configure the MCU.

        @raise McuError: it refuses.
        """
        configurator = Configurator(self.connection, self._clock, self._clean, lambda: self.fault)
        try:
            wanted = self.configuration.finish()
        except WireError as error:
            raise McuError(f"MCU {self.name!r}: {error}") from error
        state, resumed = await configurator.configure(wanted)
        self.link.set_move_count(state.move_count)
        self._connected = True
        _log.info(
            "MCU {name!r} is {done}; it has room for {moves} moves",
            name=self.name,
            done="configured as before" if resumed else "configured",
            moves=state.move_count,
        )
        for commands in self._at_start:
            for payload in commands(resumed):
                self.send(payload)

    async def _clean(self) -> None:
        """Bring the MCU back to its state after power-on."""
        config_reset = self.dictionary.find_command("config_reset")
        if config_reset is not None and self._line.is_reset_by_command:
            self.connection.send(self.dictionary.command("emergency_stop").encode())
            await self.connection.deliver(config_reset.encode())
        else:
            self._timekeeper.stop()
            await self._line.reset()
            await self._keep_time()
        self.fault = None

    def shutdown(self, reason: str) -> None:
        """The printer has shut down: let the MCU switch everything off."""
        if self._connected and self.fault is None and self.connection.lost is None:
            self.fault = "the host asked for it"
            self._die()
            self.link.send_urgent(self.dictionary.command("emergency_stop").encode())

    async def restart_firmware(self) -> None:
        """Reset the MCU; the next life of the printer finds it again."""
        if self._line.connection is None:
            return
        self._end()
        if self.connection.lost is not None and self._line.is_reset_by_command:
            return
        if self._line.is_reset_by_command and self.dictionary.find_command("reset") is None:
            await self._clean()
        else:
            await self._line.start_reset()

    async def close(self) -> None:
        """Let moves under way end, and close the line."""
        if self._line.connection is None:
            return
        if self.alive and not self._ended:
            await self._finish()
        self._end()
        self._line.close()

    async def _finish(self) -> None:
        """Let what was sent leave, and the moves under way end."""
        last = Deferred.fromCoroutine(
            # Behind everything else, whatever its lane.
            self.connection.deliver(self.dictionary.command("get_config").encode(), req_clock=(1 << 63))
        )
        with suppress(TimeoutError, McuLost):
            await last.addTimeout(_LONGEST_WAIT * self.pace, self._clock)
        wait = self._timekeeper.estimate.time_at(self.link.busy_until) - self._clock.seconds()
        if wait > 0:
            await deferLater(self._clock, min(wait, _LONGEST_WAIT))

    def _end(self) -> None:
        """From now on nothing that happens to this MCU concerns the printer."""
        self._ended = True
        if hasattr(self, "_timekeeper"):
            self._timekeeper.stop()

    # ---- what happens to it ----

    def _shut_down(self, message: Message, received: float) -> None:
        if self.fault is not None:
            return
        self.fault = str(message["static_string_id"])
        if not self._connected or self._ended:
            return
        details = [text for explain in self._explainers if (text := explain(self.fault)) is not None]
        self._host.shutdown(explain_shutdown(self.name, self.fault, self._circumstances(), details))
        self._die()

    def _circumstances(self) -> Circumstances:
        stats = self.link.stats()
        return Circumstances(
            late_commands=int(stats["late_commands"]),
            late_worst=float(stats["late_worst"]),
            bytes_retransmit=int(stats["bytes_retransmit"]),
            bytes_write=int(stats["bytes_write"]),
            round_trip=float(stats["srtt"]),
            awake=self._statistics.awake,
        )

    def _started_anew(self, message: Message, received: float) -> None:
        if self._connected and not self._ended:
            self.fault = "it restarted"
            self._host.shutdown(
                f"MCU {self.name!r} restarted by itself: its power failed for a moment, or its watchdog bit."
                " Check its supply and its USB cable."
            )
            self._die()

    def _lost(self, reason: str) -> None:
        if self._ended:
            return
        _log.error("MCU {name!r} is lost: {reason}", name=self.name, reason=reason)
        self._timekeeper.stop()
        if self._connected:
            self.fault = self.fault or reason
            self._host.shutdown(
                f"Lost communication with MCU {self.name!r}: {reason}. Its outputs switch off by themselves."
                " Check that the board has power, and its cable; then use FIRMWARE_RESTART."
            )
            self._die()

    def _say(self, message: Message, received: float) -> None:
        _log.info("MCU {name!r} says: {text}", name=self.name, text=message["text"])

    # ---- status ----

    def status(self, eventtime: float) -> McuStatus:
        """See L{McuStatus}."""
        dictionary = self.dictionary
        return McuStatus(
            dictionary.version, dictionary.build_versions, dict(dictionary.constants), self._last_stats()
        )

    def _last_stats(self) -> dict[str, float]:
        stats = self.link.stats()
        link = {
            name: stats[name]
            for name in (
                "bytes_write", "bytes_read", "bytes_retransmit", "bytes_invalid", "srtt", "rttvar", "rto",
                "ready_bytes", "upcoming_bytes", "late_commands",
            )
        }  # fmt: skip
        return {
            **self._statistics.fields(),
            **{name: _rounded(value) for name, value in link.items()},
            "freq": round(self._timekeeper.estimate.freq),
        }


def _rounded(value: float | int | str) -> float:
    return round(value, 6) if isinstance(value, float) else int(value)
