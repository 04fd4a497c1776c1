"""C{server.webcams.*}: where the cameras are; the pictures come from other programs."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import NAMESPACE_URL, uuid4, uuid5

from attrs import asdict, define, field, frozen

from brokerd.database import namespaces
from brokerd.database.store import Database
from brokerd.errors import BadRequest, Forbidden, NotFound
from brokerd.http_client import HttpClient, HttpFailure
from brokerd.notifications import Broadcaster, notification
from brokerd.options import option, section
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape

__all__ = ["WebcamConfig", "WebcamMethods"]

shape(
    "Webcam",
    """{
    name: str
    location: str
    icon: str
    enabled: bool
    service: str
    target_fps: int
    target_fps_idle: int
    stream_url: str
    snapshot_url: str
    flip_horizontal: bool
    flip_vertical: bool
    rotation: int  # degrees
    aspect_ratio: str
    extra_data: {*: any}
    source: "config" | "database"
    uid: str
}""",
)

WEBCAMS_CHANGED = notification(
    "notify_webcams_changed", "a webcam was added, changed or removed", params=("{webcams: [Webcam]}",)
)
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


_LOCAL = "http://127.0.0.1:80"  # where the page of a relative address is taken to be
_PATIENCE = 5.0  # seconds


@frozen(kw_only=True)
class WebcamConfig:
    """C{[webcam NAME]}: a camera that clients can't change."""

    location: str = option("printer", doc="what it looks at")
    icon: str = option("mdiWebcam", doc="name of an icon for it")
    enabled: bool = option(True, doc="whether clients show it")
    service: str = option("mjpegstreamer", doc="kind of service that sends its pictures")
    target_fps: int = option(15, minimum=1, maximum=1000, doc="pictures per second")
    target_fps_idle: int = option(5, minimum=1, maximum=1000, doc="pictures per second of an idle printer")
    stream_url: str = option(doc="where its stream is; a path stands for one on this computer")
    snapshot_url: str = option("", doc="where single pictures are")
    flip_horizontal: bool = option(False, doc="whether left and right are swapped")
    flip_vertical: bool = option(False, doc="whether top and bottom are swapped")
    rotation: int = option(0, doc="degrees clockwise: 0, 90, 180 or 270")
    aspect_ratio: str = option("4:3", doc="shape of the picture")

    def __attrs_post_init__(self) -> None:
        if self.rotation not in _ROTATIONS:
            raise ValueError(f"'rotation' must be one of {_ROTATIONS}, not {self.rotation}")


section("webcam", WebcamConfig, named=True)


def _from_config(name: str, config: WebcamConfig) -> dict[str, Any]:
    uid = str(uuid5(NAMESPACE_URL, f"webcam {name}"))
    return {**_DEFAULTS, **asdict(config), "name": name, "source": "config", "uid": uid}


def _changeable(camera: dict[str, Any]) -> dict[str, Any]:
    """@raise Forbidden: if the camera is in the configuration."""
    if camera["source"] == "config":
        raise Forbidden(
            f"the webcam {camera['name']!r} is in the configuration and can only be changed there"
        )
    return camera


def _absolute(url: str) -> str:
    if not url or "://" in url:
        return url
    return f"{_LOCAL}/{url.lstrip('/')}"


@define(eq=False, repr=False)
class WebcamMethods:
    """Keeps the list of webcams in the database."""

    component: ClassVar[str] = "webcam"
    _database: Database
    _broadcaster: Broadcaster
    _http: HttpClient
    _configured: Mapping[str, WebcamConfig] = field(factory=dict)

    async def _all(self) -> list[dict[str, Any]]:
        """Those of the configuration, and those of the database whose names are not taken by them."""
        stored = await self._database.run(lambda db: namespaces.read_all(db, _NAMESPACE))
        fixed = [_from_config(name, config) for name, config in self._configured.items()]
        free = [each for each in stored.values() if each["name"] not in self._configured]
        return sorted([*fixed, *free], key=lambda each: str(each["name"]))

    async def _tell(self) -> None:
        self._broadcaster.send(WEBCAMS_CHANGED, {"webcams": await self._all()})

    async def _find(self, uid: str | None, name: str | None) -> dict[str, Any]:
        if uid is None and name is None:
            raise BadRequest("a webcam is named by 'uid'")
        for each in await self._all():
            if (each["uid"] == uid) if uid is not None else (each["name"] == name):
                return each
        raise NotFound(f"there is no webcam {uid or name!r}")

    @method(
        "server.webcams.list",
        "GET /server/webcams/list",
        result="{webcams: [Webcam]}",
        permission=Role.VIEWER,
    )
    async def list_webcams(self) -> dict[str, Any]:
        """All webcams."""
        return {"webcams": await self._all()}

    @method(
        "server.webcams.get_item",
        "GET /server/webcams/item",
        result="{webcam: Webcam}",
        permission=Role.VIEWER,
    )
    async def get_item(self, uid: str | None = None, name: str | None = None) -> dict[str, Any]:
        """One webcam."""
        return {"webcam": await self._find(uid, name)}

    @method("server.webcams.post_item", "POST /server/webcams/item", result="{webcam: Webcam}")
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
            camera = {**_changeable(await self._find(uid, None)), **given}
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

    @method("server.webcams.delete_item", "DELETE /server/webcams/item", result="{webcam: Webcam}")
    async def delete_item(self, uid: str | None = None, name: str | None = None) -> dict[str, Any]:
        """Remove a webcam."""
        camera = _changeable(await self._find(uid, name))
        await self._database.run(lambda db: namespaces.delete(db, _NAMESPACE, [camera["uid"]]))
        await self._tell()
        return {"webcam": camera}

    @method(
        "server.webcams.test",
        "POST /server/webcams/test",
        result="{name: str, snapshot_reachable: bool, snapshot_url: str, stream_url: str}",
    )
    async def test(self, uid: str | None = None, name: str | None = None) -> dict[str, Any]:
        """Complete the addresses of a webcam, and see whether its snapshot can be had."""
        camera = await self._find(uid, name)
        snapshot = _absolute(camera["snapshot_url"])
        return {
            "name": camera["name"],
            "snapshot_reachable": await self._reachable(snapshot),
            "snapshot_url": snapshot,
            "stream_url": _absolute(camera["stream_url"]),
        }

    async def _reachable(self, url: str) -> bool:
        if not url.startswith(("http://", "https://")):
            return False
        try:
            return not (await self._http.get(url, timeout=_PATIENCE)).failed
        except (HttpFailure, UnicodeError):
            return False
