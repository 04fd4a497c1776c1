# A transform that swallows moves.
from klipperd.motion.limits cimport move_fault
from klipperd.motion.transform cimport AXES_MOST, Transform

cdef struct exclusion_state:
    double at[AXES_MOST]     # mm: where G-code believes the machine to be, while moves are swallowed
    double lag               # mm: how far the machine's e is behind that of G-code


cdef class Exclusion(Transform):
    cdef readonly bint excluding
    cdef exclusion_state state
    cdef exclusion_state kept
