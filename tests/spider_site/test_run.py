"""The parts of `make run` that can go wrong quietly: what is recorded, what is ended, what order things stop in."""

import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from spider_site.run import commands
from spider_site.run.console import StartError
from spider_site.run.records import Records, Started, end
from spider_site.run.sample import link
from spider_site.run.servers import Valkey, free_port
from spider_site.run.supervisor import Program, Supervisor, programs

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
PARENT = [
    sys.executable,
    "-c",
    (
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print('ready', flush=True); time.sleep(60)"
    ),
]


def test_a_second_run_on_the_same_folder_is_refused(tmp_path):
    first = Records(tmp_path)
    first.lock()
    with pytest.raises(StartError, match="already runs"):
        Records(tmp_path).lock()


def test_children_of_a_killed_leader_are_found_and_ended(tmp_path):
    process = subprocess.Popen(PARENT, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout.readline() == b"ready\n"
    started = Records(tmp_path).add("worker", process.pid)
    process.kill()
    process.wait()
    process.stdout.close()
    left = Records(tmp_path).read()["worker"]
    assert left == started
    (child,) = left.members()
    end(left, patience=0.0)
    gone, _ = psutil.wait_procs([child], timeout=5)
    assert gone
    assert left.members() == []


def test_a_number_used_again_is_left_alone():
    process = subprocess.Popen(SLEEP, start_new_session=True)
    try:
        other = Started("worker", process.pid, time.time() - 1000)
        end(other, patience=0.0)
        assert other.members() == []
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_program_that_dies_is_started_again(tmp_path, capsys):
    supervisor = Supervisor([Program("sleeper", SLEEP, 0)], Records(tmp_path), tmp_path / "logs")
    supervisor.start()
    first = supervisor.programs[0].process
    first.kill()
    first.wait()
    deadline = time.monotonic() + 10
    while supervisor.dead() and time.monotonic() < deadline:
        supervisor.watch()
        time.sleep(0.05)
    second = supervisor.programs[0].process
    assert second.pid != first.pid
    assert "killed by SIGKILL" in capsys.readouterr().out
    supervisor.stop()
    assert second.poll() == -signal.SIGTERM
    assert Records(tmp_path).read() == {}


def test_programs_stop_by_stages(tmp_path):
    note = "import signal, sys, time, pathlib\n"
    note += "def stop(*_): pathlib.Path(sys.argv[1]).write_text(str(time.monotonic())); sys.exit()\n"
    note += "signal.signal(signal.SIGTERM, stop); pathlib.Path(sys.argv[1] + '.up').touch(); time.sleep(60)"
    files = [tmp_path / "web", tmp_path / "worker", tmp_path / "poller"]
    found = [Program(file.name, [sys.executable, "-c", note, str(file)], stage) for stage, file in enumerate(files)]
    supervisor = Supervisor(found, Records(tmp_path), tmp_path / "logs")
    supervisor.start()
    deadline = time.monotonic() + 10
    while not all(file.with_name(file.name + ".up").exists() for file in files) and time.monotonic() < deadline:
        time.sleep(0.02)
    supervisor.stop()
    times = [float(file.read_text()) for file in files]
    assert times == sorted(times)


def test_workers_stop_before_pollers_and_after_the_web():
    stages = {program.name: program.stage for program in programs()}
    assert stages["web"] < stages["worker"] < stages["poller-1"]
    assert stages["beat"] < stages["monitoring"]


def test_a_poller_has_its_own_name_and_keeps_it(monkeypatch):
    """What it had in hand when it was killed is its own again at once, and not after the minute of a dead one."""
    monkeypatch.setenv("SPIDER_POLLERS", "3")
    names = [p.command[p.command.index("--name") + 1] for p in programs() if p.name.startswith("poller")]
    assert len(set(names)) == 3
    assert names == [p.command[p.command.index("--name") + 1] for p in programs() if p.name.startswith("poller")]
    monkeypatch.setenv("SPIDER_PORT", "8001")  # another copy on this host
    assert not set(names) & {p.command[-1] for p in programs()}


def test_every_queue_has_a_worker(settings):
    commands_ = [program.command for program in programs() if "-Q" in program.command]
    served = ",".join(command[command.index("-Q") + 1] for command in commands_).split(",")
    assert sorted(served) == sorted(settings.CELERY_QUEUES)


def test_a_running_server_is_adopted_and_keeps_its_data(tmp_path):
    port = free_port()
    first = Valkey(tmp_path / "valkey", port, "password")
    started = Records(tmp_path).add("valkey", first.start())
    second = Valkey(tmp_path / "valkey", port, "password")
    assert second.adopt(started)
    assert second.alive()
    second_stop = threading.Thread(target=second.stop)
    second_stop.start()
    first.process.wait(10)
    second_stop.join()
    assert not second.alive()


def test_a_port_in_use_is_named_with_its_variable(tmp_path):
    port = free_port()
    server = Valkey(tmp_path / "one", port, "password")
    server.start()
    try:
        with pytest.raises(StartError, match=f"{port}.*SPIDER_REDIS_PORT"):
            Valkey(tmp_path / "two", port, "password").start()
    finally:
        server.stop()


def test_a_command_is_stopped_by_ctrl_c():
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(commands.Stopped):
        commands.run(["-c", "import time; time.sleep(60)"], stop)


def test_a_command_that_fails_says_what_it_printed():
    with pytest.raises(StartError, match="broken pipe dream"):
        commands.run(["-c", "raise SystemExit('broken pipe dream')"], threading.Event())


def test_the_link_covers_the_capture_whole():
    assert link("http://h", 1_700_000_000_900_000_000, 1_700_000_003_100_000_000) == (
        "http://h/?from=2023-11-14T22%3A13%3A20Z&to=2023-11-14T22%3A13%3A24Z"
    )
