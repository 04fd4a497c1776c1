"""Transforms that are a formula of the position; they keep straight lines straight."""

from libc.math cimport INFINITY
from libc.string cimport memcpy

from klipperd.motion.limits cimport move_fault
from klipperd.motion.transform cimport AXES_MOST, Transform

__all__ = ["SkewTransform", "ThermalTransform", "TiltTransform"]


cdef class TiltTransform(Transform):
    def __init__(self, Transform next not None, double x_adjust=0., double y_adjust=0., double z_adjust=0.):
        self.next = next
        self.x_adjust, self.y_adjust, self.z_adjust = x_adjust, y_adjust, z_adjust

    cdef int step(self, const double *target, double speed, move_fault *fault) noexcept nogil:
        cdef double[AXES_MOST] tilted
        memcpy(tilted, target, sizeof(tilted))
        tilted[2] += target[0] * self.x_adjust + target[1] * self.y_adjust + self.z_adjust
        return self.next.step(tilted, speed, fault)

    cdef int where(self, double *position) except -1:
        self.next.where(position)
        position[2] -= position[0] * self.x_adjust + position[1] * self.y_adjust + self.z_adjust
        return 0


cdef class SkewTransform(Transform):
    def __init__(self, Transform next not None):
        self.next = next

    cdef int step(self, const double *target, double speed, move_fault *fault) noexcept nogil:
        cdef double[AXES_MOST] square
        memcpy(square, target, sizeof(square))
        square[1] -= target[2] * self.yz
        square[0] -= square[1] * self.xy + target[2] * self.xz
        return self.next.step(square, speed, fault)

    cdef int where(self, double *position) except -1:
        self.next.where(position)
        position[0] += position[1] * self.xy + position[2] * self.xz
        position[1] += position[2] * self.yz
        return 0


cdef class ThermalTransform(Transform):
    def __init__(self, Transform next not None, double off_above=INFINITY):
        self.next = next
        self.off_above = off_above

    def apply(self):
        self.adjustment = self.wanted

    cdef int step(self, const double *target, double speed, move_fault *fault) noexcept nogil:
        cdef double[AXES_MOST] shifted
        memcpy(shifted, target, sizeof(shifted))
        if target[2] < self.off_above:
            self.adjustment = self.wanted
        shifted[2] += self.adjustment
        return self.next.step(shifted, speed, fault)

    cdef int where(self, double *position) except -1:
        self.next.where(position)
        position[2] -= self.adjustment
        return 0

    cdef void keep(self) noexcept nogil:
        self.kept = self.adjustment
        self.next.keep()

    cdef void take_back(self) noexcept nogil:
        self.adjustment = self.kept
        self.next.take_back()
