# Work spaces that are no boxes: round ones, and those whose ceiling hangs on towers.
from klipperd.motion.geometry cimport geometry
from klipperd.motion.limits cimport MoveCheck, move_fault
from klipperd.motion.plan cimport planned_move

cdef enum:
    MOST_TOWERS = 3

cdef class Workspace(MoveCheck):
    cdef public bint active            # off while positions aren't known
    cdef readonly double radius        # mm from the centre that may be reached
    cdef readonly double hole          # mm around the centre that may not be entered or crossed
    cdef readonly double open_below    # mm; below this z no ceiling is in the way
    cdef readonly double turn_rate     # rad/s, of a path round the centre; inf: any
    cdef readonly double floor         # mm, lowest z; for messages
    cdef public double shaping_time    # s; at a speed v, shaping leads v times that off the path at most
    cdef int towers
    cdef geometry shapes[MOST_TOWERS]
    cdef double ceilings[MOST_TOWERS]  # motor coordinate that each tower may not exceed
    cdef int slow_across               # 1: distances count in x only
    cdef double slow_beyond[2]         # mm from the centre; beyond: half the speed; a quarter
    cdef double nominal[2]             # mm/s and mm/s^2, of which these are parts
    cdef double out(self, const double *where) noexcept nogil
    cdef int check_arms(self, const planned_move *move, move_fault *fault) noexcept nogil
    cdef int check_towers(self, const planned_move *move, move_fault *fault) noexcept nogil
    cdef int check_turns(self, planned_move *move, move_fault *fault) noexcept nogil
