"""Jinja2 in the configuration: C{{expression}} and C{{% statement %}}, with the user's secrets at hand."""

import configparser
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from attrs import field, frozen

from brokerd.configfile import ConfigError

if TYPE_CHECKING:
    import jinja2

__all__ = ["Secrets", "Template", "TemplateError"]


class TemplateError(Exception):
    """A template can't be understood, or failed; the text names what and, if known, the line in it."""


@frozen
class Secrets:
    """Credentials that are kept out of the configuration, in C{DATA/moonraker.secrets} (INI or JSON).

    @ivar values: by section, then by name; not shown in representations.
    """

    values: Mapping[str, Any] = field(factory=dict, repr=False)

    @staticmethod
    def read(path: Path) -> "Secrets":
        """Read the file; nothing if there is none. Blocks.

        @raise ConfigError: if it is neither INI nor JSON. No content is repeated in the text.
        """
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return Secrets()
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}")
        except UnicodeDecodeError:
            raise ConfigError(f"{path}: not UTF-8")
        return Secrets(_json(text, path) if text.lstrip().startswith("{") else _ini(text, path))


def _json(text: str, path: Path) -> Mapping[str, Any]:
    try:
        values: dict[str, Any] = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not JSON: {error.msg}")
    return values


def _ini(text: str, path: Path) -> Mapping[str, Any]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or next((n for n, _ in getattr(error, "errors", ())), None)
        raise ConfigError(f"{path}{f':{line}' if line else ''}: neither INI nor JSON")
    return {name: dict(parser[name]) for name in parser.sections()}


@lru_cache(maxsize=2)
def _environment(waits: bool) -> "jinja2.Environment":
    from jinja2 import StrictUndefined
    from jinja2.ext import do
    from jinja2.sandbox import SandboxedEnvironment

    class Environment(SandboxedEnvironment):
        """The documented way to keep a value is C{user_data.__setitem__(name, value)}."""

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            kept = attr == "__setitem__" and isinstance(obj, dict | list)
            return kept or super().is_safe_attribute(obj, attr, value)

    environment = Environment(
        "{%",
        "%}",
        "{",
        "}",
        extensions=[do],
        undefined=StrictUndefined,
        trim_blocks=True,
        enable_async=waits,
    )
    environment.filters["fromjson"] = orjson.loads
    return environment


@frozen
class Template:
    """A text that is filled in when it is used.

    @ivar text: as written.
    @ivar secrets: known to it as C{secrets}.
    """

    text: str
    secrets: Secrets = field(factory=Secrets, eq=False)

    def check(self) -> None:
        """@raise TemplateError: if the text can't be understood."""
        if "{" in self.text:
            self._compiled()

    def render(self, **context: Any) -> str:
        """Fill in C{context}.

        @raise TemplateError: if that fails.
        """
        if "{" not in self.text:
            return self.text
        from jinja2 import TemplateError as Failure

        compiled = self._compiled()
        try:
            return compiled.render(secrets=self.secrets.values, **context).strip()
        except (Failure, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise TemplateError(str(error)) from None

    async def fill(self, **context: Any) -> str:
        """Fill in C{context}, which may have functions that must be waited for.

        @raise TemplateError: if that fails. What such a function raises passes through.
        """
        if "{" not in self.text:
            return self.text
        from jinja2 import TemplateError as Failure

        compiled = self._compiled(waits=True)
        try:
            return (await compiled.render_async(secrets=self.secrets.values, **context)).strip()
        except (Failure, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise TemplateError(str(error)) from None

    def _compiled(self, waits: bool = False) -> "jinja2.Template":
        from jinja2 import TemplateSyntaxError

        try:
            return _compile(self.text, waits)
        except TemplateSyntaxError as error:
            raise TemplateError(f"line {error.lineno}: {error.message}") from None


@lru_cache(maxsize=256)
def _compile(text: str, waits: bool) -> "jinja2.Template":
    return _environment(waits).from_string(text)
