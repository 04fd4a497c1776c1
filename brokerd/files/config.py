"""The section C{[file_manager]}."""

from typing import Literal

from attrs import frozen

from brokerd.options import option, section

__all__ = ["FileManagerConfig"]


@frozen
class FileManagerConfig:
    """C{[file_manager]}: what is done with files."""

    queue_gcode_uploads: bool = option(
        False, doc="an upload that is to be printed, and can't be at once, goes to the end of the job queue"
    )
    check_klipper_config_path: bool = option(
        True, doc="warn if the motion host's configuration does not lie in the config root"
    )
    enable_object_processing: bool = option(
        False, doc="write the commands for excluding objects into G-code that names its objects in comments"
    )
    file_system_observer: Literal["inotify", "none"] = option(
        "inotify", doc="what notices changes that others make to the files"
    )
    enable_observer_warnings: bool = option(True, doc="show a warning when the observer fails")
    enable_inotify_warnings: bool = option(True, doc="the old name of enable_observer_warnings")
    enable_config_write_access: bool = option(True, doc="whether clients may change the config root")


section("file_manager", FileManagerConfig)
