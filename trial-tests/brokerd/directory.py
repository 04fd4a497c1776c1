"""A real LDAP server (slapd) for the length of a test: three users, one of them in a group."""

import socket
import subprocess
import time
from pathlib import Path

from twisted.trial.unittest import SkipTest

from .servers import environment, program, root_of

__all__ = ["BASE", "GROUP", "Directory", "free_port"]

BASE = "dc=printer,dc=test"
GROUP = f"cn=printing,{BASE}"
_CONFIG = """\
include {root}etc/ldap/schema/core.schema
include {root}etc/ldap/schema/cosine.schema
include {root}etc/ldap/schema/inetorgperson.schema
modulepath {root}usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/pid
argsfile {folder}/args
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
rootpw rootword
directory {folder}/data
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn="cn=root,{base}" read by dn="uid=finder,{base}" read by * none
"""
_ENTRIES = """\
dn: {base}
objectClass: domain
dc: printer

dn: uid=finder,{base}
objectClass: inetOrgPerson
uid: finder
cn: finder
sn: finder
userPassword: findword

dn: uid=ann,{base}
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: A
userPassword: annword
memberOf: cn=printing,{base}

dn: uid=bob,{base}
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: B
userPassword: bobword

dn: cn=printing,{base}
objectClass: groupOfNames
cn: printing
member: uid=ann,{base}
"""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Directory:
    """A running slapd.

    @raise SkipTest: if it is not installed.
    """

    def __init__(self, folder: Path) -> None:
        slapd, add = program("slapd"), program("slapadd")
        if slapd is None or add is None:
            raise SkipTest("slapd is not installed")
        root = root_of(slapd)
        if not (root / "usr/lib/ldap/memberof.so").exists():
            raise SkipTest("slapd lacks its module memberof")
        (folder / "data").mkdir(parents=True)
        config = folder / "slapd.conf"
        config.write_text(_CONFIG.format(folder=folder, base=BASE, root=f"{root}/".replace("//", "/")))
        entries = _ENTRIES.format(base=BASE)
        subprocess.run(
            [add, "-f", config, "-q"],
            input=entries.encode(),
            check=True,
            timeout=20,
            capture_output=True,
            env=environment(add),
        )
        self.port = free_port()
        url = f"ldap://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [slapd, "-f", config, "-h", url, "-d", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(slapd),
        )
        self._wait()

    def _wait(self) -> None:
        """Until it takes connections, or for 20 s."""
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise AssertionError("slapd did not start")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
