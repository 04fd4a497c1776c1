"""All tests. Run by tools/run-tests, each process shows the stacks of its threads on SIGUSR1."""

import faulthandler
import os
import signal

if "TEST_STACKS" in os.environ:
    _stacks = open(os.path.join(os.environ["TEST_STACKS"], str(os.getpid())), "w")  # noqa: SIM115
    faulthandler.register(signal.SIGUSR1, _stacks, all_threads=True)
