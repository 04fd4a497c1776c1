"""The errors that a method may give its caller. Anything else that escapes is our fault and only logged."""

__all__ = [
    "ApiError",
    "BadRequest",
    "Forbidden",
    "HostUnavailable",
    "NotFound",
    "StorageFull",
    "TooLarge",
    "TooMany",
    "Unauthorized",
    "Unprocessable",
]


class ApiError(Exception):
    """An answer that says why not.

    @ivar code: HTTP status; also the code of a JSON-RPC error, except that 404 becomes -32601.
    @ivar message: one sentence for the user; never a traceback.
    """

    code = 500

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class BadRequest(ApiError):
    """The arguments are wrong."""

    code = 400


class Unauthorized(ApiError):
    """The caller did not say who it is."""

    code = 401


class Forbidden(ApiError):
    """The caller may not do this, or not now."""

    code = 403


class NotFound(ApiError):
    """There is no such thing."""

    code = 404


class TooLarge(ApiError):
    """The body is longer than the limit."""

    code = 413


class Unprocessable(ApiError):
    """The content does not fit what was said about it, such as a checksum."""

    code = 422


class TooMany(ApiError):
    """The caller asks faster than it can be served."""

    code = 429


class HostUnavailable(ApiError):
    """The motion host is absent."""

    code = 503


class StorageFull(ApiError):
    """The disk has no room left."""

    code = 507
