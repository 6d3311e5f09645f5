"""Elasticsearch for tests, benchmarks and `make elasticsearch`: fetched once through Maven, kept in the cache folder.

The artifact is Elasticsearch's own small build for integration tests. It starts in about 20 s with a heap of 512 MB and
refuses to run as root, so root lends it to an unprivileged user. Version 8.19 needs Java 17, version 9 Java 21.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from spider_site.environment import text
from spider_site.run import accounts
from spider_site.run.console import StartError, say, step
from spider_site.run.records import Records
from spider_site.run.servers import Server, free_port

ARTIFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch"
VERSION_8 = "8.19.8"
VERSION_9 = "9.2.4"
JAVA_NEEDED = {8: 17, 9: 21}
HEAP = "512m"
#: For a server of a few minutes. What Java's second compiler makes faster pays only later: the first 20,000 documents
#: cost 670 µs of processor time each with it and 310 without, from the hundred-thousandth on 190 and 220.
_BRIEF = " -XX:TieredStopAtLevel=1"


class Elasticsearch(Server):
    """One single-node Elasticsearch over plain HTTP on 127.0.0.1."""

    name = "elasticsearch"
    port_setting = "SPIDER_ELASTICSEARCH_PORT"
    ready_seconds = 240.0  # a cold disk and a busy machine: 20 s is usual

    def __init__(self, folder: Path, port: int, version: str, *, brief: bool = False) -> None:
        super().__init__(folder, port)
        self.version = version
        self.brief = brief
        self.java = java_home(JAVA_NEEDED[int(version.partition(".")[0])])

    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def options(self) -> dict[str, object]:
        return accounts.popen_options()

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.folder),
            "ES_JAVA_HOME": str(self.java),
            "ES_JAVA_OPTS": f"-Xms{HEAP} -Xmx{HEAP}" + (_BRIEF if self.brief else ""),
            "ES_PATH_CONF": str(self.folder / "config"),
            "ES_TMPDIR": str(self.folder / "tmp"),
        }

    def prepare(self) -> None:
        program = fetched(self.version)
        accounts.open_parents(program)
        for folder in (self.folder, self.folder / "config", self.folder / "tmp"):
            accounts.hand_over(folder)
        for source in (program / "config").iterdir():
            if source.is_file():
                target = self.folder / "config" / source.name
                target.write_bytes(source.read_bytes())
                target.chmod(0o644)
        lines = {
            "cluster.name": "spider",
            "http.port": self.port,
            "transport.port": free_port(),
            "network.host": "127.0.0.1",
            "discovery.type": "single-node",
            "path.data": self.folder / "data",
            "path.logs": self.folder / "logs",
            "xpack.security.enabled": "false",
            # A developer's nearly full disk must not make indices read-only.
            "cluster.routing.allocation.disk.threshold_enabled": "false",
        }
        if not (program / "modules" / "x-pack-security").exists():
            del lines["xpack.security.enabled"]
        configuration = "".join(f"{key}: {value}\n" for key, value in lines.items())
        (self.folder / "config" / "elasticsearch.yml").write_text(configuration, encoding="utf-8")

    def command(self) -> list[str]:
        return [str(fetched(self.version) / "bin" / "elasticsearch")]

    def answers(self) -> bool:
        address = f"{self.url()}/_cluster/health?wait_for_status=yellow&timeout=1s"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def fetched(version: str) -> Path:
    """The unpacked distribution in the cache folder, fetched through Maven at first use."""
    target = cache_folder() / f"elasticsearch-{version}"
    if target.exists():
        return target
    if shutil.which("mvn") is None:
        raise StartError("Elasticsearch is fetched through Maven, which is missing: apt-get install -y maven")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside_folder = tempfile.TemporaryDirectory(dir=target.parent)
    with step(f"fetching Elasticsearch {version} through Maven"), aside_folder as aside:
        _download(version, Path(aside))
        unpacked = _unpack(next(Path(aside).glob("*.zip")), Path(aside) / "unpacked")
        try:
            unpacked.rename(target)
        except OSError:
            if not target.exists():  # another process may have been first: the same files
                raise
    return target


def _download(version: str, folder: Path) -> None:
    done = subprocess.run(
        [
            *("mvn", "-B", "-q", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"),
            *(f"-Dartifact={ARTIFACT}:{version}:zip", f"-DoutputDirectory={folder}"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StartError(f"Maven could not fetch Elasticsearch {version}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack with the file modes of the archive (zipfile drops them); readable by the user that will run it."""
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            path = Path(packed.extract(member, folder))
            mode = member.external_attr >> 16
            path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)
    top = next(folder.iterdir())
    for path in (folder, top, *(path for path in top.rglob("*") if path.is_dir())):
        path.chmod(0o755)
    return top


def cache_folder() -> Path:
    """SPIDER_CACHE, else Spider's folder in the user's cache (as root one that an unprivileged user can reach)."""
    if text("SPIDER_CACHE"):
        return Path(text("SPIDER_CACHE")).expanduser().resolve()
    if os.geteuid() == 0:
        return Path("/var/cache/spider")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spider"


def java_home(needed: int) -> Path:
    """The oldest installed Java of at least version `needed`; StartError with the command that installs one."""
    found = [(version, home) for home in _java_homes() if (version := _java_version(home)) >= needed]
    if not found:
        raise StartError(f"Elasticsearch needs Java {needed} or newer: apt-get install -y openjdk-17-jre-headless")
    return min(found)[1]


def has_java(needed: int) -> bool:
    """Whether a Java of at least version `needed` is installed."""
    return any(_java_version(home) >= needed for home in _java_homes())


def _java_homes() -> list[Path]:
    if text("SPIDER_JAVA_HOME"):
        return [Path(text("SPIDER_JAVA_HOME"))]
    homes = {path.resolve().parent.parent for path in Path("/usr/lib/jvm").glob("*/bin/java")}
    for name in (os.environ.get("JAVA_HOME"), shutil.which("java")):
        if name:
            path = Path(name).resolve()
            homes.add(path if (path / "bin" / "java").exists() else path.parent.parent)
    return sorted(homes)


def _java_version(home: Path) -> int:
    """The major version that a Java says it has, 0 when it does not start."""
    try:
        said = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match[1]) if match else 0


def test_servers(folder: Path) -> list[Elasticsearch]:
    """Started servers for the tests: 8.19, and 9 where there is a Java for it; both at once, on free ports."""
    versions = [VERSION_8] + ([VERSION_9] if has_java(JAVA_NEEDED[9]) else [])
    for version in versions:
        fetched(version)
    servers = [
        Elasticsearch(folder / f"elasticsearch-{version}", free_port(), version, brief=True) for version in versions
    ]
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Elasticsearch.start, servers))
    except BaseException:
        for server in servers:
            server.stop()
        raise
    return servers


def serve(folder: Path, port: int) -> None:
    """`make elasticsearch`: start one, or take over what a killed run left, and stop it on Ctrl-C; data are kept."""
    version = text("SPIDER_ELASTICSEARCH_VERSION")
    server = Elasticsearch(folder / f"elasticsearch-{version}", port, version)
    records = Records(folder / "elasticsearch")
    records.lock()
    fetched(version)
    earlier = records.read().get(server.name)
    if earlier is None or not server.adopt(earlier):
        with step(f"starting Elasticsearch {version}"):
            records.add(server.name, server.start())
    say(f"\nElasticsearch {version}: {server.url()}\nUse it:  SPIDER_ELASTICSEARCH_URL={server.url()} make run")
    say("Ctrl-C stops it; its data are kept.")
    for name in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would ignore the first
        signal.signal(name, signal.default_int_handler)
    try:
        while server.alive():
            time.sleep(0.5)
    except KeyboardInterrupt:
        say("")
    finally:
        with step("stopping Elasticsearch"):
            server.stop()
        records.remove(server.name)
