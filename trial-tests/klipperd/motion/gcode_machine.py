"""Two ways from G-code to trapezoids: the stream, and every line as a command of its own."""

from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.gcode.dispatch import Dispatcher
from klipperd.gcode.lexer import Line, split_lines
from klipperd.gcode.moves import GcodeMove
from klipperd.gcode.stream import DUE, LEAVES, NEED_DATA, SLICE, GcodeStream
from klipperd.motion.lookahead import Lookahead
from klipperd.motion.trapq import MotionQueue
from klipperd.printer.gcode_arcs import GcodeArcs
from klipperd.printer.toolhead import ToolheadCommands

BOUND = 300.0


@define(eq=False)
class _Gate:
    can_extrude: bool = True
    temperature: float = 200.0
    min_extrude_temp: float = 170.0


@define(eq=False)
class _Kinematics:
    rails: dict[str, object] = field(factory=dict)
    travel: dict[str, object] = field(factory=dict)


@define(eq=False, slots=False)
class LookaheadPlanner:
    """As little of a tool head as moves need: no time, no motors."""

    lookahead: Lookahead
    print_time: float = 0.0
    kinematics: _Kinematics = field(factory=_Kinematics)
    busy = False

    @property
    def position(self) -> Sequence[float]:
        return self.lookahead.position

    def move(self, position: Sequence[float], speed: float) -> None:
        self.lookahead.move(*position[:4], speed)
        self.moved()

    def admit(self) -> None:
        pass

    def moved(self) -> None:
        if self.lookahead.due:
            self.print_time = self.lookahead.flush(self.print_time, lazy=True)

    def execute(self, source: GcodeStream) -> int:
        ended = source.run(self.print_time, rest_until=float("-inf"), most=1 << 40)
        self.print_time = source.print_time
        return ended

    def on_displaced(self, displaced: Callable[[Sequence[int]], None]) -> None:
        pass


@define(eq=False, slots=False)
class GcodeMachine:
    """Lookahead, coordinates and the commands that change them."""

    transforms: Sequence[Callable[..., object]] = ()
    bound: float = BOUND
    path: MotionQueue = field(factory=MotionQueue)
    extrusion: MotionQueue = field(factory=MotionQueue)
    errors: list[tuple[int, int, str]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.lookahead = Lookahead(self.path, 300.0, 3000.0)
        for axis in range(3):
            self.lookahead.set_range(axis, -self.bound, self.bound)
        self.lookahead.set_axis_limits(2, 20.0, 500.0)
        self.lookahead.set_extruder(self.extrusion, 1.0, 60.0, 2000.0, 50.0, 0.3, 0.5)
        self.planner = LookaheadPlanner(self.lookahead)
        self.moves = GcodeMove(self.planner, self.planner)
        self.made = [self.moves.add_transform(make) for make in self.transforms]
        self.dispatcher = Dispatcher(Clock())
        for server in (self.moves, GcodeArcs(self.moves), ToolheadCommands(self.planner)):
            self.dispatcher.add(server)
        self.output: list[str] = []
        self.dispatcher.listen(self.output.append)

    def command(self, case: SynchronousTestCase, line: Line) -> None:
        """Run a line as a command; errors are kept with the line's number and place."""
        if line.checksum_failed:
            self.errors.append((line.line_number, line.offset, "checksum"))
            return
        work = Deferred.fromCoroutine(self.dispatcher.run_now(line))
        failures: list[object] = []
        work.addErrback(lambda failure: failures.append(failure.trap(CommandError) and failure.value))
        case.assertTrue(work.called, line)
        self.errors += [(line.line_number, line.offset, str(failure)) for failure in failures]

    def run_slowly(self, case: SynchronousTestCase, text: bytes) -> None:
        for line in split_lines(text):
            self.command(case, line)

    def run_fast(self, case: SynchronousTestCase, text: bytes, block: int = 1 << 16) -> GcodeStream:
        stream = GcodeStream(self.moves.coordinates, self.lookahead)
        blocks = [text[i : i + block] for i in range(0, len(text), block)]
        while True:
            ended = self.planner.execute(stream)
            if ended == LEAVES:
                self.command(case, stream.line())
            elif ended == NEED_DATA and blocks:
                stream.feed(blocks.pop(0))
                if not blocks:
                    stream.finish()
            elif ended == NEED_DATA:
                return stream
            else:
                case.assertIn(ended, (DUE, SLICE))

    def end(self) -> None:
        """Plan all that waits."""
        self.planner.print_time = self.lookahead.flush(self.planner.print_time)
