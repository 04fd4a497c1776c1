# What a print does, summed up over the trapezoids of its motion queues.
from libc.stdint cimport int64_t

from klipperd.motion.trapq cimport motion_queue, trapezoid

cdef enum:
    LIMITS = 16             # values of limit_reason (plan.pxd) that there is room for
    QUEUES = 17             # the path's and those of extruders

# Totals of one part of the source.
cdef struct survey_section:
    double begin            # print_time of its first move, s; < 0 = none yet
    double end              # and when its last one ended
    double time             # s in motion
    double distance         # mm of path
    double printed          # mm of path with extrusion
    double filament         # mm pushed, less what was drawn back
    double top_speed        # mm/s along the path
    double top_flow         # mm/s of filament while printing

cdef struct survey_totals:
    double speeding[LIMITS]  # s of speeding up or slowing down, by what bounded the acceleration
    double cruising[LIMITS]  # s at constant speed, by what bounded the speed
    int64_t junctions[LIMITS]  # junctions that were slower than the moves on both sides, by what bounded them
    int64_t moves
    double top_speed        # mm/s along the path
    double top_accel        # mm/s^2
    double axis_speed[3]    # mm/s
    double axis_accel[3]    # mm/s^2
    double low[3]           # mm, of printing moves
    double high[3]


cdef class Survey:
    cdef list queues        # the path's, then the extruders'; keeps them alive
    cdef motion_queue *followed[QUEUES]
    cdef int64_t cursors[QUEUES]  # index of the next trapezoid of each
    cdef int queue_count
    cdef int64_t *bounds    # bytes of the source at which sections 1, 2, ... begin
    cdef survey_section *parts
    cdef int64_t count      # of sections
    cdef int64_t now        # section of the last move
    cdef double last_speed  # cruise speed of the last move on the path
    cdef double last_end    # when it ended
    cdef survey_totals totals

    cdef survey_section *find(self, int64_t source) noexcept nogil
    cdef void add_path(self, const trapezoid *move, bint printing) noexcept nogil
    cdef void add_filament(self, const trapezoid *move, bint alone) noexcept nogil
    cdef void add_phases(self, const trapezoid *move) noexcept nogil
    cdef void walk(self, double until) noexcept nogil
    cdef bint follow_extruders(self, double until) noexcept nogil
