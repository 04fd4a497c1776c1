"""How a motor's coordinate follows from x, y and z, beyond weighted sums. Formulas: docs/motion.md."""

from libc.math cimport INFINITY, NAN, acos, atan2, cos, fabs, isfinite, rint, sin, sqrt
from libc.string cimport memset

__all__ = ["Geometry"]

cdef double TURN = 6.283185307179586

KINDS = {
    "linear": (GEOMETRY_LINEAR, ("weight_x", "weight_y", "weight_z")),
    "delta": (GEOMETRY_DELTA, ("tower_x", "tower_y", "arm")),
    "rotary_delta": (
        GEOMETRY_ROTARY_DELTA,
        ("shoulder_radius", "shoulder_height", "upper_arm", "lower_arm", "tower_angle"),
    ),
    "deltesian": (GEOMETRY_DELTESIAN, ("tower_x", "arm")),
    "polar_radius": (GEOMETRY_POLAR_RADIUS, ()),
    "polar_angle": (GEOMETRY_POLAR_ANGLE, ()),
    "winch": (GEOMETRY_WINCH, ("anchor_x", "anchor_y", "anchor_z")),
}
LENGTHS = frozenset({"arm", "upper_arm", "lower_arm"})


cdef double shoulder_angle(const double *k, const double *where) noexcept nogil:
    """Angle of a rotary delta's upper arm.

    The knee (a = R - p, b = H - z seen from the effector's place in the tower's plane) is lower_arm away:
    a cos t + b sin t = c. Of the two solutions the outer one is taken.
    """
    cdef double p = where[0] * k[5] + where[1] * k[6], across = where[1] * k[5] - where[0] * k[6]
    cdef double a = k[0] - p, b = k[1] - where[2], reach = sqrt(a * a + b * b)
    cdef double c = (k[3] * k[3] - k[2] * k[2] - a * a - b * b - across * across) / (2. * k[2])
    if not fabs(c) <= reach:
        return NAN
    return atan2(b, a) - acos(c / reach)


cdef double geometry_position(const geometry *shape, const double *where, double near) noexcept nogil:
    cdef const double *k = &shape.parameters[0]
    cdef double x, y, z
    if shape.kind == GEOMETRY_LINEAR:
        return k[0] * where[0] + k[1] * where[1] + k[2] * where[2]
    if shape.kind == GEOMETRY_DELTA:
        x, y = where[0] - k[0], where[1] - k[1]
        return where[2] + sqrt(k[2] * k[2] - x * x - y * y)
    if shape.kind == GEOMETRY_ROTARY_DELTA:
        return shoulder_angle(k, where)
    if shape.kind == GEOMETRY_DELTESIAN:
        x = where[0] - k[0]
        return where[2] + sqrt(k[1] * k[1] - x * x)
    if shape.kind == GEOMETRY_POLAR_RADIUS:
        return sqrt(where[0] * where[0] + where[1] * where[1])
    if shape.kind == GEOMETRY_POLAR_ANGLE:
        if where[0] == 0. and where[1] == 0.:
            return near
        x = atan2(where[1], where[0])
        return x + TURN * rint((near - x) / TURN)
    x, y, z = where[0] - k[0], where[1] - k[1], where[2] - k[2]
    return sqrt(x * x + y * y + z * z)


cdef double arm_rate(const double *k, const double *where, const double *v, double angle) noexcept nogil:
    """The knee follows the effector along its circle: the lower arm keeps its length."""
    cdef double out = k[0] + k[2] * cos(angle), up = sin(angle)
    cdef double x = where[0] - out * k[5], y = where[1] - out * k[6], z = where[2] - k[1] - k[2] * up
    return (x * v[0] + y * v[1] + z * v[2]) / (k[2] * (cos(angle) * z - up * (x * k[5] + y * k[6])))


cdef double geometry_rate(const geometry *shape, const double *where, const double *velocity, double near,
                          double *rate) noexcept nogil:
    cdef const double *k = &shape.parameters[0]
    cdef const double *v = velocity
    cdef double x, y, z, length
    if shape.kind == GEOMETRY_DELTA:
        x, y = where[0] - k[0], where[1] - k[1]
        length = sqrt(k[2] * k[2] - x * x - y * y)
        rate[0] = v[2] - (x * v[0] + y * v[1]) / length
        return where[2] + length
    length = geometry_position(shape, where, near)
    if shape.kind == GEOMETRY_LINEAR:
        rate[0] = k[0] * v[0] + k[1] * v[1] + k[2] * v[2]
    elif shape.kind == GEOMETRY_ROTARY_DELTA:
        rate[0] = arm_rate(k, where, v, length)
    elif shape.kind == GEOMETRY_DELTESIAN:
        rate[0] = v[2] - (where[0] - k[0]) * v[0] / (length - where[2])
    elif shape.kind == GEOMETRY_POLAR_RADIUS:
        rate[0] = (where[0] * v[0] + where[1] * v[1]) / length
    elif shape.kind == GEOMETRY_POLAR_ANGLE:
        rate[0] = (where[0] * v[1] - where[1] * v[0]) / (where[0] * where[0] + where[1] * where[1])
    else:
        x, y, z = where[0] - k[0], where[1] - k[1], where[2] - k[2]
        rate[0] = (x * v[0] + y * v[1] + z * v[2]) / length
    return length


cdef inline double rod_bend(double square, double up, double speed, double accel, double time) noexcept nogil:
    """Of sqrt(square - h^2), which is up (squared) now; h goes at `speed` at most."""
    up -= speed * time * (2. * sqrt(square) + speed * time)
    if not up > 0.:
        return INFINITY
    return (sqrt(square) * accel + speed * speed * square / up) / sqrt(up)


cdef double arm_bend(const double *k, const double *where, double speed, double accel) noexcept nogil:
    cdef double angle = shoulder_angle(k, where), out = k[0] + k[2] * cos(angle), up = sin(angle), pull, rate
    cdef double x = where[0] - out * k[5], y = where[1] - out * k[6], z = where[2] - k[1] - k[2] * up
    # From |P - K|^2 = L^2 twice differentiated, each term at its largest; twice that, as the place moves.
    pull = fabs(k[2] * (cos(angle) * z - up * (x * k[5] + y * k[6])))
    rate = k[3] * speed / pull
    return 2. * (speed * (speed + 2. * k[2] * rate) + k[3] * accel
                 + rate * rate * k[2] * (k[2] + k[3])) / pull


cdef double geometry_bend(const geometry *shape, const double *where, const double *speed,
                          const double *accel, double time) noexcept nogil:
    cdef const double *k = &shape.parameters[0]
    # Sums instead of lengths: bounds all the same, and quicker.
    cdef double v = speed[0] + speed[1], a = accel[0] + accel[1], x, y, z, r
    if shape.kind == GEOMETRY_LINEAR:
        return fabs(k[0]) * accel[0] + fabs(k[1]) * accel[1] + fabs(k[2]) * accel[2]
    if shape.kind == GEOMETRY_DELTA:
        x, y = where[0] - k[0], where[1] - k[1]
        return accel[2] + rod_bend(k[2] * k[2], k[2] * k[2] - x * x - y * y, v, a, time)
    if shape.kind == GEOMETRY_DELTESIAN:
        x = where[0] - k[0]
        return accel[2] + rod_bend(k[1] * k[1], k[1] * k[1] - x * x, speed[0], accel[0], time)
    if shape.kind == GEOMETRY_POLAR_RADIUS or shape.kind == GEOMETRY_POLAR_ANGLE:
        r = sqrt(where[0] * where[0] + where[1] * where[1]) - v * time
        if r <= 0.:
            return INFINITY
        return a + v * v / r if shape.kind == GEOMETRY_POLAR_RADIUS else (a + 2. * v * v / r) / r
    v += speed[2]
    a += accel[2]
    if shape.kind == GEOMETRY_ROTARY_DELTA:
        return arm_bend(k, where, v, a)
    x, y, z = where[0] - k[0], where[1] - k[1], where[2] - k[2]
    r = sqrt(x * x + y * y + z * z) - v * time
    return a + v * v / r if r > 0. else INFINITY


cdef int geometry_axes(const geometry *shape) noexcept nogil:
    if shape.kind == GEOMETRY_LINEAR:
        return ((shape.parameters[0] != 0.) | (shape.parameters[1] != 0.) << 1
                | (shape.parameters[2] != 0.) << 2)
    if shape.kind == GEOMETRY_DELTESIAN:
        return 5
    if shape.kind == GEOMETRY_POLAR_RADIUS or shape.kind == GEOMETRY_POLAR_ANGLE:
        return 3
    return 7


cdef class Geometry:
    def __cinit__(self, str kind, *parameters):
        if kind not in KINDS:
            raise ValueError(f"there is no geometry {kind!r}; there are {', '.join(KINDS)}")
        number, names = KINDS[kind]
        if len(parameters) != len(names):
            wanted = ", ".join(names) or "no parameters"
            raise ValueError(f"geometry {kind!r} takes {wanted}, not {parameters}")
        memset(&self.shape, 0, sizeof(geometry))
        self.kind = kind
        self.shape.kind = number
        for i, (name, value) in enumerate(zip(names, parameters, strict=True)):
            if not isfinite(value) or (name in LENGTHS and value <= 0.):
                raise ValueError(f"{name} = {value} of geometry {kind!r} must be finite, lengths positive")
            self.shape.parameters[i] = value
        if number == GEOMETRY_ROTARY_DELTA:
            self.shape.parameters[5], self.shape.parameters[6] = cos(parameters[4]), sin(parameters[4])

    def __repr__(self):
        return f"Geometry({', '.join([repr(self.kind), *map(repr, self.parameters)])})"

    @property
    def parameters(self):
        return tuple([self.shape.parameters[i] for i in range(len(KINDS[self.kind][1]))])

    @property
    def axes(self):
        return "".join([axis for i, axis in enumerate("xyz") if geometry_axes(&self.shape) >> i & 1])

    def position(self, double x, double y, double z, double near=0.):
        cdef double *where = [x, y, z]
        return geometry_position(&self.shape, where, near)
