"""A heated part and its sensor, solved in closed form step by step: the oracle of the control tests."""

import math
from collections import deque

from attrs import define, field

__all__ = ["BED", "HOTEND", "STEP", "Plant", "slow_bed"]

STEP = 0.1
"""Seconds; the power is constant within a step."""


@define(eq=False)
class Plant:
    """C{capacity} J/K loses C{loss} W/K to C{ambient} C and gets C{heater} W at full power; C{dead} seconds
    pass until the heat arrives, and the sensor follows with the time constant C{lag} s."""

    capacity: float
    loss: float
    heater: float
    lag: float
    ambient: float = 22.0
    dead: float = 0.6
    time: float = field(init=False, default=0.0)
    temperature: float = field(init=False)
    sensor: float = field(init=False)
    _pipe: "deque[float]" = field(init=False)

    @temperature.default
    def _start(self) -> float:
        return self.ambient

    @sensor.default
    def _start_sensor(self) -> float:
        return self.ambient

    @_pipe.default
    def _make_pipe(self) -> "deque[float]":
        return deque([0.0] * max(1, round(self.dead / STEP)))

    def run(self, power: float, seconds: float) -> float:
        """Heat with C{power} (0 to 1) for C{seconds}; gives what the sensor shows."""
        for _ in range(round(seconds / STEP)):
            self._pipe.append(power)
            final = self.ambient + self.heater * self._pipe.popleft() / self.loss
            kept = math.exp(-STEP * self.loss / self.capacity)
            self.temperature = final + (self.temperature - final) * kept
            self.sensor += (self.temperature - self.sensor) * (1.0 - math.exp(-STEP / self.lag))
            self.time += STEP
        return self.sensor


def HOTEND() -> Plant:
    """40 W in a 12 J/K block."""
    return Plant(12.0, 0.1, 40.0, 3.0)


def BED() -> Plant:
    """250 W under a plate of 700 J/K."""
    return Plant(700.0, 2.0, 250.0, 15.0)


def slow_bed() -> Plant:
    """A big bed that is barely strong enough: 2.4 C a minute near 100 C."""
    return Plant(3000.0, 4.5, 470.0, 25.0)
