"""The section C{[analysis]}."""

from typing import Literal

from attrs import frozen

from brokerd.options import option, section

__all__ = ["AnalysisConfig"]


@frozen
class AnalysisConfig:
    """C{[analysis]}: how long a file prints."""

    platform: Literal["auto", "rpi", "linux", "osx"] = option(
        "auto", doc="kept for old configurations: the simulation is the same everywhere"
    )
    estimator_config: str = option(
        "", doc="a printer.cfg below the config root to simulate with, instead of the printer's own"
    )
    auto_dump_default_config: bool = option(
        False, doc="write the printer's limits to the default file each time that it becomes ready"
    )
    simulator: str = option(
        "appliance simulate", doc="the program that simulates, where the broker runs without the appliance"
    )
    estimator_timeout: int = option(600, minimum=1, maximum=86400, doc="longest simulation, s")
    enable_auto_analysis: bool = option(False, doc="write exact times into each file that is uploaded")
    enable_estimator_updates: bool = option(
        False, doc="kept for old configurations: the simulation is updated with all else"
    )


section("analysis", AnalysisConfig)
