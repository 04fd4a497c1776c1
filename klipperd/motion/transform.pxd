# The chain that moves pass on their way from G-code to the lookahead. Each link turns the coordinates of
# whoever calls it into those of the next one; the last one is the planner's.
from klipperd.motion.limits cimport move_fault
from klipperd.motion.lookahead cimport Lookahead, savepoint

cdef enum:
    AXES_MOST = 16           # x y z e, and further axes of G-code


cdef class Transform:
    cdef readonly Transform next
    cdef object error        # what Python code raised in `step`, with FAULT_PYTHON
    # Queue a move to `target` (AXES_MOST values, mm) at `speed` (mm/s); 0, or -1 with fault filled: then the
    # chain's state is undefined until take_back().
    cdef int step(self, const double *target, double speed, move_fault *fault) noexcept nogil
    # Where the machine is, in the coordinates of whoever calls `step`.
    cdef int where(self, double *position) except -1
    # Remember this link's and all later links' state; go back to it. Not across a plan of the lookahead.
    cdef void keep(self) noexcept nogil
    cdef void take_back(self) noexcept nogil
    cdef PlannerLink last(self)


cdef class PlannerLink(Transform):
    cdef readonly Lookahead lookahead    # None: every move is the planner's own affair
    cdef readonly object planner         # None: nobody needs to be told of moves
    cdef bint open                       # inside of a line: whoever opened it keeps and takes back
    cdef int axes                        # number of axes that positions have
    cdef savepoint kept
    cdef void fill_further(self, double *values, int given) noexcept
    cdef int begin(self) except -1
    cdef int end(self) except -1


cdef class PythonLink(Transform):
    cdef readonly object made


# 0 when a position is one that a machine can have, else -1 with fault filled.
cdef int check_target(const double *target, int axes, move_fault *fault) noexcept nogil
# Raise what a chain's fault says.
cdef raise_chain_fault(Transform head, const move_fault *fault)
