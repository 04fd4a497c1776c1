# How a motor's coordinate follows from x, y and z, beyond weighted sums: a shape and its parameters.
# All lengths in mm, angles in radians.

cdef enum geometry_kind:
    # parameters, and what the coordinate is
    GEOMETRY_LINEAR = 0          # weight_x, weight_y, weight_z: their sum (mm)
    GEOMETRY_DELTA = 1           # tower_x, tower_y, arm: height of a delta's carriage (mm)
    # shoulder_radius, shoulder_height, upper_arm, lower_arm, tower_angle, its cosine and sine
    GEOMETRY_ROTARY_DELTA = 2    # angle of an upper arm (rad)
    GEOMETRY_DELTESIAN = 3       # tower_x, arm: height of a deltesian's carriage (mm)
    GEOMETRY_POLAR_RADIUS = 4    # none: distance from the centre (mm)
    GEOMETRY_POLAR_ANGLE = 5     # none: angle of the bed (rad), unwrapped
    GEOMETRY_WINCH = 6           # anchor_x, anchor_y, anchor_z: length of a cable (mm)

cdef struct geometry:
    int kind                     # geometry_kind
    double parameters[8]         # see geometry_kind

# Motor coordinate (mm or rad) at x, y, z (mm); NaN where there is none. Angles: the nearest to `near` (rad).
cdef double geometry_position(const geometry *shape, const double *where, double near) noexcept nogil
# The same, and its rate (mm/s or rad/s) when x, y, z move at a velocity (mm/s).
cdef double geometry_rate(const geometry *shape, const double *where, const double *velocity, double near,
                          double *rate) noexcept nogil
# Bound (mm/s^2 or rad/s^2) of how fast that rate changes within `time` s of where, at no more than `speed`
# (mm/s) and `accel` (mm/s^2) along each axis.
cdef double geometry_bend(const geometry *shape, const double *where, const double *speed,
                          const double *accel, double time) noexcept nogil
# Bit a is set when the coordinate depends on axis a.
cdef int geometry_axes(const geometry *shape) noexcept nogil

cdef class Geometry:
    cdef geometry shape
    cdef readonly str kind
