"""A transform that swallows moves, for objects of a print that are left out."""

from libc.string cimport memcpy, memset

from klipperd.motion.limits cimport move_fault
from klipperd.motion.transform cimport AXES_MOST, Transform

__all__ = ["Exclusion"]


cdef class Exclusion(Transform):
    def __init__(self, Transform next not None):
        self.next = next
        memset(&self.state, 0, sizeof(exclusion_state))

    def begin(self):
        self.where(self.state.at)
        self.excluding = True

    def end(self):
        cdef double real[AXES_MOST]
        if self.excluding:
            self.next.where(real)
            self.state.lag = self.state.at[3] - real[3]
            self.excluding = False

    cdef int step(self, const double *target, double speed, move_fault *fault) noexcept nogil:
        cdef double[AXES_MOST] behind
        if self.excluding:
            memcpy(self.state.at, target, sizeof(self.state.at))
            return 0
        memcpy(behind, target, sizeof(behind))
        behind[3] -= self.state.lag
        return self.next.step(behind, speed, fault)

    cdef int where(self, double *position) except -1:
        self.next.where(position)
        if self.excluding:
            memcpy(position, self.state.at, sizeof(self.state.at))
        else:
            position[3] += self.state.lag
        return 0

    cdef void keep(self) noexcept nogil:
        self.kept = self.state
        self.next.keep()

    cdef void take_back(self) noexcept nogil:
        self.state = self.kept
        self.next.take_back()
