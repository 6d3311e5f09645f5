"""What agents call over HTTP: they join, read what to do, tell how they are; each key opens its own doors alone."""

import ctypes.util
import io
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.core import bpf
from apps.whisperers import zipapp
from apps.whisperers.models import Change, Instance, Sample, Whisperer, WhispererToken
from apps.whisperers.owntraffic import own_traffic
from apps.whisperers.services import (
    enrolment_create,
    enrolment_revoke,
    install_command,
    instance_revoke,
    instance_rotate,
    samples_trim,
    whisperer_capture,
    whisperer_create,
)

pytestmark = pytest.mark.django_db
needs_libpcap = pytest.mark.skipif(not ctypes.util.find_library("pcap"), reason="libpcap is not installed here")

INTERFACES = [
    {"name": "lo", "addresses": ["127.0.0.1"], "up": True, "link": 1},
    {"name": "tun0", "addresses": [], "up": True, "link": 101},
    {"name": "ib0", "addresses": [], "up": False, "link": None},
]


@pytest.fixture
def live(db: None) -> Whisperer:
    whisperer = whisperer_create(name="live", mode="INTERFACE")
    whisperer.capture = {"interfaces": ["lo"], "filter": "tcp port 80"}
    whisperer.save()
    return whisperer


def call(client: Client, method: str, path: str, key: str, body: Any = None, **headers: str) -> Any:
    sent = {"Authorization": "Bearer " + key, **headers}
    if method == "GET":
        return client.get(path, headers=sent)
    return client.post(path, body, content_type="application/json", headers=sent)


def enrol(client: Client, secret: str, **more: Any) -> Any:
    body = {"name": "host-1", "version": "0.1", "interfaces": INTERFACES, "system": "Linux", **more}
    return call(client, "POST", "/api/v1/agent/enrol/", secret, body)


def joined(client: Client, whisperer: Whisperer) -> dict[str, str]:
    _, secret = enrolment_create(whisperer=whisperer, life=timedelta(hours=1))
    answer = enrol(client, secret)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def config(client: Client, key: str, etag: str = "") -> Any:
    return call(client, "GET", "/api/v1/agent/config/", key, **({"If-None-Match": etag} if etag else {}))


def status(client: Client, key: str, **more: Any) -> Any:
    return call(client, "POST", "/api/v1/agent/status/", key, {"state": "capturing", **more})


def test_a_host_joins_with_an_enrolment(client: Client, live: Whisperer) -> None:
    enrolment, secret = enrolment_create(whisperer=live, life=timedelta(hours=1))
    keys = enrol(client, secret).json()
    assert (keys["whisperer"], keys["mode"]) == (str(live.pk), "INTERFACE")
    instance = Instance.objects.get(pk=keys["instance"])
    assert (instance.name, instance.version, instance.state) == ("host-1", "0.1", "starting")
    assert instance.interfaces == INTERFACES
    enrolment.refresh_from_db()
    assert enrolment.uses == 1
    for key in (keys["upload_key"], keys["read_key"]):
        assert key not in str(list(WhispererToken.objects.values()))
    assert Change.objects.filter(action="enrolled", whisperer=live).count() == 1


def test_many_hosts_join_with_one_enrolment(client: Client, live: Whisperer) -> None:
    _, secret = enrolment_create(whisperer=live, life=timedelta(hours=1))
    first, second = enrol(client, secret).json(), enrol(client, secret).json()
    assert first["instance"] != second["instance"]
    assert live.instances.count() == 2


@pytest.mark.parametrize("how", ["unknown", "revoked", "expired"])
def test_an_enrolment_that_is_over_lets_nobody_in(client: Client, live: Whisperer, how: str) -> None:
    enrolment, secret = enrolment_create(whisperer=live, life=timedelta(hours=1))
    if how == "revoked":
        enrolment_revoke(enrolment=enrolment)
    elif how == "expired":
        type(enrolment).objects.update(expires=timezone.now() - timedelta(seconds=1))
    answer = enrol(client, secret if how != "unknown" else secret + "x")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == {"unknown": "authentication_failed"}.get(how, how)
    assert not live.instances.exists()


def test_a_whisperer_for_uploads_has_no_agent(client: Client) -> None:
    _, secret = enrolment_create(whisperer=whisperer_create(name="up", mode="UPLOAD"), life=timedelta(hours=1))
    assert enrol(client, secret).status_code == 400


def test_a_host_that_joins_again_is_the_same_one(client: Client, live: Whisperer) -> None:
    _, secret = enrolment_create(whisperer=live, life=timedelta(hours=1))
    keys = enrol(client, secret).json()
    again = enrol(client, secret, instance=keys["instance"], proof=keys["read_key"]).json()
    assert again["instance"] == keys["instance"]
    assert config(client, keys["read_key"]).json()["error"]["code"] == "revoked"
    assert config(client, again["read_key"]).status_code == 200
    # Who has no key of it is somebody else, whatever the name.
    other = enrol(client, secret, instance=keys["instance"], proof=secret).json()
    assert other["instance"] != keys["instance"]
    # One that was revoked comes back with a new enrolment alone.
    instance_revoke(instance=Instance.objects.get(pk=keys["instance"]))
    back = enrol(client, secret, instance=keys["instance"], proof=again["read_key"]).json()
    assert back["instance"] == keys["instance"]
    assert Instance.objects.get(pk=keys["instance"]).revoked is None


def test_each_key_opens_its_own_doors(client: Client, live: Whisperer) -> None:
    keys = joined(client, live)
    upload, read = keys["upload_key"], keys["read_key"]
    assert config(client, upload).status_code == 403
    assert status(client, upload).status_code == 403
    for path in ("/api/v1/chunks/", "/api/v1/captures/abcdefgh/final/", "/api/v1/captures/abcdefgh/status/"):
        assert call(client, "POST", path, read, {}).status_code == 403, path
    assert call(client, "GET", "/api/v1/filters/?filter=&link=1", read).status_code == 403
    assert call(client, "GET", "/api/v1/filters/?filter=&link=1", upload).status_code in (200, 503)
    assert call(client, "GET", "/api/v1/httpcomms/", read).status_code in (401, 403)
    assert client.get("/api/v1/agent/config/").status_code == 401


@needs_libpcap
def test_the_configuration_brings_the_filter_compiled_for_each_interface(client: Client, live: Whisperer) -> None:
    live.capture = {"interfaces": ["lo", "tun0", "any"], "filter": "tcp port 80"}
    live.save()
    said = config(client, joined(client, live)["read_key"]).json()
    assert (said["mode"], said["capturing"], said["problems"]) == ("INTERFACE", False, [])
    assert said["values"]["poll_seconds"] == 5
    assert said["programs"].keys() == {"lo", "tun0", "any"}
    assert said["programs"]["tun0"] == said["programs"]["any"] != said["programs"]["lo"]
    assert all(len(instruction) == 4 for instruction in said["programs"]["lo"])


@needs_libpcap
def test_on_the_servers_own_host_its_talk_with_its_servers_is_left_out(
    client: Client, live: Whisperer, settings: Any
) -> None:
    settings.DATABASE_URL = "postgresql://spider:secret@127.0.0.1:15432/spider"
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://localhost:16379/0"
    settings.ELASTICSEARCH_URL = "http://[::1]:9200, http://elastic.example:9201"
    own = "tcp and (host 127.0.0.1 or host ::1) and (port 9200 or port 15432 or port 16379)"
    assert own_traffic("127.0.0.1") == own_traffic("::1") == own
    assert own_traffic("10.1.2.3") == own_traffic("") == ""
    live.capture = {"interfaces": ["lo", "any"]}
    live.save()
    key = joined(client, live)["read_key"]
    here = config(client, key).json()["programs"]
    assert here == {"lo": [list(i) for i in bpf.compile(f"not ({own})", 1)],
                    "any": [list(i) for i in bpf.compile(f"not ({own})", 101)]}  # fmt: skip
    live.capture = {"interfaces": ["lo"], "filter": "tcp) or (udp"}
    live.save()
    assert [one["field"] for one in config(client, key).json()["problems"]] == ["filter"]
    live.capture = {"interfaces": ["lo", "any"]}
    live.save()
    headers = {"Authorization": f"Bearer {key}"}
    there = client.get("/api/v1/agent/config/", headers=headers, REMOTE_ADDR="10.1.2.3").json()
    assert there["programs"] == {"lo": [], "any": []}
    settings.DATABASE_URL, settings.REDIS_URL = "postgresql://db/spider", "redis://redis:6379/0"
    settings.CELERY_BROKER_URL = settings.ELASTICSEARCH_URL = ""
    assert own_traffic("127.0.0.1") == ""


@needs_libpcap
def test_what_cannot_be_done_is_told_with_its_reason(client: Client, live: Whisperer) -> None:
    live.capture = {"interfaces": ["eth9", "ib0", "lo"], "filter": "tcp prt 80"}
    live.save()
    said = config(client, joined(client, live)["read_key"]).json()
    problems = {one["interface"]: one for one in said["problems"]}
    assert "there is no interface 'eth9'" in problems["eth9"]["message"]
    assert "lo" in problems["eth9"]["message"]
    assert "cannot capture" in problems["ib0"]["message"]
    assert (problems["lo"]["field"], "syntax error" in problems["lo"]["message"]) == ("filter", True)


def test_nothing_new_is_304_and_any_change_is_not(client: Client, live: Whisperer) -> None:
    read = joined(client, live)["read_key"]
    first = config(client, read)
    assert config(client, read, first["ETag"]).status_code == 304
    assert config(client, read, first["ETag"]).content == b""
    whisperer_capture(whisperer=live, capturing=True)
    second = config(client, read, first["ETag"])
    assert (second.status_code, second.json()["capturing"]) == (200, True)
    assert second.json()["revision"] != first.json()["revision"]
    # Another interface of the host: the same configuration, but other programs.
    live.capture = {"interfaces": ["eth5"], "filter": "tcp"}
    live.save()
    third = config(client, read)
    status(client, read, interfaces=[{"name": "eth5", "link": 1, "up": True, "addresses": []}])
    fourth = config(client, read, third["ETag"])
    assert (fourth.status_code, fourth.json()["problems"]) == (200, [])
    assert fourth.json()["revision"] == third.json()["revision"]


def test_a_status_is_kept_as_the_present_and_as_a_sample(client: Client, live: Whisperer) -> None:
    keys = joined(client, live)
    figures = {"cpu": 3.5, "packets_captured": 7, "nonsense": 1, "memory": "much", "calls": True}
    told = {"state": "wrong", "reason": "there is no eth9", "applied": "abc", "figures": figures}
    answer = status(client, keys["read_key"], **told)
    assert answer.json() == {"revision": config(client, keys["read_key"]).json()["revision"]}
    instance = Instance.objects.get(pk=keys["instance"])
    assert (instance.state, instance.reason, instance.applied) == ("wrong", "there is no eth9", "abc")
    assert instance.figures == {"cpu": 3.5, "packets_captured": 7}
    assert instance.last_seen is not None
    assert instance.interfaces == INTERFACES
    assert Sample.objects.get().figures == instance.figures
    assert samples_trim(timezone.now() + timedelta(hours=23)) == 0
    assert samples_trim(timezone.now() + timedelta(hours=25)) == 1


@pytest.mark.parametrize(
    ("field", "value"), [("state", "happy"), ("reason", "x" * 501), ("applied", "x" * 33), ("version", "a\0b")]
)
def test_a_status_that_cannot_be_kept_is_refused(client: Client, live: Whisperer, field: str, value: str) -> None:
    answer = status(client, joined(client, live)["read_key"], **{field: value})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


@pytest.mark.parametrize("value", [{"a": 1}, [{"name": "a\0"}, {"name": 5}, 7], "x", [{"name": "e", "link": "1"}]])
def test_odd_interfaces_do_no_harm(client: Client, live: Whisperer, value: Any) -> None:
    keys = joined(client, live)
    assert status(client, keys["read_key"], interfaces=value, figures=[1]).status_code == 200
    assert config(client, keys["read_key"]).status_code == 200


def test_who_is_revoked_hears_it(client: Client, live: Whisperer) -> None:
    keys = joined(client, live)
    assert instance_revoke(instance=Instance.objects.get(pk=keys["instance"]))
    for answer in (config(client, keys["read_key"]), status(client, keys["read_key"])):
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "revoked")
    answer = call(client, "GET", "/api/v1/filters/?filter=&link=1", keys["upload_key"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "revoked")


def test_keys_change_without_locking_anybody_out(client: Client, live: Whisperer) -> None:
    old = joined(client, live)
    instance = Instance.objects.get(pk=old["instance"])
    assert "rotate" not in status(client, old["read_key"]).json()
    assert instance_rotate(instance=instance)
    lost = status(client, old["read_key"]).json()["rotate"]
    new = status(client, old["read_key"]).json()["rotate"]  # the first answer was lost
    assert config(client, lost["read_key"]).json()["error"]["code"] == "revoked"
    assert config(client, old["read_key"]).status_code == 200  # until a new one is seen
    assert "rotate" not in status(client, new["read_key"]).json()
    for key in (old["read_key"], old["upload_key"]):
        assert call(client, "GET", "/api/v1/agent/config/", key).json()["error"]["code"] == "revoked"
    assert config(client, new["read_key"]).status_code == 200
    assert call(client, "GET", "/api/v1/filters/?filter=&link=1", new["upload_key"]).status_code in (200, 503)
    instance.refresh_from_db()
    assert instance.rotating is None
    assert instance.tokens.filter(revoked=None).count() == 2


def test_old_keys_change_by_themselves(client: Client, live: Whisperer) -> None:
    old = joined(client, live)
    WhispererToken.objects.update(created=timezone.now() - timedelta(days=31))
    new = status(client, old["read_key"]).json()["rotate"]
    assert "rotate" not in status(client, new["read_key"]).json()
    assert config(client, old["read_key"]).json()["error"]["code"] == "revoked"
    assert "rotate" not in status(client, new["read_key"]).json()


def test_the_agent_is_one_file(client: Client, tmp_path: Path) -> None:
    answer = client.get("/agent/spider-agent.pyz")
    assert answer.status_code == 200
    assert client.get("/agent/spider-agent.pyz", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    zipapp.build.cache_clear()
    assert zipapp.build()[0] == answer.content
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert {"__main__.py", "agent/service.py", "wire/pcapfile/ring.py"} <= set(names)
    path = tmp_path / "spider-agent.pyz"
    path.write_bytes(answer.content)
    said = subprocess.run([sys.executable, "-I", path, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("spider agent ")


def test_the_command_to_paste() -> None:
    command = install_command("https://spider.example", "spe_x")
    assert command.startswith("curl -fsSLO https://spider.example/agent/spider-agent.pyz && python3 ")
    assert "--token spe_x" in command
