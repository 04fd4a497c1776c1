"""Counts which calls succeed, and prints that as JSON at the end."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["FILE", "attempt", "attempt_async", "report"]

FILE = "sample.gcode"
_found: dict[str, str] = {}


def attempt(name: str, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Make one call; its result, or None if it failed."""
    try:
        result = call(*arguments, **named)
    except Exception as error:
        _found[name] = f"{type(error).__name__}: {error}"[:300]
        return None
    _found[name] = ""
    return result


async def attempt_async(name: str, call: Callable[..., Awaitable[Any]], *arguments: Any, **named: Any) -> Any:
    """The same, of a coroutine function."""
    try:
        result = await asyncio.wait_for(call(*arguments, **named), 15)
    except Exception as error:
        _found[name] = f"{type(error).__name__}: {error}"[:300]
        return None
    _found[name] = ""
    return result


def report() -> None:
    """Print what was found."""
    json.dump(_found, sys.stdout)
