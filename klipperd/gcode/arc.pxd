# G2 and G3: circular arcs, helical along the third axis, as points at even steps.
from libc.stdint cimport int64_t

from klipperd.motion.limits cimport move_fault

# G17 G18 G19: which axes an arc turns in. Counter-clockwise is from the first towards the second.
cdef enum arc_plane:
    PLANE_XY = 0
    PLANE_ZX = 1
    PLANE_YZ = 2

# Why there is no such arc (move_fault.axis with FAULT_ARC).
cdef enum arc_fault:
    ARC_NO_CENTRE = 0        # neither offsets of the centre nor R
    ARC_BOTH = 1             # offsets and R
    ARC_AT_CENTRE = 2        # the centre is where the arc begins
    ARC_RADII = 3            # the end is `value` mm from the centre, the start `minimum`
    ARC_R_SMALL = 4          # R is `value`, half the distance `minimum`
    ARC_R_CIRCLE = 5         # R can't say where a full circle's centre is
    ARC_LONG = 6             # `value` pieces, at most `maximum`

cdef struct arc_words:
    int plane                # arc_plane
    bint clockwise
    bint has_offset[3]       # I J K
    double offset[3]         # mm from the start
    bint has_radius
    double radius            # mm; negative: the longer arc of the two

cdef struct arc_path:
    int first                # the plane's axes
    int second
    double centre[2]         # mm
    double radius            # mm, where it begins
    double growth            # mm that the radius gains along the arc: rounding of the words
    double angle             # rad, where it begins
    double sweep             # rad, signed

# 0, or -1 with fault filled. start and end: x y z in mm.
cdef int solve_arc(const arc_words *words, const double *start, const double *end, arc_path *arc,
                   move_fault *fault) noexcept nogil
# Into how many chords to part an arc: none longer than `longest` (mm) nor further than `error` (mm) from the
# arc, and no corner sharper than `corner` (mm^2/s^2, as in planner_limits) lets pass at `speed` (mm/s).
cdef int64_t arc_chords(const arc_path *arc, double longest, double error, double corner,
                        double speed) noexcept nogil
# Where the arc is after a share of it, 0 to 1: sets the plane's two axes in `position`.
cdef void arc_point(const arc_path *arc, double share, double *position) noexcept nogil
# The exception that says what a FAULT_ARC says.
cdef object arc_error(const move_fault *fault)
