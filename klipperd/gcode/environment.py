"""How Jinja2 reads templates of G-code; L{klipperd.gcode.templates} compiles and renders them."""

from typing import Any

from jinja2 import Environment, TemplateSyntaxError

__all__ = ["ENVIRONMENT", "TemplateSyntaxError"]

_AXES = {"x": 0, "y": 1, "z": 2, "e": 3}


class _Environment(Environment):
    """Coordinates are lists that can be read by axis: C{printer.toolhead.position.x}."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, list | tuple) and attribute in _AXES and len(obj) > _AXES[attribute]:
            return obj[_AXES[attribute]]
        return super().getattr(obj, attribute)


ENVIRONMENT = _Environment(
    block_start_string="{%",
    block_end_string="%}",
    variable_start_string="{",
    variable_end_string="}",
    extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
)
