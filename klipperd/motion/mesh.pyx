"""A transform that follows the surface of a bed (Bed_Mesh.md)."""

from libc.math cimport INFINITY, ceil, fabs, isfinite, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from klipperd.motion.limits cimport move_fault
from klipperd.motion.transform cimport AXES_MOST, Transform

__all__ = ["MeshTransform"]

cdef enum:
    LOOKS_MOST = 100000      # along one move


cdef inline int cell(double at, int count, double *rest) noexcept nogil:
    """The grid's interval that holds a coordinate in units of its spacing, and the place within."""
    cdef int index
    at = at if at > 0. else 0.      # so written, no NaN passes
    at = min(at, <double>(count - 1))
    index = min(<int>at, count - 2)
    rest[0] = at - index
    return index


cdef class MeshTransform(Transform):
    def __init__(self, Transform next not None, double check_distance=5., double split_delta=.025):
        if not (check_distance > 0. and split_delta > 0.):
            raise ValueError("check_distance and split_delta must be above 0")
        self.next = next
        self.check_distance, self.split_delta = check_distance, split_delta
        memset(&self.surface, 0, sizeof(bed_surface))
        memset(self.nozzle, 0, sizeof(self.nozzle))
        self.set_fade(0., 0., 0.)

    def __dealloc__(self):
        free(self.surface.height)

    @property
    def active(self):
        return self.surface.height != NULL

    def set_surface(self, heights, minimum, maximum):
        cdef bed_surface made
        cdef int axis, i
        memset(&made, 0, sizeof(bed_surface))
        if heights is not None:
            made.rows, made.columns = len(heights), len(heights[0])
            if min(made.rows, made.columns) < 2 or any(len(row) != made.columns for row in heights):
                raise ValueError("a mesh needs two points each way at least, and rows of one length")
            values = [float(height) for row in heights for height in row]
            if not all([isfinite(value) for value in values]):
                raise ValueError("heights must be finite numbers")
            for axis in range(2):
                made.origin[axis] = minimum[axis]
                count = made.rows if axis else made.columns
                made.spacing[axis] = (maximum[axis] - minimum[axis]) / (count - 1)
                if not (made.spacing[axis] > 0. and isfinite(made.spacing[axis])):
                    raise ValueError("a mesh needs a size")
            made.height = <double *>malloc(len(values) * sizeof(double))
            if made.height == NULL:
                raise MemoryError
            for i, value in enumerate(values):
                made.height[i] = value
        free(self.surface.height)
        self.surface = made

    def set_fade(self, double start, double end, double target):
        if end > start:
            self.fade_start, self.fade_end, self.fade_target = start, end, target
        else:
            self.fade_start = self.fade_end = INFINITY
            self.fade_target = 0.

    def set_offset(self, double x, double y, double z_fade):
        self.nozzle[0], self.nozzle[1], self.nozzle[2] = x, y, z_fade

    @property
    def offset(self):
        return self.nozzle[0], self.nozzle[1], self.nozzle[2]

    def height(self, double x, double y):
        if self.surface.height == NULL:
            return 0.
        return self.surface_height(x, y)

    cdef double surface_height(self, double x, double y) noexcept nogil:
        cdef const bed_surface *surface = &self.surface
        cdef double u = 0., v = 0.
        cdef int column = cell((x - surface.origin[0]) / surface.spacing[0], surface.columns, &u)
        cdef int row = cell((y - surface.origin[1]) / surface.spacing[1], surface.rows, &v)
        cdef const double *low = surface.height + row * surface.columns + column
        cdef const double *high = low + surface.columns
        return (1. - v) * ((1. - u) * low[0] + u * low[1]) + v * ((1. - u) * high[0] + u * high[1])

    cdef double share(self, double z) noexcept nogil:
        z += self.nozzle[2]
        if z <= self.fade_start:
            return 1.
        return 0. if z >= self.fade_end else (self.fade_end - z) / (self.fade_end - self.fade_start)

    cdef double correction(self, const double *place) noexcept nogil:
        cdef double share = self.share(place[2])
        if share == 0.:
            return self.fade_target
        return self.fade_target + share * (
            self.surface_height(place[0] + self.nozzle[0], place[1] + self.nozzle[1]) - self.fade_target)

    cdef int pass_on(self, const double *place, double correction, double speed,
                     move_fault *fault) noexcept nogil:
        cdef double[AXES_MOST] real
        memcpy(real, place, sizeof(real))
        real[2] += correction
        return self.next.step(real, speed, fault)

    cdef int step(self, const double *target, double speed, move_fault *fault) noexcept nogil:
        cdef double[AXES_MOST] place
        cdef double *start = self.state.at
        cdef double distance = 0., passed, correction, part
        cdef int64_t looks, i
        cdef int axis
        if self.surface.height == NULL:
            return self.next.step(target, speed, fault)
        for axis in range(3):
            distance += (target[axis] - start[axis]) ** 2
        distance = sqrt(distance)
        if distance > self.check_distance and (self.share(start[2]) > 0. or self.share(target[2]) > 0.):
            passed = self.correction(start)
            looks = <int64_t>min(ceil(distance / self.check_distance), <double>LOOKS_MOST)
            for i in range(1, looks):
                part = <double>i * self.check_distance / distance if looks < LOOKS_MOST else <double>i / looks
                for axis in range(AXES_MOST):
                    place[axis] = start[axis] + part * (target[axis] - start[axis])
                correction = self.correction(place)
                if fabs(correction - passed) >= self.split_delta:
                    if self.pass_on(place, correction, speed, fault) < 0:
                        return -1
                    passed = correction
        if self.pass_on(target, self.correction(target), speed, fault) < 0:
            return -1
        memcpy(self.state.at, target, sizeof(self.state.at))
        return 0

    cdef double undo(self, const double *real) noexcept nogil:
        """The z that becomes the real one."""
        cdef double height = self.surface_height(real[0] + self.nozzle[0], real[1] + self.nozzle[1])
        cdef double z = real[2] - height, range = self.fade_end - self.fade_start
        if self.fade_end == INFINITY or z + self.nozzle[2] <= self.fade_start:
            return z
        z = real[2] - self.fade_target
        if z + self.nozzle[2] >= self.fade_end:
            return z
        height -= self.fade_target
        return (range * z - (self.fade_end - self.nozzle[2]) * height) / (range - height)

    cdef int where(self, double *position) except -1:
        self.next.where(position)
        if self.surface.height != NULL:
            position[2] = self.undo(position)
        memcpy(self.state.at, position, sizeof(self.state.at))
        return 0

    cdef void keep(self) noexcept nogil:
        self.kept = self.state
        self.next.keep()

    cdef void take_back(self) noexcept nogil:
        self.state = self.kept
        self.next.take_back()
