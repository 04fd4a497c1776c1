"""G-code with Jinja2 templates in it: macros and all options that take G-code (Command_Templates.md).

C{{ }} encloses expressions, C{{% %}} statements. A template is rendered in entirety before the first of
its commands runs. It sees the statuses of all printer objects under C{printer}.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import CommandError, ConfigError, Place
from klipperd.gcode.dispatch import Dispatcher
from klipperd.objects.services import HostControl, Objects
from klipperd.objects.values import Gcode
from klipperd.remote.plain import plain_status
from klipperd.remote.procedures import Procedures

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["GcodeTemplate", "GcodeTemplates", "PrinterView"]


class _RaisedInTemplate(Exception):
    """C{action_raise_error}: passes through Jinja2 as it is."""


class PrinterView(Mapping[str, Any]):
    """The statuses of all printer objects, each read once when it's first asked for."""

    def __init__(self, objects: Objects, eventtime: float) -> None:
        self._sources = objects.status_sources()
        self._eventtime = eventtime
        self._read: dict[str, dict[str, Any]] = {}

    def __getitem__(self, name: str) -> dict[str, Any]:
        found = self._read.get(name)
        if found is None:
            source = self._sources.get(name) or self._without_case(name)
            found = self._read[name] = plain_status(source.status(self._eventtime))
        return found

    def _without_case(self, name: str) -> Any:
        folded = name.lower()
        for known, source in self._sources.items():
            if known.lower() == folded:
                return source
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(name.lower() == known.lower() for known in self._sources)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


@define(eq=False, repr=False)
class GcodeTemplates:
    """Compiles and renders the templates of one printer."""

    _clock: IReactorTime
    _objects: Objects
    dispatcher: Dispatcher
    _procedures: Procedures
    _host: HostControl

    def compile(self, gcode: Gcode, section: str, option: str = "gcode") -> "GcodeTemplate":
        """Compile the G-code of an option. @raise ConfigError: at the line of a syntax error."""
        made = GcodeTemplate(f"[{section}] {option}", gcode.text, self)
        if gcode.place is not None:  # what stands nowhere is a default of our own, which is right
            try:
                made.compile()
            except TemplateProblem as error:
                place = Place(gcode.place.file, gcode.place.line + error.line - 1)
                raise ConfigError.single(f"template: {error}", place, section, option) from None
        return made

    def context(self) -> dict[str, Any]:
        """What every template can name."""
        return {
            "printer": PrinterView(self._objects, self._clock.seconds()),
            "action_emergency_stop": self._emergency_stop,
            "action_respond_info": self._respond_info,
            "action_log": self._respond_info,
            "action_raise_error": _raise_error,
            "action_call_remote_method": self._call_remote_method,
        }

    def _emergency_stop(self, message: str = "action_emergency_stop") -> str:
        self._host.shutdown(f"Shutdown due to {message}")
        return ""

    def _respond_info(self, message: object) -> str:
        self.dispatcher.output.info(str(message))
        return ""

    def _call_remote_method(self, method: str, **params: Any) -> str:
        try:
            self._procedures.remote_methods.call(method, params)
        except CommandError as error:
            # Who serves it may be away for a moment; the print goes on, as it does in the field.
            self.dispatcher.output.info(str(error))
        return ""


def _raise_error(message: object) -> str:
    raise _RaisedInTemplate(str(message))


class TemplateProblem(Exception):
    """A text that is no template; C{line} of it, counted from 1."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


@define(eq=False, repr=False)
class GcodeTemplate:
    """One template. C{name} is for messages."""

    name: str
    _text: str
    _templates: GcodeTemplates
    _template: "Template | None" = field(init=False, default=None)

    def compile(self) -> "Template | None":
        """Compile it, unless it was before; None when the text is all there is.

        @raise TemplateProblem: it can't be compiled.
        """
        if self._template is None and "{" in self._text:
            # Only now: many a printer has no templates, and a batch run is over soon.
            from klipperd.gcode.environment import ENVIRONMENT, TemplateSyntaxError

            try:
                self._template = ENVIRONMENT.from_string(self._text)
            except TemplateSyntaxError as error:
                raise TemplateProblem(error.message or "", error.lineno or 1) from None
        return self._template

    async def render(self, **variables: Any) -> str:
        """The G-code that comes of it now. @raise CommandError: when the template fails."""
        template = self.compile()
        if template is None:
            return self._text
        parts = []
        try:
            for part in template.generate({**self._templates.context(), **variables}):
                parts.append(part)
                await self._templates.dispatcher.breath.rest_if_due()
        except _RaisedInTemplate as error:
            raise CommandError(str(error)) from None
        except (CommandError, GeneratorExit):
            raise
        except Exception as error:
            line = _line_in_template(error)
            text = f"Error evaluating '{self.name}'{line}: {type(error).__name__}: {error}"
            raise CommandError(text) from error
        return "".join(parts)

    async def run(self, run: "Callable[[str], Any] | None" = None, **variables: Any) -> None:
        """Render and run it: through C{run} (a call's own) inside a command, else as a script of its own."""
        script = await self.render(**variables)
        await (run or self._templates.dispatcher.run_script)(script)


def _line_in_template(error: Exception) -> str:
    """Where in the template it happened, from the traceback that Jinja2 has rewritten."""
    traceback, line = error.__traceback__, 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename in ("<template>", "<unknown>"):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return f" line {line}" if line else ""
