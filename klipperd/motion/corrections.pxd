# Transforms that are a formula of the position: a tilted bed, skewed axes, a frame that grows.
from klipperd.motion.limits cimport move_fault
from klipperd.motion.transform cimport Transform


cdef class TiltTransform(Transform):
    cdef public double x_adjust      # mm of z per mm of x
    cdef public double y_adjust      # mm of z per mm of y
    cdef public double z_adjust      # mm of z


cdef class SkewTransform(Transform):
    cdef public double xy            # mm of x per mm of y: how the y axis leans
    cdef public double xz            # mm of x per mm of z
    cdef public double yz            # mm of y per mm of z


cdef class ThermalTransform(Transform):
    cdef public double wanted        # mm of z, from the next move below `off_above` on
    cdef readonly double adjustment  # mm of z, in effect
    cdef public double off_above     # mm
    cdef double kept
