# A transform that follows the surface of a bed.
from klipperd.motion.limits cimport move_fault
from klipperd.motion.transform cimport AXES_MOST, Transform

# Heights over a grid of even spacing.
cdef struct bed_surface:
    double *height           # mm, rows of y, each of x
    int columns
    int rows
    double origin[2]         # mm: x y of the first
    double spacing[2]        # mm

cdef struct mesh_state:
    double at[AXES_MOST]     # mm: where G-code believes the machine to be


cdef class MeshTransform(Transform):
    cdef bed_surface surface
    cdef readonly double fade_start      # mm: below, all of the mesh counts
    cdef readonly double fade_end        # mm: above, nothing of it counts; inf: no fading
    cdef readonly double fade_target     # mm: what remains then
    cdef public double check_distance    # mm: between two looks at the surface
    cdef public double split_delta       # mm: a change of height that splits a move
    cdef double nozzle[3]                # mm: of the nozzle from the place looked up; z counts for fading
    cdef mesh_state state
    cdef mesh_state kept
    cdef double surface_height(self, double x, double y) noexcept nogil
    cdef double share(self, double z) noexcept nogil
    # What is added to z at a place in G-code's coordinates.
    cdef double correction(self, const double *place) noexcept nogil
    cdef int pass_on(self, const double *place, double correction, double speed,
                     move_fault *fault) noexcept nogil
    cdef double undo(self, const double *real) noexcept nogil
