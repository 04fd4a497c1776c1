"""A message sink that keeps what it is given: for tests and batch output."""

from typing import Any

class RecordingSink:
    """Keeps (lane, payload, req_clock, slot_until) of each command."""

    def __init__(self) -> None: ...
    def sink_capsule(self) -> Any: ...
    def take(self) -> list[tuple[int, bytes, int, int]]:
        """All since the last call, in order."""
    def close(self) -> None:
        """Refuse further commands as a closed link does."""
