"""Every address of the site, called by those who may not see a whisperer: nothing of it is in any answer.

The addresses come from the resolver, so none can be forgotten: a new parameter makes a test fail that says where its
example goes. The hidden whisperer is made of words that stand nowhere else; every answer, whatever its status, is
searched for them, but for those that the call itself sent. Alice, who may see everything, finds each word somewhere:
a search that could not find them would prove nothing.
"""

import gzip
import re
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from apps.captures.models import Capture as CaptureRow
from apps.captures.models import Upload
from apps.httpcomms import purges, requests
from apps.httpcomms.pins import pin_create
from apps.httpcomms.saved import saved_query_create
from apps.httpcomms.screen import VIEWS
from apps.monitoring.reprocessing import reprocessing_plan, reprocessing_start
from apps.whisperers.models import Change, Grant, Whisperer, WhispererToken
from apps.whisperers.services import (
    configuration_set,
    enrolment_create,
    grant_set,
    team_create,
    whisperer_create,
)
from apps.whisperers.services.accounts import account_create, account_grant, account_token_create
from store.documents import DocumentStore
from tests.apps.conftest import client_of
from tests.apps.httpcomms.conftest import DAY, Traffic
from tests.apps.httpcomms.conftest import traffic as traffic  # noqa: PLC0414 - a fixture
from tests.apps.httpcomms.seeding import Seeded, seed
from tests.apps.whisperers.seeding import agent, talk
from tests.captures import Capture, request, response

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site_redis")]

#: Exchanges of the hidden whisperer: a number that nothing else here has.
EXCHANGES = 211
ALL = {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}
#: Routes that end what the walk itself needs, or that are not the site's own.
LEFT_OUT = {"logout", "admin:logout", "admin:jsi18n"}
#: Values of parameters, by what stands before them in the address and their name: a hidden one, one of the shop.
Examples = dict[tuple[str, str], tuple[Any, Any]]
METHODS = ("POST", "PUT", "PATCH", "DELETE")


@dataclass
class World:
    """What is hidden, what is not, and the words that tell of what is hidden: where each stands, by word."""

    hidden: Whisperer
    shown: Whisperer
    examples: Examples
    words: dict[str, str] = field(default_factory=dict)


def hidden_traffic() -> bytes:
    """Exchanges whose every part is unmistakable, over addresses that nobody else has."""
    made = Capture()
    talk_ = made.conversation("10.99.98.97:40777", "10.99.98.96:8099").connect()
    for n in range(EXCHANGES):
        head = [("Content-Type", "application/zqtype"), ("X-Zqheader", "zqvalue")]
        asked = request("POST", f"/zqpath/{n}?zqparam=zqquery", head, b'{"zqkey": "zqbody"}', host="zqhost.example")
        talk_.wait(0.01).request(asked).wait(0.003).response(response(200, head, b'{"zqanswer": 1}'))
    talk_.close()
    return made.pcap()


@pytest.fixture
def world(site_store: DocumentStore, traffic: Traffic, whisperer: Whisperer, alice: User, bob: User) -> World:
    """A hidden whisperer with everything that one may have, beside the shop, which Bob may do everything with."""
    team = team_create(name="zqteam", actor=alice)
    hidden = whisperer_create(name="zqwhisperer", mode="INTERFACE", team=team, actor=alice)
    configuration_set(target=hidden, kind="capture", values={"filter": "host 10.99.98.95"}, actor=alice)
    configuration_set(target=team, kind="capture", values={"seconds": 3}, actor=alice)
    talk(one := agent(hidden, "zqinstance", "wrong", reason="zqreason"))
    names = {"10.99.98.97": "zqclient", "10.99.98.96": "zqserver"}
    seeded = seed(site_store, hidden_traffic(), whisperer=str(hidden.pk), capture="zqcapture0001", day=DAY, names=names)
    span = {"first_packet": seeded.first, "last_packet": seeded.last}
    CaptureRow.objects.create(
        pk="zqcapture0001", whisperer=hidden, policy="default", partitions=1, instance="zqinstance", **span
    )
    sandbox = whisperer_create(name="zqsandbox", mode="UPLOAD", actor=alice)
    upload = Upload.objects.create(
        whisperer=sandbox, name="zqupload.pcap", size=7, created_by=alice, expires=timezone.now() + timedelta(days=1)
    )
    enrolment, _ = enrolment_create(whisperer=hidden, life=timedelta(hours=1))
    grant = grant_set(whisperer=hidden, user=alice, rights=["search"])
    every = ["search", "packets", "startStop", "configure", "share", "pin", "purge", "delete"]
    own = grant_set(whisperer=whisperer, user=bob, rights=every)
    assert grant is not None
    assert own is not None
    examples = _examples(hidden, whisperer, seeded, traffic)
    examples |= {
        ("teams", "id"): (team.pk, team.pk),
        ("instances", "instance"): (one.pk, uuid.uuid4()),
        ("changes", "number"): (Change.objects.filter(whisperer=hidden).latest("pk").pk, 1),
        ("enrolments", "number"): (enrolment.pk, 1),
        ("tokens", "number"): (WhispererToken.objects.filter(whisperer=hidden).latest("pk").pk, 1),
        ("keys", "number"): (WhispererToken.objects.filter(whisperer=hidden).latest("pk").pk, 1),
        ("grants", "number"): (grant.pk, own.pk),
        ("grants", "whisperer"): (hidden.pk, whisperer.pk),
        ("uploads", "id"): (upload.pk, uuid.uuid4()),
        ("sandbox", "id"): (sandbox.pk, uuid.uuid4()),
        ("service-accounts", "id"): (_account("zqaccount", alice, hidden), _account("bobs", bob, whisperer)),
        ("queries", "id"): (_saved("zqsaved", alice), _saved("bobs", bob)),
        ("pins", "id"): tuple(_pin(name, alice, one) for name, one in (("zqpin", hidden), ("shops", whisperer))),
        ("purges", "number"): (_purge(hidden, alice), _purge(whisperer, alice)),
    }
    runs = (_run(hidden, alice), _run(whisperer, alice))
    examples |= {("reprocessing", "run"): runs, ("reprocessings", "run"): runs}
    comm = list(seeded.communications)[-1]  # the newest: it is on the first page
    words = {
        str(hidden.pk): "id of the whisperer", hidden.pk.hex: "id of the whisperer", comm: "id of a communication",
        comm.rpartition("-")[0]: "id of a TCP session", str(one.pk): "id of an agent", "10.99.98.": "addresses",
        str(upload.pk): "id of a file", "8099": "port of its server",
    }  # fmt: skip
    made = World(hidden, whisperer, examples, words)
    named = (
        "whisperer team instance reason capture0001 upload client server path query host header value body type "
        "sandbox account saved pin"
    )
    made.words |= {f"zq{word}": word for word in named.split()}
    return made


def _account(name: str, owner: User, whisperer: Whisperer) -> int:
    """A service account of a person, with a right on a whisperer and a token."""
    made = account_create(name=name, owner=owner)
    account_grant(account=made, whisperer=whisperer, rights=["search"], actor=owner)
    account_token_create(account=made, life=timedelta(days=1), label=name)
    return int(made.pk)


def _saved(name: str, owner: User) -> uuid.UUID:
    """A query that a person saved, shared with nobody."""
    made = saved_query_create(owner=owner, given={"name": name, "query": f"req.host:{name}"})
    return uuid.UUID(str(made.pk))


def _pin(name: str, owner: User, whisperer: Whisperer) -> uuid.UUID:
    """A pin of what a whisperer captured."""
    wanted = requests.read({"q": f'whisperer:"{whisperer.pk}" AND req.path:*'})
    return uuid.UUID(str(pin_create(owner=owner, name=name, note=f"{name}note", wanted=wanted).pk))


def _purge(whisperer: Whisperer, actor: User) -> int:
    """A purge of a part of it that is waiting."""
    asked = purges.read(actor, whisperer, {"q": "req.path:zqpurged"}, ["bodies"])
    return int(purges.purge_start(asked=asked, planned=[], actor=actor).pk)


def _run(whisperer: Whisperer, actor: User) -> uuid.UUID:
    """A reprocessing of a part of it that waits for a worker."""
    plan = reprocessing_plan(user=actor, whisperer=whisperer, parameters={"q": "req.path:zqreprocessed"})
    return uuid.UUID(str(reprocessing_start(user=actor, run=plan).pk))


def _examples(hidden: Whisperer, shown: Whisperer, seeded: Seeded, traffic: Traffic) -> Examples:
    comm = next(iter(seeded.communications))
    return {
        ("whisperers", "id"): (hidden.pk, shown.pk),
        ("httpcomms", "id"): (comm, traffic.order),
        ("tcpsessions", "id"): (comm.rpartition("-")[0], traffic.session),
        ("tcp", "id"): (comm.rpartition("-")[0], traffic.session),
        ("packets", "number"): (1, 1),
        ("captures", "capture"): ("zqcapture0001", "c-test-0001"),
        ("config", "kind"): ("capture", "parsing"),
        ("body", "side"): ("req", "res"),
        ("bodies", "side"): ("req", "res"),
        ("users", "name"): ("alice", "bob"),
        ("preferences", "name"): ("facets", "facets"),
        ("aside", "id"): ("zqcapture0001:1", "c-test-0001:1"),
        ("policies", "name"): ("default", "default"),
    }


#: Examples in the administration, by name alone: all of it needs a right that none of these people has.
ADMIN = {"app_label": "whisperers", "url": "whisperers/"}


@dataclass(frozen=True)
class Route:
    """One address of the site as the resolver has it: literal parts and `(before, name)` of parameters."""

    name: str
    pattern: str
    parts: tuple[str | tuple[str, str], ...]

    def path(self, examples: Examples, which: int) -> str:
        """The address with the examples put in."""
        given = (part if isinstance(part, str) else quote(str(examples[part][which])) for part in self.parts)
        return "/" + "".join(given)

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Its parameters."""
        return [part for part in self.parts if not isinstance(part, str)]


def routes() -> list[Route]:
    """Every address of the site."""
    found = [Route(name, pattern, _parts(pattern)) for name, pattern in _patterns(get_resolver(), "", "")]
    assert len(found) > 60
    return [route for route in found if route.name not in LEFT_OUT]


def _patterns(resolver: URLResolver, before: str, space: str) -> Iterator[tuple[str, str]]:
    for one in resolver.url_patterns:
        pattern = before + str(one.pattern)
        if isinstance(one, URLPattern):
            yield space + (one.name or ""), pattern
        else:
            yield from _patterns(one, pattern, f"{one.namespace}:" if one.namespace else space)


def _parts(pattern: str) -> tuple[str | tuple[str, str], ...]:
    """`whisperers/<uuid:id>/` as ("whisperers/", ("whisperers", "id"), "/"); of a regular expression what it names."""
    pattern = re.sub(r"\(\?P(<\w+>)[^)]*\)", r"\1", pattern.replace("^", "").replace("$", "").replace("\\", ""))
    parts: list[str | tuple[str, str]] = []
    for text, name in re.findall(r"([^<]*)(?:<(?:\w+:)?(\w+)>)?", pattern):
        if text:
            parts.append(text)
        if name:
            parts.append(
                (parts[-1].rstrip("/").rpartition("/")[2] if parts and isinstance(parts[-1], str) else "", name)
            )
    return tuple(parts)


def test_every_parameter_of_an_address_has_an_example(world: World) -> None:
    for route in routes():
        for parameter in route.parameters:
            known = world.examples.keys()
            assert parameter in known or route.name.startswith("admin:") or "admin/" in route.pattern, (
                f"The address {route.pattern!r} has a parameter that the walk cannot fill in: add an example for "
                f"{parameter!r} to _examples() in {__file__}, first of the hidden whisperer, then of the shop."
            )


def asked(world: World, which: int) -> list[dict[str, str]]:
    """What an address may be asked with: everything over all time, and straight for what is hidden."""
    comm, session = (str(world.examples[(one, "id")][which]) for one in ("httpcomms", "tcpsessions"))
    target = (world.hidden, world.shown)[which]
    straight = {
        "q": f'whisperer:"{target.pk}"', "open": comm, "tab": "packets", "select": comm, "selected": comm, "id": comm,
        "ids": comm, "a": comm, "b": comm, "left": comm, "right": comm, "session": session, "whisperer": str(target.pk),
        "capture": "zqcapture0001", "field": "whisperer", "prefix": "zq", "find": "zq", "text": "zq", "term": "zq",
        "at": "10", "cursor": "10", "position": "10", "by": "whisperer", "group": "whisperer", "metric": "count",
        "columns": "whisperer,req.host,req.path", "host": "zq", "name": "zq", "size": "10",
    }  # fmt: skip
    return [{"field": "req.host", "buckets": "10"} | ALL, straight | ALL, {"q": "zq*", "field": "req.path"} | ALL]


def text_of(answer: Any) -> bytes:
    """The whole of an answer: streams joined, what is compressed opened, header lines with it."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    head = "\n".join(f"{name}: {value}" for name, value in answer.items()).encode()
    if body[:2] == b"\x1f\x8b":
        body += gzip.decompress(body)
    if body[:4] == b"PK\x03\x04":
        body += zlib.decompressobj(-15).decompress(body[30 + int.from_bytes(body[26:28], "little") :], 1 << 20)
    return bytes(head + b"\n\n" + body)


def told(world: World, answer: bytes, sent: str) -> list[str]:
    """What an answer tells of the hidden whisperer that the call did not say itself."""
    low, asked_ = answer.lower(), sent.lower()
    found = [f"{what} ({word})" for word, what in world.words.items() if word not in asked_ and _says(low, word)]
    # Times and sizes apart: "211 ms" is how long an answer took.
    plain = re.sub(rb"\d+(?:\.\d+)? ?(?:ms|s|min|h|B|KB|K)\b", b"", answer)
    for count in (EXCHANGES, EXCHANGES + 4):
        if re.search(rb"(?<![\w.,:%#&/-])" + str(count).encode() + rb"(?![\w.,:%/-])", plain):
            found.append(f"how many communications it has ({count})")
    return found


def _says(text: bytes, word: str) -> bool:
    """Whether a word is in a text; digits alone may be part of any random id, and are looked for apart from one."""
    if word.isdigit():
        return re.search(rb"(?<![0-9a-f-])" + word.encode() + rb"(?![0-9a-f-])", text) is not None
    return word.encode() in text


def files_of(world: World) -> list[str]:
    """Where the hidden file is listed: it belongs to a hidden whisperer of its own, which only takes files."""
    sandbox = world.examples["sandbox", "id"][0]
    return [f"/whisperers/{sandbox}/files/", f"/api/v1/uploads/?whisperer={sandbox}"]


def walk(world: World, client: Client, which: int, check: Callable[[str, Any, bytes, str], None]) -> int:
    """Call every address every way with `client`; gives how many calls were made."""
    calls = 0

    def call(method: str, path: str, **more: Any) -> None:
        nonlocal calls
        calls += 1
        answer = client.generic(method, path, **more)
        data = more.get("data", "")
        check(f"{method} {path}", answer, text_of(answer), path + str(data))

    for path in files_of(world):
        call("GET", path)
    for route in routes():
        in_admin = "admin/" in route.pattern
        examples = {part: (ADMIN.get(part[1], "1"),) * 2 for part in route.parameters} if in_admin else world.examples
        path = route.path(examples, which)
        call("GET", path)
        if in_admin:
            continue
        views = [{"view": view} | ALL for view in VIEWS] if route.name == "search" else []
        for parameters in (*asked(world, which), *views):
            query = f"{path}?{urlencode(parameters)}"
            whole = path.startswith("/api/") or "q" not in parameters
            call("GET", query, **({} if whole else {"headers": {"HX-Request": "true"}}))
        if which == 0:
            for method in METHODS:
                call(method, path, data=b"{}", content_type="application/json")
    return calls


def unseen(world: World) -> Callable[[str, Any, bytes, str], None]:
    """The check of a person who may not see it."""

    def check(called: str, answer: Any, text: bytes, sent: str) -> None:
        assert answer.status_code != 500, called
        leaks = told(world, text, sent)
        assert not leaks, f"{called} answered {answer.status_code} and told {', '.join(leaks)}"

    return check


def state_of(world: World) -> tuple[Any, ...]:
    """What a call without rights must not change."""
    hidden = Whisperer.objects.filter(pk=world.hidden.pk).values().get()
    return (
        hidden,
        list(Grant.objects.filter(whisperer=world.hidden).values()),
        Upload.objects.count(),
        CaptureRow.objects.count(),
    )


def client(user: User | None) -> Client:
    made = client_of(user) if user else Client()
    made.raise_request_exception = False
    return made


@pytest.mark.parametrize("who", ["charlie", "nobody"])
def test_who_has_no_rights_is_told_nothing(world: World, who: str, charlie: User) -> None:
    before = state_of(world)
    assert walk(world, client(charlie if who == "charlie" else None), 0, unseen(world)) > 400
    assert state_of(world) == before


def test_who_has_rights_on_another_whisperer_is_told_nothing(world: World, bob: User) -> None:
    before = state_of(world)
    walk(world, client(bob), 0, unseen(world))
    assert state_of(world) == before


def test_what_is_asked_of_ones_own_whisperer_tells_nothing_of_another(world: World, bob: User) -> None:
    statuses = set()

    def check(called: str, answer: Any, text: bytes, sent: str) -> None:
        unseen(world)(called, answer, text, sent)
        statuses.add(answer.status_code)

    walk(world, client(bob), 1, check)
    assert 200 in statuses


def test_who_may_see_everything_finds_every_word(world: World, alice: User) -> None:
    found: set[str] = set()

    def check(called: str, answer: Any, text: bytes, sent: str) -> None:
        assert answer.status_code != 500, called
        if called.startswith("GET"):
            found.update(told(world, text, sent))

    one = client(alice)
    for path in files_of(world):
        check(f"GET {path}", answer := one.get(path), text_of(answer), path)
    for route in routes():
        if "admin/" not in route.pattern and route.name:
            path = route.path(world.examples, 0)
            for parameters in ({}, asked(world, 0)[0]):
                answer = one.get(path, parameters)
                check(f"GET {path}", answer, text_of(answer), path + str(parameters))
    wanted = {f"{what} ({word})" for word, what in world.words.items() if word != world.hidden.pk.hex}
    assert not wanted - found, sorted(wanted - found)
    assert f"how many communications it has ({EXCHANGES + 4})" in found
