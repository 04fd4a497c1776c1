"""A GitHub of the test's own, on a loopback port: releases and their files."""

import hashlib
import io
import json
import zipfile
from typing import Any

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site


def page(version: str, **files: str) -> bytes:
    """A page's archive with its C{release_info.json}."""
    info = json.dumps({"project_name": "ui", "project_owner": "me", "version": version})
    with io.BytesIO() as out:
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("release_info.json", info)
            for name, content in files.items():
                archive.writestr(name.replace("_", "."), content)
        return out.getvalue()


class GitHub(Resource):
    """Serves C{/repos/me/ui/releases} and C{/files/NAME}.

    @ivar releases: (version, prerelease, {file name: content}), newest first.
    @ivar digests: what is said of a file instead of the truth, by its name.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.releases: list[tuple[str, bool, dict[str, bytes]]] = []
        self.digests: dict[str, str] = {}
        self.asked: list[str] = []
        self._port = reactor.listenTCP(0, Site(self), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self._port.getHost().port}"

    def stop(self) -> Any:
        return self._port.stopListening()

    def render_GET(self, request: Any) -> bytes:
        path = request.path.decode()
        self.asked.append(path)
        if path.startswith("/files/"):
            version, name = path.split("/")[2:4]
            return next(files[name] for each, _, files in self.releases if each == version)
        if path != "/repos/me/ui/releases":
            request.setResponseCode(404)
            return b"{}"
        request.setHeader("X-RateLimit-Limit", "60")
        request.setHeader("X-RateLimit-Remaining", "59")
        request.setHeader("X-RateLimit-Reset", "1800000000")
        return json.dumps([self._release(*each) for each in self.releases]).encode()

    def _release(self, version: str, prerelease: bool, files: dict[str, bytes]) -> dict[str, Any]:
        assets = [
            {
                "name": name,
                "size": len(content),
                "browser_download_url": f"{self.url}/files/{version}/{name}",
                "digest": self.digests.get(name, f"sha256:{hashlib.sha256(content).hexdigest()}"),
            }
            for name, content in files.items()
        ]
        return {"tag_name": version, "prerelease": prerelease, "draft": False, "assets": assets}
