"""Why a batch run ends early."""

from klipperd.errors import KlipperdError

__all__ = ["BatchError"]


class BatchError(KlipperdError):
    """The run has failed; the text names file and line where there is one."""
