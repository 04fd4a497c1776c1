"""One integration that fails takes none of the others down."""

from types import SimpleNamespace
from typing import Any, ClassVar

from twisted.application.service import Service

from brokerd.integrations import house, kinds
from brokerd.registry.declare import method
from brokerd.registry.parameters import OTHERS, bind, signature_parameters

from .houses import HouseTestCase


class Good(Service):
    component: ClassVar[str] = "good"

    @method("test.good", result='"ok"')
    async def good(self) -> str:
        """It works."""
        return "ok"


class Refusing(Service):
    def startService(self) -> None:
        raise OSError("there is no such device")


class Clinging(Service):
    def stopService(self) -> None:
        super().stopService()
        raise OSError("it can't be stopped")


def _broken(house: Any) -> Any:
    raise ImportError("No module named 'something'")


class IsolationTests(HouseTestCase):
    configuration = "[broken]\n[refusing]\n[clinging]\n[good]\n[empty]\n"

    def prepare(self) -> None:
        self.good = Good()
        modules = {
            "broken": _broken,
            "refusing": lambda house: [Refusing()],
            "clinging": lambda house: [Clinging()],
            "good": lambda house: [self.good],
            "empty": lambda house: [],
        }
        self.patch(house, "KINDS", modules)
        self.patch(house, "module", lambda kind: SimpleNamespace(build=modules[kind]))

    def test_rest_goes_on(self) -> Any:
        return self.async_test(self._rest())

    async def _rest(self) -> None:
        info = await self.call("server.info")
        self.assertEqual(info["failed_components"], ["broken", "empty", "refusing"])
        text = "\n".join(info["warnings"])
        self.assertIn("[broken] failed to start: No module named 'something'", text)
        self.assertIn("[refusing] failed to start: there is no such device", text)
        self.assertIn("good", info["components"])
        self.assertEqual(await self.call("test.good"), "ok")
        await self.house.stopService()
        self.assertFalse(self.good.running)
        logged = self.flushLoggedErrors(ImportError, OSError)
        self.assertEqual(len(logged), 3)


class KindTests(HouseTestCase):
    def test_kinds_are_imported_only_when_configured(self) -> None:
        """Declaring what a file names imports that and nothing else."""
        imported: list[str] = []
        self.patch(kinds, "import_module", imported.append)
        kinds.declare(["server", "wled case", "wled desk", "power x"])
        self.assertEqual(sorted(imported), ["brokerd.integrations.power", "brokerd.integrations.wled"])

    def test_all_other_arguments(self) -> None:
        from brokerd.integrations.power.methods import PowerMethods

        parameters, _ = signature_parameters(PowerMethods.status)
        self.assertTrue(parameters[0].others)
        given = {"printer": None, "self": "", "token": "x", "access_token": "y"}
        self.assertEqual(bind("m", parameters, given), {"devices": {"printer": None, "self": ""}})
        self.assertEqual(OTHERS, "all other arguments")
