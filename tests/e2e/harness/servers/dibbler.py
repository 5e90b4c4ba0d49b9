"""Dibbler's server."""

from pathlib import Path
from typing import Mapping

from harness.edge import SERVER
from harness.servers import DELEGATED_LENGTH, INTERFACE, LINK, POOL, POOL_LENGTH, PREFERRED_SECS, VALID_SECS, Server


class DibblerServer(Server):
    name = "dibbler-server"
    program = "dibbler-server"
    package = "dibbler-server"

    def places(self) -> Mapping[str, Path]:
        return self.made({"/etc/dibbler": "etc", "/var/lib/dibbler": "lib", "/var/log/dibbler": "log"})

    def start(self) -> None:
        self.places()
        (self.folder / "etc" / "server.conf").write_text(self.configuration())
        super().start()

    def configuration(self) -> str:
        """It tells the links of relays apart by their Interface-ID."""
        return f"""log-level 8
log-mode full
{self.lines}
iface {INTERFACE} {{
 unicast {SERVER}
 class {{ pool 2001:db8:ff::1000-2001:db8:ff::1fff }}
}}
iface relay1 {{
 relay {INTERFACE}
 interface-id "cust0"
 prefered-lifetime {PREFERRED_SECS}
 valid-lifetime {VALID_SECS}
 class {{ pool {LINK} }}
 pd-class {{
  pd-pool {POOL}/{POOL_LENGTH}
  pd-length {DELEGATED_LENGTH}
 }}
}}
"""

    def arguments(self) -> list[str]:
        return ["run"]

    def log(self) -> str:
        own = self.folder / "log" / "dibbler-server.log"
        return super().log() + (own.read_text(errors="replace") if own.exists() else "")
