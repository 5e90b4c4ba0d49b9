"""Kea's DHCPv6 server."""

import json
from pathlib import Path
from typing import Mapping

from harness.edge import SERVER
from harness.servers import DELEGATED_LENGTH, INTERFACE, LINK, POOL, POOL_LENGTH, PREFERRED_SECS, VALID_SECS, Server


class Kea(Server):
    name = "kea-dhcp6"
    program = "kea-dhcp6"
    package = "kea-dhcp6-server"

    def places(self) -> Mapping[str, Path]:
        return self.made({"/run/kea": "run", "/var/lib/kea": "lib"})

    def start(self) -> None:
        (self.folder / "kea-dhcp6.conf").write_text(json.dumps({"Dhcp6": self.configuration()}))
        super().start()

    def configuration(self) -> dict[str, object]:
        pool = {"prefix": POOL, "prefix-len": POOL_LENGTH, "delegated-len": DELEGATED_LENGTH}
        return {
            "interfaces-config": {"interfaces": [f"{INTERFACE}/{SERVER}"]},
            "lease-database": {"type": "memfile", "name": str(self.folder / "leases.csv"), "lfc-interval": 0},
            "valid-lifetime": VALID_SECS,
            "preferred-lifetime": PREFERRED_SECS,
            "subnet6": [{"id": 1, "subnet": LINK, "pools": [{"pool": LINK}], "pd-pools": [pool]}],
            "loggers": [{"name": "kea-dhcp6", "output_options": [{"output": "stdout"}], "severity": "INFO"}],
        }

    def environment(self) -> Mapping[str, str]:
        return {"KEA_PIDFILE_DIR": "/run/kea", "KEA_LOCKFILE_DIR": "/run/kea"}

    def arguments(self) -> list[str]:
        return ["-c", f"{self.folder}/kea-dhcp6.conf"]
