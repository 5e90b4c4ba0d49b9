"""Dibbler's server."""

from harness.dibbler import Dibbler
from harness.edge import SERVER
from harness.servers import DELEGATED_LENGTH, INTERFACE, LINK, POOL, POOL_LENGTH, PREFERRED_SECS, VALID_SECS, Server


class DibblerServer(Dibbler, Server):
    name = "dibbler-server"
    part = "server"
    program = "dibbler-server"
    package = "dibbler-server"

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
