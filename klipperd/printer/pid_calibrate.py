"""PID_CALIBRATE: find a heater's PID gains by a relay test."""

from attrs import define, field

from klipperd.config.configuration import Configuration
from klipperd.errors import CommandError
from klipperd.objects import Call, PrinterObject, command, param
from klipperd.printer.heater import Heater
from klipperd.printer.heaters import Heaters
from klipperd.printer.thermometer import NoOptions
from klipperd.thermal.relay import Gains, RelayTest, TuningFailed
from klipperd.workers import Workers

__all__ = ["PidCalibrate", "build_pid_calibrate"]

_SAMPLES_FILE = "/tmp/heattest.txt"


@define
class _Recorded(RelayTest):
    """A relay test that keeps its samples for the file of WRITE_FILE=1."""

    samples: list[str] = field(init=False, factory=list)

    def update(self, time: float, temperature: float, target: float) -> float:
        """See L{RelayTest.update}."""
        power = super().update(time, temperature, target)
        self.samples.append(f"{time:.3f} {temperature:.3f} {power:.3f}\n")
        return power


@define(eq=False, repr=False)
class PidCalibrate:
    """Serves PID_CALIBRATE."""

    _heaters: Heaters
    _configuration: Configuration
    _workers: Workers | None

    @command("PID_CALIBRATE")
    async def calibrate(
        self,
        call: Call,
        *,
        heater: str,
        target: float = param(above=0.0, doc="degrees Celsius"),
        write_file: int = param(0, doc="1: write all samples to /tmp/heattest.txt"),
    ) -> None:
        """Run a PID calibration test"""
        found = self._heaters.heater(heater)
        test = _Recorded(target, found.config.max_power)
        await self._run(call, found, test)
        if write_file:
            await self._write(test.samples)
        try:
            gains = test.gains()
        except TuningFailed as error:
            raise CommandError(f"PID_CALIBRATE of [{found.section}] failed: {error}") from error
        self._record(call, found, gains)

    async def _run(self, call: Call, heater: Heater, test: RelayTest) -> None:
        heater.set_target(test.target)
        before = heater.use_control(test, lambda: test.heating)
        try:
            await self._heaters.wait_until(call, lambda: test.done or heater.target <= 0.0)
        finally:
            heater.restore_control(before)
            heater.set_target(0.0)
        if not test.done:
            raise CommandError(f"PID_CALIBRATE of [{heater.section}] was interrupted; no gains changed")

    async def _write(self, samples: list[str]) -> None:
        def write() -> None:
            with open(_SAMPLES_FILE, "w", encoding="ascii") as out:
                out.writelines(samples)

        if self._workers is not None:
            await self._workers.run(write)
        else:
            write()

    def _record(self, call: Call, heater: Heater, gains: Gains) -> None:
        kp, ki, kd = (f"{value:.3f}" for value in (gains.kp, gains.ki, gains.kd))
        call.info(
            f"PID parameters: pid_Kp={kp} pid_Ki={ki} pid_Kd={kd}\n"
            "The SAVE_CONFIG command will update the printer config file\n"
            "with these parameters and restart the printer."
        )
        for option, value in (("control", "pid"), ("pid_kp", kp), ("pid_ki", ki), ("pid_kd", kd)):
            self._configuration.set(heater.section, option, value)


def build_pid_calibrate(
    config: NoOptions, heaters: Heaters, configuration: Configuration, workers: Workers | None
) -> PidCalibrate:
    """Build the object that serves PID_CALIBRATE."""
    return PidCalibrate(heaters, configuration, workers)


pid_calibrate = PrinterObject("pid_calibrate", NoOptions, build_pid_calibrate, internal=True)
