"""The geometry of G2 and G3 (RS274/NGC 3.5.3): centre given by I J K from the start, or by the radius R."""

from libc.math cimport M_PI, acos, atan2, ceil, cos, fabs, hypot, sin, sqrt
from libc.stdint cimport int64_t

from klipperd.motion.limits cimport FAULT_ARC, move_fault, refuse

from klipperd.errors import CommandError

cdef double SAME = 1e-9           # mm; points closer than this are one
cdef double ROUNDED = 0.05        # mm; so much may two radii of an arc differ by rounding of its words,
cdef double ROUNDED_SHARE = 0.005  # and this share of the radius
cdef double MOST_CHORDS = 1e6     # no more are counted

cdef int[3] FIRST = [0, 2, 1]
cdef int[3] SECOND = [1, 0, 2]


cdef int centre_of_offsets(const arc_words *words, const double *start, const double *end, arc_path *arc,
                           move_fault *fault) noexcept nogil:
    cdef double radius, last
    arc.centre[0] = start[arc.first] + words.offset[arc.first]
    arc.centre[1] = start[arc.second] + words.offset[arc.second]
    radius = hypot(start[arc.first] - arc.centre[0], start[arc.second] - arc.centre[1])
    last = hypot(end[arc.first] - arc.centre[0], end[arc.second] - arc.centre[1])
    if not radius >= SAME:
        return refuse(fault, FAULT_ARC, ARC_AT_CENTRE, radius, 0., 0.)
    if not fabs(last - radius) <= ROUNDED + ROUNDED_SHARE * radius:
        return refuse(fault, FAULT_ARC, ARC_RADII, last, radius, 0.)
    arc.radius, arc.growth = radius, last - radius
    return 0


cdef int centre_of_radius(const arc_words *words, const double *start, const double *end, arc_path *arc,
                          move_fault *fault) noexcept nogil:
    cdef double dx = end[arc.first] - start[arc.first], dy = end[arc.second] - start[arc.second]
    cdef double distance = hypot(dx, dy), radius = fabs(words.radius), height
    if not distance >= SAME:
        return refuse(fault, FAULT_ARC, ARC_R_CIRCLE, words.radius, 0., 0.)
    if not radius >= 0.5 * distance - ROUNDED_SHARE * radius:
        return refuse(fault, FAULT_ARC, ARC_R_SMALL, words.radius, 0.5 * distance, 0.)
    radius = max(radius, 0.5 * distance)
    # The centre is to the left of the way from start to end of a short counter-clockwise arc.
    height = sqrt(max(radius * radius - 0.25 * distance * distance, 0.)) / distance
    if words.clockwise != (words.radius < 0.):
        height = -height
    arc.centre[0] = start[arc.first] + 0.5 * dx - height * dy
    arc.centre[1] = start[arc.second] + 0.5 * dy + height * dx
    arc.radius, arc.growth = radius, 0.
    return 0


cdef int solve_arc(const arc_words *words, const double *start, const double *end, arc_path *arc,
                   move_fault *fault) noexcept nogil:
    cdef bint has_offset
    cdef double last
    arc.first, arc.second = FIRST[words.plane], SECOND[words.plane]
    has_offset = words.has_offset[arc.first] or words.has_offset[arc.second]
    if has_offset == words.has_radius:
        return refuse(fault, FAULT_ARC, ARC_BOTH if has_offset else ARC_NO_CENTRE, 0., words.plane, 0.)
    if has_offset:
        if centre_of_offsets(words, start, end, arc, fault) < 0:
            return -1
    elif centre_of_radius(words, start, end, arc, fault) < 0:
        return -1
    arc.angle = atan2(start[arc.second] - arc.centre[1], start[arc.first] - arc.centre[0])
    last = atan2(end[arc.second] - arc.centre[1], end[arc.first] - arc.centre[0])
    arc.sweep = last - arc.angle
    if hypot(end[arc.first] - start[arc.first], end[arc.second] - start[arc.second]) < SAME:
        arc.sweep = 0.
    if words.clockwise and arc.sweep >= 0.:
        arc.sweep -= 2. * M_PI
    elif not words.clockwise and arc.sweep <= 0.:
        arc.sweep += 2. * M_PI
    return 0


cdef int64_t arc_chords(const arc_path *arc, double longest, double error, double corner,
                        double speed) noexcept nogil:
    cdef double radius = arc.radius + fabs(arc.growth), turn = longest / radius
    if error < radius:
        turn = min(turn, 2. * acos(1. - error / radius))
    # Between two chords that turn by t, the corner's rule allows v^2 = corner s (1 + s) / c^2 with
    # s = cos(t/2) and c = sin(t/2); that is nearly 8 corner / t^2.
    if corner > 0.:
        turn = min(turn, 0.95 * sqrt(8. * corner) / speed)
    return <int64_t>max(ceil(min(fabs(arc.sweep) / turn, MOST_CHORDS) - 1e-9), 1.)


cdef void arc_point(const arc_path *arc, double share, double *position) noexcept nogil:
    cdef double angle = arc.angle + share * arc.sweep, radius = arc.radius + share * arc.growth
    position[arc.first] = arc.centre[0] + radius * cos(angle)
    position[arc.second] = arc.centre[1] + radius * sin(angle)


cdef object arc_error(const move_fault *fault):
    plane = ("I J", "K I", "J K")[<int>fault.minimum if fault.axis in (ARC_NO_CENTRE, ARC_BOTH) else 0]
    texts = {
        ARC_NO_CENTRE: f"the centre is missing: {plane} or R",
        ARC_BOTH: f"both {plane} and R are given",
        ARC_AT_CENTRE: "its centre is where it begins",
        ARC_RADII: f"it begins {fault.minimum:.3f} mm from its centre but ends {fault.value:.3f} mm from it",
        ARC_R_SMALL: f"R = {fault.value:.3f}, but its ends need {fault.minimum:.3f} at least",
        ARC_R_CIRCLE: "R can't say where a full circle's centre is; use I J K",
        ARC_LONG: f"it has {fault.value:.0f} pieces, at most {fault.maximum:.0f} (resolution)",
    }
    return CommandError(f"Impossible arc: {texts[fault.axis]}")
