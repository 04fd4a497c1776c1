"""What a move may be: limits of the planner and of the active extruder."""

class MoveCheck:
    """Limits of a machine's geometry beyond a box; compiled subclasses bring them (see limits.pxd)."""
