"""Pictures that slicers embed in a header, written below C{.thumbs}. Blocks: runs in a worker thread."""

import base64
import binascii
import re
from pathlib import Path
from typing import Any

from attrs import frozen

__all__ = ["FOLDER", "Thumbnail", "embedded", "remove", "write"]

FOLDER = ".thumbs"
_BEGIN = re.compile(rb"^; *thumbnail(_JPG)? begin (\d+)[x ](\d+) (\d+)", re.MULTILINE)
_LARGEST = 4 * 1024 * 1024


@frozen
class Thumbnail:
    """One embedded picture.

    @ivar suffix: C{png} or C{jpg}.
    """

    width: int
    height: int
    suffix: str
    data: bytes


def embedded(header: bytes) -> list[Thumbnail]:
    """The pictures in a header, smallest first; what can't be decoded is left out."""
    found = []
    for match in _BEGIN.finditer(header):
        end = header.find(b"thumbnail", match.end())
        if end < 0:
            continue
        text = header[match.end() : end].translate(None, b"; \r\n\t")
        try:
            data = base64.b64decode(text, validate=True)
        except binascii.Error:
            continue
        if data and len(data) <= _LARGEST:
            suffix = "jpg" if match.group(1) else "png"
            found.append(Thumbnail(int(match.group(2)), int(match.group(3)), suffix, data))
    return sorted(found, key=lambda each: each.width * each.height)


def write(gcode: Path, thumbnails: list[Thumbnail]) -> list[dict[str, Any]]:
    """Write the pictures of a file and describe them; replaces those of an earlier version."""
    remove(gcode)
    if not thumbnails:
        return []
    folder = gcode.parent / FOLDER
    folder.mkdir(exist_ok=True)
    described = []
    for each in thumbnails:
        name = f"{gcode.stem}-{each.width}x{each.height}.{each.suffix}"
        (folder / name).write_bytes(each.data)
        size = {"width": each.width, "height": each.height, "size": len(each.data)}
        described.append({**size, "relative_path": f"{FOLDER}/{name}"})
    return described


def remove(gcode: Path) -> None:
    """Remove the pictures that belong to a file."""
    folder = gcode.parent / FOLDER
    if not folder.is_dir():
        return
    pattern = re.compile(re.escape(gcode.stem) + r"-\d+x\d+\.(png|jpg)")
    for picture in folder.iterdir():
        if pattern.fullmatch(picture.name):
            picture.unlink(missing_ok=True)
