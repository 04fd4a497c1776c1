"""The API broker: every face that clients of a printer speak, and the files, jobs and history behind them.

It imports nothing of the motion host: the two meet at L{brokerd.hostlink.HostLink}.
"""

__all__ = ["API_VERSION", "SERVER_VERSION"]

# What clients compare against: the API generation that this broker is compatible with.
API_VERSION = (1, 5, 0)
SERVER_VERSION = "v0.11.0-0"
