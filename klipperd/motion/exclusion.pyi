"""A transform that swallows moves."""

from klipperd.motion.transform import Transform

class Exclusion(Transform):
    """Swallows moves while C{excluding}.

    Filament that wasn't extruded for a swallowed move is owed for ever: the machine's e stays behind.
    """

    excluding: bool
    def __init__(self, next: Transform) -> None: ...
    def begin(self) -> None:
        """Swallow moves from now on."""
    def end(self) -> None:
        """Let moves through again."""
