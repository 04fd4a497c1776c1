# What workers have at hand: whoever changes a queue or looks at a motor waits until they are done with it.
from klipperd.wire.posix cimport pthread_mutex_lock, pthread_mutex_t, pthread_mutex_unlock

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_cond_t:
        pass
    int pthread_cond_init(pthread_cond_t *condition, const void *attributes)
    int pthread_cond_destroy(pthread_cond_t *condition)
    int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
    int pthread_cond_broadcast(pthread_cond_t *condition)

cdef extern from *:
    """
    #define gate_load(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
    #define gate_store(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
    """
    int gate_load(const int *p) nogil
    void gate_store(int *p, int v) nogil

cdef struct work_gate:
    pthread_mutex_t lock
    pthread_cond_t work       # there is some
    pthread_cond_t done       # left has become 0
    int left                  # jobs that are not done

# Wait until no job is left. Workers need no GIL, so this may be called with it.
cdef inline void gate_wait(work_gate *gate) noexcept nogil:
    if gate == NULL or gate_load(&gate.left) == 0:
        return
    pthread_mutex_lock(&gate.lock)
    while gate.left > 0:
        pthread_cond_wait(&gate.done, &gate.lock)
    pthread_mutex_unlock(&gate.lock)
