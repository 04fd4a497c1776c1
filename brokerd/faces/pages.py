"""The browser's pages: files below one directory; unknown paths of a one-page application get its index."""

import re
from pathlib import Path

from attrs import define

from brokerd.errors import NotFound
from brokerd.registry.exchange import FileReply
from brokerd.threads import WorkerThreads

__all__ = ["Pages"]

# A file with a hash of its content in its name never changes.
_HASHED = re.compile(r"[-.](?=\w*\d)\w{8,}\.(js|css|woff2?|png|svg|webp)$")
_FOREVER = "public, max-age=31536000, immutable"

# Paths of the API: a mistake there must not be answered with a page.
_API = ("server", "printer", "machine", "access", "api", "debug", "websocket", "klippysocket")


def _find(base: Path, parts: tuple[str, ...]) -> Path | None:
    """The file for a path, or the index. Blocks."""
    found = base.joinpath(*parts).resolve()
    real = base.resolve()
    if found.is_dir():
        found = found / "index.html"
    if found.is_file() and found.is_relative_to(real):
        return found
    index = real / "index.html"
    if parts and "." in parts[-1]:
        return None
    return index if index.is_file() else None


@define(eq=False, repr=False)
class Pages:
    """Serves one directory, or nothing if there is none."""

    _directory: Path | None
    _threads: WorkerThreads

    async def find(self, path: str) -> FileReply:
        """The page at a path.

        @raise NotFound: if there is none.
        """
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        if self._directory is None or not _plain(parts) or (parts and parts[0] in _API):
            raise NotFound(f"there is nothing at {path}")
        found = await self._threads.run(_find, self._directory, parts)
        if found is None:
            raise NotFound(f"there is nothing at {path}")
        return FileReply(found, cache=_FOREVER if _HASHED.search(found.name) else "no-cache")


def _plain(parts: tuple[str, ...]) -> bool:
    return all(part != ".." and not part.startswith(".") and "\0" not in part for part in parts)
