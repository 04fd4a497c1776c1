"""Inputs of the motion benchmark: G-code of dense curves and of long moves, and the printers for it."""

import json
import math
from pathlib import Path

__all__ = ["LONG_MOVES", "MM_OF_SEGMENT", "config", "peer_dictionary", "write_curves", "write_long_moves"]

MM_OF_SEGMENT = 0.547
LONG_MOVES = 2000
_SEGMENTS = 460
_RADIUS = 40.0
_FILAMENT = MM_OF_SEGMENT * 0.45 * 0.2 / (math.pi * 0.875**2)

_CENTRE = {"cartesian": (110.0, 110.0), "delta": (0.0, 0.0)}


def _start(kinematics: str, file: list[str]) -> tuple[float, float]:
    x, y = _CENTRE[kinematics]
    # Homing without hardware takes minutes of print time, in both programs.
    file.append(f"SET_KINEMATIC_POSITION X={x:g} Y={y:g} Z=10\nG90\nM83\n")
    return x, y


def write_curves(path: Path, segments: int, kinematics: str) -> None:
    """Petals of slowly changing size at 200 mm/s, in segments of half a millimetre, all of them extruding."""
    lines: list[str] = []
    x, y = _start(kinematics, lines)
    lines.append(f"G1 X{x + _RADIUS:.3f} Y{y:.3f} Z0.2 F12000\n")
    with open(path, "w") as file:
        for number in range(1, segments + 1):
            angle = 2.0 * math.pi * number / _SEGMENTS
            radius = _RADIUS + 3.0 * math.sin(7.0 * angle) + number % 1000 * 0.001
            at = x + radius * math.cos(angle), y + radius * math.sin(angle)
            lines.append(f"G1 X{at[0]:.3f} Y{at[1]:.3f} E{_FILAMENT:.5f}\n")
            if len(lines) > 10000:
                file.writelines(lines)
                lines.clear()
        file.writelines(lines)
        file.write("M400\n")


def write_long_moves(path: Path, kinematics: str) -> None:
    """Zigzags of 100 mm and more."""
    lines: list[str] = []
    x, y = _start(kinematics, lines)
    for number in range(LONG_MOVES):
        side = 1 if number % 2 else -1
        lines.append(f"G1 X{x + side * 70:.3f} Y{y + (number % 50 - 25) * 2:.3f} F12000\n")
    path.write_text("".join(lines) + "M400\n")


_CARTESIAN = """
[printer]
kinematics: cartesian
max_velocity: 300
max_accel: 5000
max_z_velocity: 10
max_z_accel: 100
[stepper_x]
step_pin: PA0
dir_pin: PA1
microsteps: {microsteps}
rotation_distance: 40
endstop_pin: ^PC0
position_endstop: 0
position_max: 220
[stepper_y]
step_pin: PA3
dir_pin: PA4
microsteps: {microsteps}
rotation_distance: 40
endstop_pin: ^PC1
position_endstop: 0
position_max: 220
[stepper_z]
step_pin: PA6
dir_pin: PA7
microsteps: 16
rotation_distance: 8
endstop_pin: ^PC2
position_endstop: 0
position_max: 250
"""
_DELTA = """
[printer]
kinematics: delta
max_velocity: 300
max_accel: 5000
max_z_velocity: 150
delta_radius: 174.75
[stepper_a]
step_pin: PA0
dir_pin: PA1
microsteps: {microsteps}
rotation_distance: 40
endstop_pin: ^PC0
position_endstop: 297.05
arm_length: 333
[stepper_b]
step_pin: PA3
dir_pin: PA4
microsteps: {microsteps}
rotation_distance: 40
endstop_pin: ^PC1
[stepper_c]
step_pin: PA6
dir_pin: PA7
microsteps: {microsteps}
rotation_distance: 40
endstop_pin: ^PC2
"""
_COMMON = """
[mcu]
serial: /dev/null
[force_move]
enable_force_move: True
[extruder]
step_pin: PA9
dir_pin: PA10
microsteps: 16
rotation_distance: 33.5
nozzle_diameter: 0.4
filament_diameter: 1.75
heater_pin: PB0
sensor_type: EPCOS 100K B57560G104F
sensor_pin: PF0
control: pid
pid_kp: 22.2
pid_ki: 1.08
pid_kd: 114
min_temp: 0
max_temp: 280
pressure_advance: 0.04
"""
_SHAPER = """
[input_shaper]
shaper_type: mzv
shaper_freq_x: 50
shaper_freq_y: 50
"""


def config(kinematics: str, *, microsteps: int = 16, shaped: bool = True) -> str:
    """A printer.cfg that both programs take."""
    axes = (_DELTA if kinematics == "delta" else _CARTESIAN).format(microsteps=microsteps)
    return axes + _COMMON + (_SHAPER if shaped else "")


def peer_dictionary(own: Path) -> str:
    """The simulator's dictionary with analog inputs as the peer knows them: one value a report."""
    entries = json.loads(own.read_text())
    commands, responses = entries["commands"], entries["responses"]
    for text in [t for t in commands if t.startswith("query_analog_in ")]:
        commands[text.replace(" bytes_per_report=%c", "")] = commands.pop(text)
    for text in [t for t in responses if t.startswith("analog_in_state ")]:
        responses["analog_in_state oid=%c next_clock=%u value=%hu"] = responses.pop(text)
    return json.dumps(entries)
