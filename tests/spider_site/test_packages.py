"""What the tests need of the system is looked for, and installed or asked for. A folder of small scripts plays the
system: `apt-get` notes what it is told and, where it works, brings the programs."""

import os
from pathlib import Path

import pytest

from spider_site.run import packages

PROGRAMS = {"mvn": "maven", "chromium": "chromium", "tshark": "tshark", "tcpdump": "tcpdump", "ip": "iproute2"}
APT = """
echo "$@" >> {log}
for word in "$@"; do
    case $word in {cases} esac
done
"""


class Machine:
    """A system with these programs; `told` is what apt-get was called with."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "apt.log"
        self.java = folder / "java"
        os.symlink("/usr/bin/env", self.bin / "env")
        os.symlink("/bin/sh", self.bin / "sh")

    def has(self, name: str, script: str = "") -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def has_java(self) -> None:
        (self.java / "bin").mkdir(parents=True)
        (self.java / "bin" / "java").write_text("#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n")
        (self.java / "bin" / "java").chmod(0o755)

    def has_apt(self, *, works: bool = True) -> None:
        makes = "".join(
            f"{package}) echo '#!/bin/sh' > {self.bin / program}; /bin/chmod +x {self.bin / program};; "
            for program, package in PROGRAMS.items()
        )
        self.has("apt-get", APT.format(log=self.log, cases=makes if works else "none) ;;"))
        self.has("apt-cache", 'test "$2" = openjdk-17-jre-headless && echo "Package: $2"')

    def told(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.setenv("SPIDER_JAVA_HOME", str(made.java))
    monkeypatch.setattr(packages, "_has_libpcap", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


def test_nothing_is_missing_nothing_is_done(machine: Machine) -> None:
    machine.has_java()
    machine.has_apt()
    for program in PROGRAMS:
        machine.has(program)
    assert packages.main() == 0
    assert machine.told() == ""


def test_root_installs_what_is_missing_alone(machine: Machine) -> None:
    machine.has_java()
    machine.has_apt()
    machine.has("chromium")
    assert packages.main() == 0
    update, install = machine.told().splitlines()
    assert "update" in update
    assert install.endswith("install -y -q --no-install-recommends maven tshark tcpdump iproute2")


def test_who_may_use_sudo_installs_with_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.has_java()
    machine.has_apt()
    machine.has("sudo", 'shift; test "$1" = true || exec "$@"')
    machine.has("true")
    assert packages.main() == 0
    assert "maven chromium tshark tcpdump iproute2" in machine.told()


def test_a_lighter_chromium_is_taken_where_apt_has_one(machine: Machine) -> None:
    machine.has_java()
    machine.has_apt()
    machine.has("apt-cache", 'test "$2" = chromium-headless-shell && echo "Package: $2"')
    assert packages.missing() == ["maven", "chromium", "chromium-headless-shell", "tshark", "tcpdump", "iproute2"]


def test_what_cannot_be_installed_is_asked_for(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.has_apt(works=False)
    machine.has("tshark")
    assert packages.main() == 1
    wanted = "openjdk-17-jre-headless maven chromium tcpdump iproute2"
    assert f"  sudo apt-get install -y {wanted}\n" in capsys.readouterr().err


@pytest.mark.parametrize("system", ["not root, no sudo", "sudo asks for a password", "no apt"])
def test_who_may_not_install_is_told_the_command(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], system: str
) -> None:
    if system != "no apt":
        machine.has_apt()
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if system == "sudo asks for a password":
        machine.has("sudo", "exit 1")
    assert packages.main() == 1
    assert machine.told() == ""
    java = "default-jre-headless" if system == "no apt" else "openjdk-17-jre-headless"
    assert f"  sudo apt-get install -y {java} maven chromium tshark tcpdump iproute2\n" in capsys.readouterr().err


def test_an_elasticsearch_that_is_given_needs_no_java(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIDER_TEST_ELASTICSEARCH_URL", "http://127.0.0.1:9200")
    monkeypatch.setattr(packages, "_has_libpcap", lambda: False)
    assert packages.missing() == ["chromium", "tshark", "tcpdump", "iproute2", "libpcap0.8"]
