"""What the motion host says of its own files: its examples and documents, and where its configuration is."""

from pathlib import Path

from attrs import define, field

from brokerd.files.announce import FileChanges
from brokerd.files.config import FileManagerConfig
from brokerd.files.roots import Location, Root, Roots
from brokerd.printer.session import HostSession
from brokerd.threads import WorkerThreads

__all__ = ["HostFiles"]

_ROOTS = {"config_examples": "config", "docs": "docs"}


@define(eq=False, repr=False)
class HostFiles:
    """Follows the motion host.

    @ivar warnings: for C{server.info}.
    """

    _host: HostSession
    _roots: Roots
    _threads: WorkerThreads
    _changes: FileChanges
    _config: FileManagerConfig
    warnings: list[str] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._host.follow(self)

    async def host_ready(self) -> None:
        """Its answer to C{info} is there."""
        info = self._host.info
        source, config = str(info.get("klipper_path") or ""), str(info.get("config_file") or "")
        if source:
            await self._add_roots(Path(source))
        if config and self._config.check_klipper_config_path:
            self.warnings = await self._threads.run(_outside, Path(config), self._roots.root("config").path)

    def host_stopped(self, state: str) -> None:
        """Its files stay."""

    async def _add_roots(self, source: Path) -> None:
        known = {each.name for each in self._roots}
        for name, folder in _ROOTS.items():
            path = source / folder
            if name not in known and await self._threads.run(path.is_dir):
                root = Root(name, path, writable=False)
                self._roots.add(root)
                await self._changes.tell_of_others("root_update", Location(root, ""))


def _outside(config: Path, root: Path) -> list[str]:
    """A warning if the configuration lies elsewhere. Blocks."""
    if config.absolute().is_relative_to(root.absolute()) or config.resolve().is_relative_to(root.resolve()):
        return []
    return [f"the motion host's configuration {config} does not lie in {root}: it can't be edited here"]
