"""C{[verify_heater NAME]}: shut the printer down when a heater doesn't do what it should.

Every heater is watched, with the documented defaults where it has no section.
"""

from collections.abc import Mapping, Sequence

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import ConfigError
from klipperd.objects import Identity, PrinterObject, option
from klipperd.objects.services import HostControl
from klipperd.objects.values import nearest
from klipperd.printer.heater import Heater
from klipperd.printer.regular import Regular
from klipperd.printer.thermometer import NoOptions
from klipperd.thermal.verification import Limits, Verdict, Verification

__all__ = [
    "HeaterVerification",
    "VerifyHeaterConfig",
    "VerifySettings",
    "build_verification",
    "describe_failure",
]

_INSPECT_EVERY = 1.0
_GAIN_TIME = 20.0
_BED_GAIN_TIME = 60.0
_IMPLAUSIBLE_FALL = 20.0
"""Degrees within a second."""
_BROKEN_SENSOR_AFTER = 4
"""Inspections with a reading out of its limits, after which the micro-controller should have shut down."""


@frozen(kw_only=True)
class VerifyHeaterConfig:
    """C{[verify_heater NAME]}."""

    max_error: float = option(
        120.0, minimum=0.0, unit="C s", doc="largest sum of the degrees missing each second"
    )
    check_gain_time: float | None = option(
        None, minimum=1.0, unit="s", doc="time for heating_gain; default 20 s, 60 s for heater_bed"
    )
    hysteresis: float = option(5.0, minimum=0.0, unit="C", doc="this near to the target counts as arrived")
    heating_gain: float = option(2.0, above=0.0, unit="C", doc="least gain in check_gain_time")


@frozen
class VerifySettings:
    """What a C{[verify_heater]} section says about the heater C{identity.name}."""

    identity: Identity
    config: VerifyHeaterConfig


def build_settings(config: VerifyHeaterConfig, identity: Identity) -> VerifySettings:
    """Settings for one heater."""
    return VerifySettings(identity, config)


def _limits(heater: Heater, config: VerifyHeaterConfig) -> Limits:
    gain_time = config.check_gain_time
    if gain_time is None:
        gain_time = _BED_GAIN_TIME if heater.name == "heater_bed" else _GAIN_TIME
    return Limits(config.max_error, gain_time, config.hysteresis, config.heating_gain)


def describe_failure(heater: Heater, verdict: Verdict, limits: Limits) -> str:
    """What the user reads: which heater, what it did, which limit that broke, what to check."""
    head = (
        f"Heater [{heater.section}] not heating at expected rate: it is at {verdict.temperature:.1f} C, "
        f"target {verdict.target:.1f} C, power {heater.status(0.0).power:.2f}. "
    )
    if verdict.gained is not None:
        cause = (
            f"It gained {verdict.gained:.1f} C in the last {limits.check_gain_time:g} s; [verify_heater "
            f"{heater.name}] wants heating_gain {limits.heating_gain:g} C within check_gain_time "
            f"{limits.check_gain_time:g} s."
        )
        advice = (
            "Check the heater's wires, plug, fuse and power supply, that the sensor sits firmly in the "
            "heated part, and max_power. A heater that is sound but slow needs a longer check_gain_time."
        )
    else:
        cause = (
            f"It had reached its target and fell more than hysteresis {limits.hysteresis:g} C below it; the "
            f"degrees missing each second sum up to {verdict.error:.0f}, max_error is {limits.max_error:g}."
        )
        advice = _sensor_advice(verdict) or (
            "Check that the sensor and the heater have not come loose, that no fan blows on them (a silicone "
            "sock helps), and the PID values (PID_CALIBRATE)."
        )
    return f"{head}{cause} {advice}"


def _sensor_advice(verdict: Verdict) -> str | None:
    if verdict.fall < _IMPLAUSIBLE_FALL:
        return None
    return (
        f"The reading fell by {verdict.fall:.0f} C within a second, which no heated part does: check the "
        "sensor's wires and plug for a loose contact."
    )


@define(eq=False, repr=False)
class _Watch:
    heater: Heater
    limits: Limits
    verification: Verification = field(init=False)
    _broken: int = field(init=False, default=0)

    @verification.default
    def _make_verification(self) -> Verification:
        return Verification(self.limits)

    def inspect(self, now: float) -> str | None:
        """The text of a failure, if there is one."""
        heater = self.heater
        if not heater.gauge.fresh:
            return None  # a silent sensor is a matter for the link, and the output expires by itself
        broken = heater.thermometer.explain()
        self._broken = self._broken + 1 if broken is not None else 0
        if broken is not None:
            # The micro-controller's own check is quicker than this; blame the sensor, not the heater.
            return broken if self._broken >= _BROKEN_SENSOR_AFTER else None
        if heater.target > 0.0 and not heater.demanding:
            self.verification.pause()
            return None
        verdict = self.verification.inspect(now, heater.temperature, heater.target)
        return describe_failure(heater, verdict, self.limits) if verdict is not None else None


@define(eq=False, repr=False)
class HeaterVerification:
    """Inspects all heaters once a second."""

    _clock: IReactorTime
    _host: HostControl
    _watches: list[_Watch]
    _regular: Regular = field(init=False)

    @_regular.default
    def _make_regular(self) -> Regular:
        return Regular(self._clock, _INSPECT_EVERY, self._inspect)

    def _inspect(self) -> None:
        now = self._clock.seconds()
        for watch in self._watches:
            failure = watch.inspect(now)
            if failure is not None:
                self._host.shutdown(failure)
                return

    def ready(self) -> None:
        """The printer is ready."""
        self._regular.start()

    def shutdown(self, reason: str) -> None:
        """Nothing heats any more."""
        self._regular.stop()

    async def close(self) -> None:
        """The printer goes away."""
        self._regular.stop()


def build_verification(
    config: NoOptions,
    clock: IReactorTime,
    host: HostControl,
    heaters: Sequence[Heater],
    settings: Sequence[VerifySettings],
) -> HeaterVerification:
    """Watch every heater.

    @raise ConfigError: when a section names no heater.
    """
    by_name: Mapping[str, Heater] = {h.section: h for h in heaters} | {h.name: h for h in heaters}
    configs = {id(by_name[s.identity.name]): s.config for s in settings if s.identity.name in by_name}
    for s in settings:
        if s.identity.name not in by_name:
            text = f"there is no heater named {s.identity.name!r}{nearest(s.identity.name, by_name)}"
            raise ConfigError.single(text, s.identity.place, s.identity.section)
    default = VerifyHeaterConfig()
    watches = [_Watch(h, _limits(h, configs.get(id(h), default))) for h in heaters]
    return HeaterVerification(clock, host, watches)


verify_heater = PrinterObject("verify_heater *", VerifyHeaterConfig, build_settings)
heater_verification = PrinterObject("verify_heater", NoOptions, build_verification, internal=True)
