"""The OpenAPI face under schemathesis, in a process of its own: no fault of ours, and results as declared."""

import sys
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest

from .harness import BrokerTestCase

# Nothing of this machine may be touched, and the broker must stay up.
_PATHS = r"^/(server|access|printer|api)/"
_NOT = r"^/server/(restart|logs|database/(restore|backup|compact)|mqtt|spoolman|extensions|analysis)"


class OpenApiTests(BrokerTestCase):
    timeout = 120

    async def test_no_fault(self) -> None:
        program = Path(sys.executable).parent / "schemathesis"
        if not program.exists():
            raise SkipTest("schemathesis is not installed")
        url = f"http://127.0.0.1:{self.port}"
        arguments = [
            "run", f"{url}/server/openapi.json", "--url", url, "--checks",
            "not_a_server_error,response_schema_conformance,content_type_conformance",
            "--include-path-regex", _PATHS, "--exclude-path-regex", _NOT, "--phases", "fuzzing",
            "--max-examples", "4", "--generation-deterministic", "--no-color",
            "--request-timeout", "10",
        ]  # fmt: skip
        out, err, code = await getProcessOutputAndValue(str(program), arguments)
        said = (out + err).decode(errors="replace")
        self.assertEqual(code, 0, said[-4000:])
        self.assertEqual((await self.get("/server/info")).code, 200)
