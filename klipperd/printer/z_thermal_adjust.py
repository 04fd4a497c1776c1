"""C{[z_thermal_adjust]}: take back what the frame's expansion does to the nozzle's height."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from attrs import define, field, frozen

from klipperd.gcode.moves import GcodeMove
from klipperd.motion.corrections import ThermalTransform
from klipperd.objects import Call, Identity, Named, PrinterObject, command, option, status_field
from klipperd.printer.fitter import Fitter
from klipperd.printer.heaters import TemperatureSource
from klipperd.printer.thermometer import Gauge, SensorType, Thermometer, limits_problem, sensor_options

__all__ = ["ZThermalAdjust", "ZThermalAdjustConfig", "z_thermal_adjust"]

_Z = 2


@frozen(kw_only=True)
class ZThermalAdjustConfig:
    """C{[z_thermal_adjust]}."""

    sensor: object = sensor_options()
    min_temp: float = option(-273.15, minimum=-273.15, unit="C", doc="lowest plausible temperature")
    max_temp: float = option(99999999.9, above=-273.15, unit="C", doc="highest plausible temperature")
    smooth_time: float = option(2.0, above=0.0, unit="s", doc="time over which readings are smoothed")
    gcode_id: str | None = option(None, doc="what M105 calls it; not shown there without")
    temp_coeff: float = option(
        0.0, minimum=-1.0, maximum=1.0, unit="mm/C", doc="by how much z goes down for each degree"
    )
    z_adjust_off_above: float = option(
        99999999.0, unit="mm", doc="height above which the adjustment stays as it is"
    )
    max_z_adjustment: float = option(99999999.0, minimum=0.0, unit="mm", doc="largest adjustment")

    def check(self) -> Iterator[tuple[str, str]]:
        """The limits are in order."""
        problem = limits_problem(self.min_temp, self.max_temp)
        if problem is not None:
            yield "max_temp", problem


@frozen
class ZThermalAdjustStatus:
    """Status of C{z_thermal_adjust}."""

    enabled: bool = status_field(doc="whether the adjustment follows the temperature")
    temperature: float = status_field(doc="last temperature, smoothed (degrees Celsius)")
    measured_min_temp: float = status_field(doc="lowest temperature since the start")
    measured_max_temp: float = status_field(doc="highest temperature since the start")
    current_z_adjust: float = status_field(doc="adjustment in use (mm)")
    z_adjust_ref_temperature: float = status_field(
        doc="temperature at which there is no adjustment, 0 while none is known"
    )


@define(eq=False, repr=False)
class ZThermalAdjust(TemperatureSource):
    """The adjustment: nothing at the temperature at which z was homed."""

    section: str
    name: str
    gcode_id: str | None
    gauge: Gauge
    _config: ZThermalAdjustConfig
    _moves: GcodeMove
    thermometer: Thermometer = field(init=False)
    _transform: ThermalTransform = field(init=False)
    _coefficient: float = field(init=False)
    _reference: float | None = field(default=None, init=False)
    _enabled: bool = field(default=True, init=False)

    def __attrs_post_init__(self) -> None:
        self._coefficient = self._config.temp_coeff

    async def connect(self) -> None:
        """Take a place in the way of moves."""
        off_above = self._config.z_adjust_off_above
        self._transform = self._moves.add_transform(lambda after: ThermalTransform(after, off_above))
        self._moves.planner.on_displaced(self._displaced)

    def ready(self) -> None:
        """The printer is ready."""
        self.thermometer.start()

    async def close(self) -> None:
        """The printer goes away."""
        self.thermometer.stop()

    def _displaced(self, homed: Sequence[int]) -> None:
        if _Z in homed and self.gauge.fresh:
            # Homing has measured where the bed is at this temperature: whatever was added is part of that.
            self._reference = self.gauge.temperature
            self._transform.wanted = 0.0
            self._transform.apply()
            self._moves.reset_position()

    def read(self, time: float, celsius: float) -> None:
        """Take in a reading of C{time} (s)."""
        self.gauge.take(time, celsius)
        self._update()

    def _update(self) -> None:
        if self._reference is None or not self._enabled or not self.gauge.fresh:
            return
        wanted = -self._coefficient * (self.gauge.temperature - self._reference)
        most = self._config.max_z_adjustment
        self._transform.wanted = min(max(wanted, -most), most)

    @command("SET_Z_THERMAL_ADJUST")
    async def set_adjustment(
        self,
        call: Call,
        *,
        enable: bool | None = None,
        temp_coeff: float | None = None,
        ref_temp: float | None = None,
    ) -> None:
        """Set or query the Z thermal adjustment; switched off it keeps the present value."""
        if enable is not None:
            self._enabled = enable
        if temp_coeff is not None:
            self._coefficient = temp_coeff
        if ref_temp is not None:
            self._reference = ref_temp
        self._update()
        state = "1 (enabled)" if self._enabled else "0 (disabled)"
        reference = "not set" if self._reference is None else f"{self._reference:.2f} degC"
        call.info(
            f"enable: {state}\ntemp_coeff: {self._coefficient:f} mm/degC\nref_temp: {reference}\n"
            f"current_z_adjust: {self._transform.adjustment:.6f} mm"
        )

    def status(self, eventtime: float) -> ZThermalAdjustStatus:
        """See L{ZThermalAdjustStatus}."""
        return ZThermalAdjustStatus(
            enabled=self._enabled,
            temperature=round(self.gauge.temperature, 2),
            measured_min_temp=round(self.gauge.lowest, 2),
            measured_max_temp=round(self.gauge.highest, 2),
            current_z_adjust=self._transform.adjustment,
            z_adjust_ref_temperature=round(self._reference or 0.0, 2),
        )


def build_z_thermal_adjust(
    config: ZThermalAdjustConfig,
    identity: Identity,
    fitter: Fitter,
    moves: GcodeMove,
    sensor_type: Annotated[SensorType, Named("sensor_type")],
) -> ZThermalAdjust:
    """Build the C{z_thermal_adjust} object."""
    gauge = Gauge(fitter.clock, config.smooth_time)
    made = ZThermalAdjust(identity.section, identity.name, config.gcode_id, gauge, config, moves)
    limits = (config.min_temp, config.max_temp)
    made.thermometer = fitter.fit(sensor_type, config.sensor, identity, limits, made.read)
    fitter.heaters.add_sensor(made)
    return made


z_thermal_adjust = PrinterObject("z_thermal_adjust", ZThermalAdjustConfig, build_z_thermal_adjust)
