# The modal state of G-code moves, and what a line of moving words does with it.
from libc.stdint cimport uint32_t

from klipperd.gcode.arc cimport arc_words
from klipperd.gcode.scan cimport gcode_words
from klipperd.motion.limits cimport move_fault
from klipperd.motion.transform cimport AXES_MOST, PlannerLink, Transform

# Positions are x, y, z, e and further axes (mm).
cdef struct gcode_state:
    bint absolute
    bint absolute_extrude
    int plane                    # arc_plane
    int axes                     # how many axes there are
    double unit                  # mm: 1 or 25.4
    double feedrate              # mm/s, of the last F word
    double speed_factor          # M220
    double extrude_factor        # M221
    double position[AXES_MOST]   # of the machine, as the next transform takes it
    double base[AXES_MOST]       # the origin of G-code coordinates
    double homing[AXES_MOST]     # the part of it that SET_GCODE_OFFSET asked for


cdef class GcodeCoordinates:
    cdef gcode_state state
    cdef readonly Transform head          # where moves go
    cdef PlannerLink planner     # where that chain ends
    cdef signed char[26] axis_of  # letter -> index of its axis, -1: none
    cdef uint32_t further        # letters of further axes, as in gcode_words.present
    cdef object _extra
    cdef public double arc_resolution
    cdef public double arc_error
    # G0 and G1, G2 and G3: 0, or -1 with fault filled and nothing changed. The planner must be open.
    cdef int line(self, const gcode_words *words, move_fault *fault) noexcept nogil
    cdef int arc(self, const gcode_words *words, bint clockwise, move_fault *fault) noexcept nogil
    cdef int read_target(self, const gcode_words *words, double *target, double *feedrate,
                         move_fault *fault) noexcept nogil
    cdef void read_arc(self, const gcode_words *words, bint clockwise, arc_words *read) noexcept nogil
    cdef int follow_arc(self, const arc_words *words, const double *target, double speed,
                        move_fault *fault) noexcept nogil
    cdef int pass_on(self, const double *target, double speed, move_fault *fault) noexcept nogil
    # G92 of one axis: its present position is called `value` (mm).
    cdef void call_position(self, int axis, double value) noexcept nogil
    cdef void set_extrusion(self, double factor) noexcept nogil
    cdef int refused(self, const move_fault *fault) except -1
    cdef int go(self, position, speed) except -1
