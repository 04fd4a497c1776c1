"""Notices what others do to the files behind the broker's back.

The kernel (inotify) only says in which directory something happened; what it was comes from a comparison with
what was there before. So moves, replaced files and lost events need no special care. What the broker itself
does is taken into the picture without being told a second time.
"""

from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet import inotify
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.filepath import FilePath

from brokerd.chores import Chores
from brokerd.errors import ApiError
from brokerd.files.announce import FileChanges
from brokerd.files.metadata import GcodeMetadata
from brokerd.files.roots import Location, Root, Roots, is_gcode
from brokerd.files.snapshot import Change, Entry, Snapshot, compare, look, look_below, outermost
from brokerd.threads import WorkerThreads

__all__ = ["FileObserver"]

log = Logger()

_SETTLE = 0.25  # seconds without events before a directory is looked at
_RECONCILE = 300.0  # seconds between two looks at everything
_MANY = 200  # changes at once of which only the root is told
_MASK = (
    inotify.IN_CREATE
    | inotify.IN_CLOSE_WRITE
    | inotify.IN_DELETE
    | inotify.IN_MOVED_FROM
    | inotify.IN_MOVED_TO
    | inotify.IN_ONLYDIR
)


@define(eq=False, repr=False)
class _Tree:
    """One root and its last picture.

    @ivar dirty: directories in which something happened since.
    @ivar growing: files that somebody is writing.
    """

    root: Root
    known: dict[str, Entry] = field(factory=dict)
    dirty: set[str] = field(factory=set)
    growing: set[str] = field(factory=set)
    watched: set[str] = field(factory=set)


@frozen
class _Seen:
    """What a look at a part of a tree showed."""

    before: Snapshot
    after: Snapshot
    changes: list[Change]
    told: list[Change]


@define(eq=False, repr=False, slots=False)
class FileObserver(Service):
    """Watches all writable roots.

    @ivar warnings: why it can't; for C{server.info}.
    @ivar _listen: whether to use inotify; otherwise everything is compared now and then.
    """

    _reactor: Any
    _roots: Roots
    _threads: WorkerThreads
    _metadata: GcodeMetadata
    _changes: FileChanges
    _chores: Chores
    _listen: bool = True
    warnings: list[str] = field(init=False, factory=list)
    _trees: list[_Tree] = field(init=False, factory=list)
    _notifier: inotify.INotify | None = field(init=False, default=None)
    _settling: Any = field(init=False, default=None)
    _looking: bool = field(init=False, default=False)
    _reconciling: LoopingCall | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        self._trees = [_Tree(each) for each in self._roots if each.writable]
        self._changes.on_own = self._own_change
        if self._listen:
            try:
                self._notifier = inotify.INotify(self._reactor)
                self._notifier.startReading()
            except (OSError, inotify.INotifyError) as error:
                self._warn(f"changes to files are noticed late: inotify fails: {error}")
        self._chores.spawn(self._begin(), "watching the files")

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        self._changes.on_own = None
        if self._settling is not None and self._settling.active():
            self._settling.cancel()
        if self._reconciling is not None and self._reconciling.running:
            self._reconciling.stop()
        notifier, self._notifier = self._notifier, None
        if notifier is not None:
            notifier.loseConnection()
        return None

    def _warn(self, text: str) -> None:
        log.warn("{text}", text=text)
        self.warnings = [text]

    async def _begin(self) -> None:
        for tree in self._trees:
            tree.known = await self._threads.run(look_below, tree.root.path)
            self._watch(tree, ["", *(path for path, entry in tree.known.items() if entry.is_directory)])
        if self.running:
            self._reconciling = LoopingCall(self._reconcile)
            self._reconciling.clock = self._reactor
            self._reconciling.start(_RECONCILE, now=False)

    def _watch(self, tree: _Tree, folders: list[str]) -> None:
        for folder in folders:
            if self._notifier is None or folder in tree.watched:
                continue
            path = FilePath(str(tree.root.path / folder))

            def happened(_: object, name: Any, mask: int, folder: str = folder) -> None:
                self._happened(tree, folder, name.basename(), mask)

            try:
                self._notifier.watch(path, _MASK, callbacks=[happened])
            except (OSError, inotify.INotifyError) as error:
                self._warn(
                    f"changes below {tree.root.name}/{folder} are noticed late: inotify fails: {error}"
                )
                return
            tree.watched.add(folder)

    def _happened(self, tree: _Tree, folder: str, name: Any, mask: int) -> None:
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        path = f"{folder}/{text}" if folder else text
        if mask & inotify.IN_CREATE and not mask & inotify.IN_ISDIR:
            tree.growing.add(path)  # a link is there at once; the next look finds that out
        elif not mask & inotify.IN_ISDIR:
            tree.growing.discard(path)
        if mask & inotify.IN_ISDIR:
            tree.watched.discard(path)
        tree.dirty.add(folder)
        self._settle()

    def _settle(self) -> None:
        clock: IReactorTime = self._reactor
        if self._settling is not None and self._settling.active():
            self._settling.reset(_SETTLE)
        elif self.running:
            self._settling = clock.callLater(_SETTLE, self._settled)

    def _settled(self) -> None:
        if self._changes.busy or self._looking:
            self._settle()
            return
        self._looking = True
        self._chores.spawn(self._look(), "looking at changed files", self._looked)

    def _looked(self) -> None:
        self._looking = False

    def _reconcile(self) -> None:
        """Look at everything, for what inotify does not tell."""
        for tree in self._trees:
            tree.dirty |= {"", *(path for path, entry in tree.known.items() if entry.is_directory)}
        self._settle()

    async def _look(self) -> None:
        for tree in self._trees:
            dirty, tree.dirty = tree.dirty, set()
            if dirty:
                await self._tell(tree, await self._threads.run(_look_at, tree, frozenset(dirty)))

    async def _tell(self, tree: _Tree, seen: _Seen) -> None:
        after, changes, told = seen.after, seen.changes, seen.told
        for path in seen.before:
            tree.known.pop(path, None)
        tree.known.update(after)
        tree.watched &= {"", *(path for path, entry in tree.known.items() if entry.is_directory)}
        self._watch(tree, [path for path, entry in after.items() if entry.is_directory])
        for change in changes:
            await self._follow(tree, change)
        if len(told) > _MANY:
            await self._changes.tell_of_others("root_update", Location(tree.root, ""))
            return
        for change in told:
            location = Location(tree.root, change.path)
            source = Location(tree.root, change.source) if change.source is not None else None
            await self._changes.tell_of_others(change.action, location, source)

    async def _follow(self, tree: _Tree, change: Change) -> None:
        """Let the metadata of G-code follow."""
        if tree.root.name != "gcodes":
            return
        if change.action == "move_dir" and change.source is not None:
            await self._metadata.moved(change.source, change.path)
        elif change.source is not None:
            await self._metadata.forget(change.source)
        if change.action.startswith("delete"):
            await self._metadata.forget(change.path)
        elif change.action.endswith("file") and is_gcode(change.path):
            try:
                await self._metadata.scan(change.path)
            except (ApiError, OSError) as error:
                log.warn("no metadata of {name}: {error}", name=change.path, error=error)

    # What the broker does itself.

    async def _own_change(self, location: Location, source: Location | None) -> None:
        """Take it into the picture, so that it is not told twice."""
        for each in (location, source):
            tree = next((tree for tree in self._trees if each is not None and tree.root == each.root), None)
            if tree is not None and each is not None:
                await self._refresh(tree, each.path)

    async def _refresh(self, tree: _Tree, path: str) -> None:
        folder = path.rpartition("/")[0]
        found, below = await self._threads.run(_picture, tree.root.path, folder, path)
        for known in [known for known in tree.known if known == path or known.startswith(f"{path}/")]:
            del tree.known[known]
        while folder and folder not in tree.known:  # an upload makes the directories that it needs
            parent = folder.rpartition("/")[0]
            entry = (await self._threads.run(look, tree.root.path, parent) or {}).get(folder)
            if entry is not None:
                tree.known[folder] = entry
                self._watch(tree, [folder])
            folder = parent
        if found is not None:
            tree.known[path] = found
            tree.known.update(below)
            self._watch(tree, [each for each in (path, *below) if tree.known[each].is_directory])


def _picture(root: Path, folder: str, path: str) -> tuple[Entry | None, dict[str, Entry]]:
    found = (look(root, folder) or {}).get(path)
    return found, look_below(root, path) if found is not None and found.is_directory else {}


def _look_at(tree: _Tree, dirty: frozenset[str]) -> _Seen:
    """The part of a tree that is in question, as it was and as it is. Blocks."""
    before: dict[str, Entry] = {}
    after: dict[str, Entry] = {}
    known = dict(tree.known)
    by_folder: dict[str, dict[str, Entry]] = {}
    for path, entry in known.items():
        by_folder.setdefault(path.rpartition("/")[0], {})[path] = entry
    for folder in sorted(dirty):
        inside = look(tree.root.path, folder)
        if inside is None:
            continue  # its parent is dirty, too
        here = by_folder.get(folder, {})
        before.update(here)
        for path, entry in inside.items():
            if path in tree.growing and path not in known and not entry.linked:
                continue
            after[path] = entry
            if entry.is_directory and path not in known:
                after.update(look_below(tree.root.path, path))
        for path, entry in here.items():
            if entry.is_directory and path not in inside:
                before.update({each: known[each] for each in known if each.startswith(f"{path}/")})
    changes = compare(before, after)
    return _Seen(before, after, changes, outermost(changes))
