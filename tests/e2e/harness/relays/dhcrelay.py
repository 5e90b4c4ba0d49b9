"""ISC's dhcrelay."""

from harness.relays import Relay


class Dhcrelay(Relay):
    name = "dhcrelay"
    program = "dhcrelay"
    package = "isc-dhcp-relay"
    # Its Interface-ID is a number of its own making.
    adds = frozenset({"own-interface-id", "subscriber-id"})

    def arguments(self) -> list[str]:
        upper = f"{self.route.towards}%{self.up}" if self.route.towards else self.up
        subscriber = ["-s", self.route.subscriber_id] if self.route.subscriber_id else []
        return ["-6", "-d", "--no-pid", "-I", *subscriber, "-l", self.down, "-u", upper]
