"""UFP: the archives that Cura uploads, of G-code and a picture; they become G-code with its picture in it."""

import os
import struct
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import BinaryIO

from attrs import evolve

from brokerd.errors import Unprocessable
from brokerd.registry.exchange import ReceivedFile

__all__ = ["is_ufp", "unpack"]

_MODEL, _PICTURE = "3D/model.gcode", "Metadata/thumbnail.png"
_LARGEST_PICTURE = 4 * 1024 * 1024
_CHUNK = 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_LINE = 78  # characters of a comment


def is_ufp(name: str) -> bool:
    """Whether a file is one, by its name."""
    return name.lower().endswith(".ufp")


def unpack(received: ReceivedFile, limit: int) -> ReceivedFile:
    """The G-code of an archive, in the archive's place. In a worker thread.

    @param limit: most bytes that it may become.
    @raise Unprocessable: if the archive is broken, holds no G-code, or becomes too large.
    """
    unpacked = received.partial.with_name(received.partial.name + ".unpacked")
    try:
        with zipfile.ZipFile(received.partial) as archive, unpacked.open("wb") as file:
            members = {each.filename.lstrip("/"): each for each in archive.infolist()}
            if _MODEL not in members:
                raise Unprocessable(f"the UFP archive has no {_MODEL}")
            if _PICTURE in members and members[_PICTURE].file_size <= _LARGEST_PICTURE:
                file.write(_comment(archive.read(members[_PICTURE])))
            _copy(archive, members[_MODEL], file, limit)
            size = file.tell()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        unpacked.unlink(missing_ok=True)
        received.partial.unlink(missing_ok=True)
        raise Unprocessable(f"the UFP archive can't be read: {error}") from None
    except BaseException:
        unpacked.unlink(missing_ok=True)
        received.partial.unlink(missing_ok=True)
        raise
    os.replace(unpacked, received.partial)
    name = str(Path(received.filename).with_suffix(".gcode"))
    return evolve(received, filename=name, size=size)


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: BinaryIO, limit: int) -> None:
    left = limit
    with archive.open(member) as source:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise Unprocessable(f"the G-code in the UFP archive is longer than {limit} bytes")
            file.write(chunk)


def _comment(picture: bytes) -> bytes:
    """A picture as slicers write it into G-code; nothing if it is no PNG."""
    if not picture.startswith(_PNG) or len(picture) < 24:
        return b""
    width, height = struct.unpack(">II", picture[16:24])
    text = b64encode(picture).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    begin = f"thumbnail begin {width}x{height} {len(text)}"
    return "".join(f"; {line}\n" for line in (begin, *lines, "thumbnail end")).encode()
