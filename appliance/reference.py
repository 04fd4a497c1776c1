"""Write the references that are made from declarations: configuration, schema, API."""

import json
from collections.abc import Iterator
from pathlib import Path

# The sections of the broker itself are declared there.
import brokerd.configuration  # noqa: F401
from brokerd.catalog import every_component
from brokerd.config_reference import config_reference
from brokerd.integrations.kinds import KINDS, declare
from brokerd.notifications import declared_notifications
from brokerd.options import SectionDeclaration, declared_sections
from brokerd.registry.reference import markdown_api, openapi
from klipperd.config.reference import json_schema, markdown_reference
from klipperd.objects.catalogue import load_catalogue

__all__ = ["write_references"]


def write_references(folder: Path) -> Iterator[Path]:
    """Write each reference into C{folder} and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = load_catalogue()
    contents = {
        "config.md": markdown_reference(catalogue),
        "printer-cfg.schema.json": json.dumps(json_schema(catalogue), indent=1) + "\n",
        "moonraker-conf.md": config_reference(_broker_sections()),
        "api.md": markdown_api(every_component(), declared_notifications()),
        "openapi.json": json.dumps(openapi(every_component(), declared_notifications()), indent=1) + "\n",
    }
    for name, text in contents.items():
        (folder / name).write_text(text, "utf-8")
        yield folder / name


def _broker_sections() -> tuple[SectionDeclaration, ...]:
    """All sections of the broker; those of integrations are declared when they are asked for."""
    declare(KINDS)
    return declared_sections()
