"""Threads that solve and compress steps outside the GIL, while the reactor does other work."""

from libc.stdlib cimport free, realloc
from libc.string cimport memset

from klipperd.motion.gate cimport (
    gate_load,
    gate_store,
    gate_wait,
    pthread_cond_broadcast,
    pthread_cond_destroy,
    pthread_cond_init,
    pthread_cond_wait,
)
from klipperd.motion.motor cimport look_ahead
from klipperd.motion.stepper cimport StepperMotion, motor_generate, raise_lost
from klipperd.motion.trapq cimport MotionQueue
from klipperd.wire.posix cimport (
    SIG_SETMASK,
    pthread_create,
    pthread_join,
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_unlock,
    pthread_sigmask,
    sigfillset,
    sigset_t,
)

__all__ = ["Workers"]


cdef bint take_job(crew *all_) noexcept nogil:
    """Do a job that nobody has taken, if there is one. The lock is held before and after."""
    cdef job *mine
    if all_.next >= all_.job_count:
        return False
    mine = &all_.jobs[all_.next]
    all_.next += 1
    pthread_mutex_unlock(&all_.gate.lock)
    mine.code = motor_generate(mine.motor, mine.until, mine.must_send)
    pthread_mutex_lock(&all_.gate.lock)
    gate_store(&all_.gate.left, all_.gate.left - 1)
    if all_.gate.left == 0:
        pthread_cond_broadcast(&all_.gate.done)
    return True


cdef void *work(void *context) noexcept nogil:
    cdef crew *all_ = <crew *>context
    pthread_mutex_lock(&all_.gate.lock)
    while not all_.stopping:
        if not take_job(all_):
            pthread_cond_wait(&all_.gate.work, &all_.gate.lock)
    pthread_mutex_unlock(&all_.gate.lock)
    return NULL


cdef class Workers:
    def __cinit__(self, int count):
        cdef sigset_t all_signals
        cdef sigset_t before
        memset(&self.crew, 0, sizeof(crew))
        self.members = []
        pthread_mutex_init(&self.crew.gate.lock, NULL)
        pthread_cond_init(&self.crew.gate.work, NULL)
        pthread_cond_init(&self.crew.gate.done, NULL)
        if not 0 <= count <= MOST_WORKERS:
            raise ValueError(f"{count} workers: there can be 0 to {MOST_WORKERS}")
        # Signals are for the main thread.
        sigfillset(&all_signals)
        pthread_sigmask(SIG_SETMASK, &all_signals, &before)
        while self.crew.count < count and pthread_create(
                &self.crew.threads[self.crew.count], NULL, work, &self.crew) == 0:
            self.crew.count += 1
        pthread_sigmask(SIG_SETMASK, &before, NULL)

    def __dealloc__(self):
        self.stop()
        pthread_cond_destroy(&self.crew.gate.work)
        pthread_cond_destroy(&self.crew.gate.done)
        pthread_mutex_destroy(&self.crew.gate.lock)
        free(self.crew.jobs)

    def add(self, StepperMotion stepper not None):
        cdef job *jobs
        gate_wait(&self.crew.gate)
        jobs = <job *>realloc(self.crew.jobs, (len(self.members) + 1) * sizeof(job))
        if jobs == NULL:
            raise MemoryError
        self.crew.jobs = jobs
        memset(&jobs[len(self.members)], 0, sizeof(job))
        jobs[len(self.members)].motor = &stepper.state
        self.members.append(stepper)
        stepper.workers = self
        stepper.state.gate = &self.crew.gate
        if stepper.followed is not None:
            self.watch(stepper.followed)

    def watch(self, MotionQueue queue not None):
        queue.workers = self
        queue.queue.gate = &self.crew.gate

    cdef int take(self) except -1:
        """Wait for the work and raise what it met with."""
        cdef int i, code
        with nogil:
            gate_wait(&self.crew.gate)
        for i in range(self.crew.job_count):
            code = self.crew.jobs[i].code
            if code < 0:
                self.crew.jobs[i].code = 0
                raise_lost(self.members[i], code)
        return 0

    def start(self, double until, double must_send):
        cdef int i
        self.take()
        for i in range(len(self.members)):
            self.crew.jobs[i].until = until - look_ahead(self.crew.jobs[i].motor)
            self.crew.jobs[i].must_send = must_send
        pthread_mutex_lock(&self.crew.gate.lock)
        self.crew.next = 0
        self.crew.job_count = len(self.members)
        gate_store(&self.crew.gate.left, self.crew.job_count)
        if self.crew.count:
            pthread_cond_broadcast(&self.crew.gate.work)
        else:
            while take_job(&self.crew):
                pass
        pthread_mutex_unlock(&self.crew.gate.lock)

    def finish(self):
        self.take()

    @property
    def busy(self):
        return gate_load(&self.crew.gate.left) > 0

    def stop(self):
        gate_wait(&self.crew.gate)
        pthread_mutex_lock(&self.crew.gate.lock)
        self.crew.stopping = True
        pthread_cond_broadcast(&self.crew.gate.work)
        pthread_mutex_unlock(&self.crew.gate.lock)
        while self.crew.count:
            self.crew.count -= 1
            pthread_join(self.crew.threads[self.crew.count], NULL)
