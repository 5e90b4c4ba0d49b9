"""Dibbler's relay."""

from harness.dibbler import Dibbler
from harness.relays import Relay


class DibblerRelay(Dibbler, Relay):
    name = "dibbler-relay"
    part = "relay"
    program = "dibbler-relay"
    package = "dibbler-relay"
    adds = frozenset({"interface-id", "remote-id", "relay-id"})

    def configuration(self) -> str:
        lines = ["log-level 8", "log-mode full"]
        if self.route.remote_id:
            enterprise, value = self.route.remote_id
            lines.append(f"option remote-id {enterprise}-0x{value.hex()}")
        if self.route.relay_id:
            lines.append(f"option relay-id {self.route.relay_id.hex(':')}")
        interface_id = int.from_bytes(self.route.interface_id or b"\0\0\0\7", "big")
        server = f"server unicast {self.route.towards}" if self.route.towards else "server multicast yes"
        heard = [f" client unicast {self.route.heard_at}"] if self.route.heard_at else []
        lines += [f"iface {self.down} {{", " client multicast yes", *heard, f" interface-id {interface_id}", "}"]
        lines += [f"iface {self.up} {{", f" {server}", "}"]
        return "\n".join(lines) + "\n"
