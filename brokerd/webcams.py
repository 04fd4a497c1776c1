"""C{server.webcams.*}: where the cameras are; the pictures come from other programs."""

from typing import Annotated, Any, ClassVar
from uuid import uuid4

from attrs import define

from brokerd.database import namespaces
from brokerd.database.store import Database
from brokerd.errors import BadRequest, NotFound
from brokerd.notifications import Broadcaster, notification
from brokerd.registry.caller import Role
from brokerd.registry.declare import method

__all__ = ["WebcamMethods"]

WEBCAMS_CHANGED = notification("notify_webcams_changed", "a webcam was added, changed or removed: {webcams}")
_NAMESPACE = "webcams"
_DEFAULTS: dict[str, Any] = {
    "name": "",
    "location": "printer",
    "icon": "mdiWebcam",
    "enabled": True,
    "service": "mjpegstreamer",
    "target_fps": 15,
    "target_fps_idle": 5,
    "stream_url": "",
    "snapshot_url": "",
    "flip_horizontal": False,
    "flip_vertical": False,
    "rotation": 0,
    "aspect_ratio": "4:3",
    "extra_data": {},
}
_ROTATIONS = (0, 90, 180, 270)


@define(eq=False)
class WebcamMethods:
    """Keeps the list of webcams in the database."""

    component: ClassVar[str] = "webcam"
    _database: Database
    _broadcaster: Broadcaster

    async def _all(self) -> list[dict[str, Any]]:
        stored = await self._database.run(lambda db: namespaces.read_all(db, _NAMESPACE))
        return sorted(stored.values(), key=lambda each: str(each["name"]))

    async def _tell(self) -> None:
        self._broadcaster.send(WEBCAMS_CHANGED, {"webcams": await self._all()})

    async def _find(self, uid: str | None, name: str | None) -> dict[str, Any]:
        if uid is None and name is None:
            raise BadRequest("a webcam is named by 'uid'")
        for each in await self._all():
            if (each["uid"] == uid) if uid is not None else (each["name"] == name):
                return each
        raise NotFound(f"there is no webcam {uid or name!r}")

    @method("server.webcams.list", "GET /server/webcams/list", result="{webcams}", permission=Role.VIEWER)
    async def list_webcams(self) -> dict[str, Any]:
        """All webcams."""
        return {"webcams": await self._all()}

    @method("server.webcams.get_item", "GET /server/webcams/item", result="{webcam}", permission=Role.VIEWER)
    async def get_item(self, uid: str | None = None, name: str | None = None) -> dict[str, Any]:
        """One webcam."""
        return {"webcam": await self._find(uid, name)}

    @method("server.webcams.post_item", "POST /server/webcams/item", result="{webcam}")
    async def post_item(
        self,
        uid: Annotated[str | None, "the webcam to change; none to add one"] = None,
        name: str | None = None,
        location: str | None = None,
        icon: str | None = None,
        enabled: bool | None = None,
        service: str | None = None,
        target_fps: int | None = None,
        target_fps_idle: int | None = None,
        stream_url: str | None = None,
        snapshot_url: str | None = None,
        flip_horizontal: bool | None = None,
        flip_vertical: bool | None = None,
        rotation: int | None = None,
        aspect_ratio: str | None = None,
        extra_data: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Add a webcam, or change what is given of one."""
        arguments = locals()
        given = {each: arguments[each] for each in _DEFAULTS if arguments[each] is not None}
        if uid is None:
            camera = {**_DEFAULTS, **given, "source": "database", "uid": str(uuid4())}
        else:
            camera = {**await self._find(uid, None), **given}
        await self._check(camera)
        await self._database.run(lambda db: namespaces.put(db, _NAMESPACE, camera["uid"], camera))
        await self._tell()
        return {"webcam": camera}

    async def _check(self, camera: dict[str, Any]) -> None:
        for required in ("name", "stream_url"):
            if not camera[required]:
                raise BadRequest(f"server.webcams.post_item: no argument {required!r}")
        if camera["rotation"] not in _ROTATIONS:
            raise BadRequest(f"'rotation' must be one of {_ROTATIONS}, not {camera['rotation']}")
        for other in await self._all():
            if other["name"] == camera["name"] and other["uid"] != camera["uid"]:
                raise BadRequest(f"there is another webcam {camera['name']!r}")

    @method("server.webcams.delete_item", "DELETE /server/webcams/item", result="{webcam}")
    async def delete_item(self, uid: str | None = None, name: str | None = None) -> dict[str, Any]:
        """Remove a webcam."""
        camera = await self._find(uid, name)
        await self._database.run(lambda db: namespaces.delete(db, _NAMESPACE, [camera["uid"]]))
        await self._tell()
        return {"webcam": camera}
