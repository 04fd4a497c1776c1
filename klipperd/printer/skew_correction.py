"""C{[skew_correction]}: print square on a machine whose axes are not (Skew_Correction.md).

C{[skew_correction NAME]} are profiles that SKEW_PROFILE has saved.
"""

import math
from collections.abc import Iterator, Sequence

from attrs import define, field, frozen

from klipperd.config.configuration import Configuration
from klipperd.errors import CommandError
from klipperd.gcode.moves import GcodeMove
from klipperd.motion.corrections import SkewTransform
from klipperd.motion.skew import Measured
from klipperd.objects import Call, Identity, PrinterObject, command, option, status_field
from klipperd.objects.values import nearest

__all__ = ["SkewCorrection", "SkewCorrectionConfig", "SkewProfile", "skew_correction", "skew_profile"]

_PLANES = ("xy", "xz", "yz")
Lengths = tuple[float, float, float]


@frozen(kw_only=True)
class SkewCorrectionConfig:
    """C{[skew_correction]}: enables skew correction; there is nothing to configure."""


@frozen(kw_only=True)
class SkewProfileConfig:
    """C{[skew_correction NAME]}: a saved profile."""

    xy_skew: float = option(0.0, doc="mm by which y leans along x, per mm")
    xz_skew: float = option(0.0, doc="mm by which z leans along x, per mm")
    yz_skew: float = option(0.0, doc="mm by which z leans along y, per mm")


@frozen
class SkewProfile:
    """One saved profile: skew of the planes xy, xz, yz."""

    name: str
    factors: Lengths


@frozen
class SkewCorrectionStatus:
    """Status of C{skew_correction}."""

    current_profile_name: str = status_field(doc="name of the loaded profile, empty without one")


@define(eq=False, repr=False)
class SkewCorrection:
    """The correction in use and the known profiles."""

    _moves: GcodeMove
    _configuration: Configuration
    _profiles: dict[str, Lengths]
    _transform: SkewTransform = field(init=False)
    _loaded: str = field(default="", init=False)

    async def connect(self) -> None:
        """Take a place in the way of moves."""
        self._transform = self._moves.add_transform(SkewTransform)

    @property
    def factors(self) -> Lengths:
        """Skew of the planes xy, xz, yz that is corrected now (mm per mm)."""
        return self._transform.xy, self._transform.xz, self._transform.yz

    def _apply(self, factors: Lengths) -> None:
        self._transform.xy, self._transform.xz, self._transform.yz = factors
        self._moves.reset_position()

    @command("SET_SKEW")
    async def set_skew(
        self,
        call: Call,
        *,
        clear: bool = False,
        xy: Lengths | None = None,
        xz: Lengths | None = None,
        yz: Lengths | None = None,
    ) -> None:
        """Set skew from lengths measured on a print: XY=<ac>,<bd>,<ad> and so on, or CLEAR=1."""
        if clear:
            self._loaded = ""
            self._apply((0.0, 0.0, 0.0))
            return
        given = zip((xy, xz, yz), self.factors, _PLANES, strict=True)
        first, second, third = (_factor(plane, lengths, now) for lengths, now, plane in given)
        self._apply((first, second, third))

    @command("GET_CURRENT_SKEW")
    async def report_skew(self, call: Call) -> None:
        """Report the skew that is corrected now, in each plane."""
        lines = (
            f"{plane.upper()}: {math.atan(factor):.6f} radians, {math.degrees(math.atan(factor)):.2f} degrees"
            for plane, factor in zip(_PLANES, self.factors, strict=True)
        )
        call.info("\n".join(("Current Printer Skew:", *lines)))

    @command("CALC_MEASURED_SKEW")
    async def calculate_skew(self, call: Call, *, ac: float, bd: float, ad: float) -> None:
        """Calculate the skew of a measured print."""
        angle = math.atan(_factor("", (ac, bd, ad), 0.0))
        call.info(f"Calculated Skew: {angle:.6f} radians, {math.degrees(angle):.2f} degrees")

    @command("SKEW_PROFILE")
    async def manage_profile(
        self, call: Call, *, load: str | None = None, save: str | None = None, remove: str | None = None
    ) -> None:
        """Profile management for skew_correction."""
        if load is not None:
            self._apply(self._known(load))
            self._loaded = load
        elif save is not None:
            self._save(save)
            call.info(_to_save(f"Skew Correction state has been saved to profile [{save}]"))
        elif remove is not None:
            self._known(remove)
            del self._profiles[remove]
            self._configuration.remove_section(f"skew_correction {remove}")
            call.info(_to_save(f"Profile [{remove}] removed"))
        else:
            raise CommandError("SKEW_PROFILE: LOAD, SAVE or REMOVE is missing")

    def _known(self, name: str) -> Lengths:
        if name not in self._profiles:
            hint = nearest(name, list(self._profiles))
            raise CommandError(f"skew_correction: there is no profile {name!r}{hint}")
        return self._profiles[name]

    def _save(self, name: str) -> None:
        self._profiles[name] = self.factors
        for plane, factor in zip(_PLANES, self.factors, strict=True):
            self._configuration.set(f"skew_correction {name}", f"{plane}_skew", factor)

    def status(self, eventtime: float) -> SkewCorrectionStatus:
        """The loaded profile."""
        return SkewCorrectionStatus(self._loaded)


def _factor(plane: str, lengths: Lengths | None, now: float) -> float:
    if lengths is None:
        return now
    try:
        return Measured(*lengths).factor
    except ValueError as error:
        raise CommandError(f"{plane.upper()}: {error}" if plane else str(error)) from None


def _to_save(text: str) -> str:
    return f"{text}\nThe SAVE_CONFIG command will update the printer config file and restart the printer."


def build_skew_profile(config: SkewProfileConfig, identity: Identity) -> SkewProfile:
    """Read one saved profile."""
    return SkewProfile(identity.name, (config.xy_skew, config.xz_skew, config.yz_skew))


def build_skew_correction(
    config: SkewCorrectionConfig,
    moves: GcodeMove,
    configuration: Configuration,
    profiles: Sequence[SkewProfile],
) -> SkewCorrection:
    """Build the C{skew_correction} object."""
    return SkewCorrection(moves, configuration, dict(_named(profiles)))


def _named(profiles: Sequence[SkewProfile]) -> Iterator[tuple[str, Lengths]]:
    return ((profile.name, profile.factors) for profile in profiles)


skew_correction = PrinterObject("skew_correction", SkewCorrectionConfig, build_skew_correction)
skew_profile = PrinterObject("skew_correction *", SkewProfileConfig, build_skew_profile)
