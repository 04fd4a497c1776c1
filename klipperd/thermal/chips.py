"""The temperature sensors inside micro-controllers: typical values of their data sheets."""

from attrs import frozen

__all__ = ["Chip", "find_chip"]

_REFERENCE = 3.3
"""Volt; the analog reference of all of these on printer boards."""


@frozen
class Chip:
    """C{volt} at C{celsius}, rising by C{volt_per_degree} (negative when it falls)."""

    celsius: float
    volt: float
    volt_per_degree: float

    @property
    def point(self) -> tuple[float, float]:
        """A temperature (degrees Celsius) and the reading (0 to 1) at it."""
        return self.celsius, self.volt / _REFERENCE

    @property
    def slope(self) -> float:
        """Degrees for the whole range of readings."""
        return _REFERENCE / self.volt_per_degree


# By the beginning of the name that the firmware gives of itself. Data sheets: RP2040 4.9.5; STM32
# "Temperature sensor characteristics"; SAM3X and SAM4 "Temperature sensor".
_CHIPS = {
    "rp2": Chip(27.0, 0.706, -0.001721),
    "stm32f0": Chip(30.0, 1.43, -0.0043),
    "stm32f1": Chip(25.0, 1.43, -0.0043),
    "stm32f2": Chip(25.0, 0.76, 0.0025),
    "stm32f4": Chip(25.0, 0.76, 0.0025),
    "stm32f7": Chip(25.0, 0.76, 0.0025),
    "stm32g0": Chip(30.0, 0.76, 0.0025),
    "stm32g4": Chip(30.0, 0.76, 0.0025),
    "stm32h7": Chip(30.0, 0.62, 0.0020),
    "stm32l4": Chip(30.0, 0.76, 0.0025),
    "sam3x": Chip(27.0, 0.80, 0.00265),
    "sam4": Chip(27.0, 1.44, 0.0047),
}


def find_chip(name: str) -> Chip | None:
    """The sensor of a micro-controller by its name, such as C{stm32f446xx}; None when it is not known."""
    return next((chip for prefix, chip in _CHIPS.items() if name.lower().startswith(prefix)), None)
