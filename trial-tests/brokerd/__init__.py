"""Tests of the broker. No test may depend on how fast the machine is, so examples have no deadline."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
