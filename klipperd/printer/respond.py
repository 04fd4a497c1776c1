"""C{[respond]}: send text to terminals and clients."""

from typing import Literal

from attrs import define, frozen

from klipperd.objects import Call, PrinterObject, command, option, param

__all__ = ["Respond", "RespondConfig", "respond"]

_PREFIXES = {"echo": "echo: ", "command": "// ", "error": "!! ", "echo_no_space": "echo:"}


@frozen(kw_only=True)
class RespondConfig:
    """C{[respond]}: enables M118 and RESPOND."""

    default_type: Literal["echo", "command", "error"] = option("echo", doc="kind of prefix before the text")
    default_prefix: str | None = option(None, doc="prefix before the text, whatever default_type says")


@define(eq=False, repr=False)
class Respond:
    """M118 and RESPOND."""

    _prefix: str

    @command("M118")
    async def say(self, call: Call) -> None:
        """Send the text, after the default prefix."""
        self._send(call, self._prefix, call.text)

    @command("RESPOND")
    async def respond(
        self,
        call: Call,
        *,
        msg: str = "",
        type: Literal["echo", "command", "error", "echo_no_space"] | None = None,
        prefix: str | None = param(None, doc="takes priority over TYPE"),
    ) -> None:
        """Send the text, after the prefix that is asked for."""
        if prefix is not None:
            self._send(call, f"{prefix} ", msg)
        else:
            self._send(call, self._prefix if type is None else _PREFIXES[type], msg)

    def _send(self, call: Call, prefix: str, text: str) -> None:
        call.respond(prefix + text)


def build_respond(config: RespondConfig) -> Respond:
    """Build the C{respond} object."""
    given = config.default_prefix
    return Respond(_PREFIXES[config.default_type] if given is None else f"{given} ")


respond = PrinterObject("respond", RespondConfig, build_respond)
