"""Hosts in network namespaces with enrolled agents, and a person who runs their whisperer by the API."""

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import psycopg

from store.documents import EVERYTHING
from tests.agent import talk
from tests.agent.namespaces import Namespace
from tests.flows.person import Person
from tests.flows.stack import Stack

PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else "python3"


class Host:
    """A namespace with an agent."""

    def __init__(self, namespace: Namespace, folder: Path, stack: Stack) -> None:
        self.namespace, self.folder = namespace, folder
        self.server = f"http://{namespace.here}:{stack.port}"
        self.process: subprocess.Popen[str] | None = None
        self.log = folder / f"{namespace.name}.log"
        self.spool = stack.data / f"{namespace.name}.spool"  # in a folder that others than root may pass

    def install(self, command: str) -> None:
        """Paste the command, but for its last part, which runs the agent until it is stopped."""
        fetch, join = command.split(" && ")[:2]
        keys = f" --config {self.folder}/{self.namespace.name}.json --name {self.namespace.inside}"
        self.namespace.run("sh", "-c", f"{fetch} && {join}{keys}", cwd=self.folder)

    def start(self) -> None:
        config = f"{self.folder}/{self.namespace.name}.json"
        with self.log.open("ab") as log:
            self.process = self.namespace.start(
                PYTHON, "spider-agent.pyz", "run", "--config", config, "--spool", self.spool,
                cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip

    def agent(self) -> psutil.Process:
        """The agent's own process: `ip netns exec` becomes it."""
        assert self.process is not None
        return psutil.Process(self.process.pid)

    def talk(self, port: int, mark: str, rate: float = 20, seconds: float = 2) -> int:
        """Requests on this host's loopback; how many."""
        said = self.namespace.run(PYTHON, talk.__file__, str(port), mark, str(rate), str(seconds), seconds=seconds + 30)
        return int(said)


class World:
    """The product, a person, and a whisperer with hosts."""

    def __init__(self, stack: Stack, hosts: list[Host], name: str) -> None:
        self.stack, self.hosts, self.person = stack, hosts, Person(stack)
        self.whisperer = self.person("POST", "/api/v1/whisperers/", {"name": name, "mode": "INTERFACE"})["id"]
        self.path = f"/api/v1/whisperers/{self.whisperer}/"
        self.configure(interfaces=["lo"])

    def configure(self, **values: Any) -> None:
        self.person("PATCH", self.path + "config/capture/", {"values": values})

    def enrol(self) -> None:
        """By the command, with the server's address as each host sees it."""
        command = self.person("POST", self.path + "enrolments/", {})["command"]
        for host in self.hosts:
            host.install(command.replace(self.stack.site, host.server))
            host.start()

    def instances(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.person("GET", self.path + "instances/")["instances"]}

    def all_say(self, word: str) -> bool:
        """Whether every agent has the newest configuration in force and is in this state."""
        found = self.instances().values()
        return all(one["state"]["word"] == word and one["upToDate"] for one in found) and len(found) == len(self.hosts)

    def marks(self) -> Counter[str]:
        """Complete communications in the store, by the first word of their path."""
        store = self.stack.documents()
        try:
            store.refresh("httpcomms")
            found = (one for batch in store.scan("httpcomms", EVERYTHING, None) for one in batch)
            paths = {one["req"]["path"] for one in found if one["parsing"]["status"] == "complete"}
        finally:
            store.close()
        return Counter(path.split("/")[1] for path in paths)

    def spooled(self, host: Host) -> list[Path]:
        """Chunks that wait on a host's disk."""
        return list(host.spool.glob("*/0*"))

    def closed(self) -> list[tuple[dict[str, int], int]]:
        """Holes and abandoned packets of each capture that has ended."""
        wanted = "select holes, totals from captures_capture where state = 'closed' and whisperer_id = %s"
        with psycopg.connect(self.stack.database_url) as database:
            rows = database.execute(wanted, [self.whisperer]).fetchall()
        return [(holes, totals.get("packets.abandoned", 0)) for holes, totals in rows]

    def logs(self) -> str:
        return "\n".join(f"--- {host.log.name}\n{host.log.read_text()}" for host in self.hosts)
