"""Made-up communications: as real ones look to the store, the same for the same plan, whoever makes them."""

from io import StringIO

import orjson
import pytest
from django.core.management import CommandError, call_command

from apps.httpcomms import generated
from apps.httpcomms.generated import BLOCK, Plan
from apps.whisperers.models import Whisperer
from documents.fields import FIELDS
from documents.query import parse
from store.documents import EVERYTHING, DocumentStore

T0 = 1_795_341_600_000_000_000
PLAN = Plan(5_000, T0, T0 + 3_600_000_000_000, ("w1", "w2"))


def names(value: object, before: str = "") -> set[str]:
    if not isinstance(value, dict) or before in {n for n, f in FIELDS["httpcomms"].items() if f.type == "flattened"}:
        return {before}
    return set().union(*(names(inner, f"{before}.{key}" if before else key) for key, inner in value.items()), set())


def test_a_plan_gives_the_same_documents_in_any_order() -> None:
    blocks = [generated.block(PLAN, number) for number in range(PLAN.blocks)]
    assert [len(block) for block in blocks] == [BLOCK, BLOCK, 1_000]
    assert generated.block(PLAN, 1) == blocks[1]
    assert len({document.id for block in blocks for document in block}) == PLAN.count
    other = generated.block(Plan(PLAN.count, PLAN.since, PLAN.until, PLAN.whisperers, seed=2), 1)
    assert {document.id for document in other}.isdisjoint(document.id for document in blocks[1])


def test_documents_have_known_fields_alone_and_lie_in_their_range() -> None:
    for document in generated.block(PLAN, 0):
        made = orjson.loads(document.body)
        assert names(made) <= set(FIELDS["httpcomms"])
        assert "2026-11-22T10:00" <= made["date"] < "2026-11-22T11:00"
        assert made["interface"] == "generated"
        assert document.id.startswith(document.day)


@pytest.mark.django_db
def test_the_command_stores_them_and_says_what_they_are(site_store: DocumentStore) -> None:
    out = StringIO()
    until = "2026-11-22T11:00:00Z"
    for _ in range(2):
        call_command("generate_communications", count=2_500, days=0.5, until=until, whisperer=["made"], processes=1,
                     stdout=out)  # fmt: skip
    assert "2,500 of 2,500 are new" in out.getvalue()
    assert "0 of 2,500 are new" in out.getvalue()
    assert "Documents only" in out.getvalue()
    whisperer = str(Whisperer.objects.get(name="made").pk)
    assert site_store.count("httpcomms", frozenset({whisperer}), None) == 2_500
    assert 0 < site_store.count("httpcomms", EVERYTHING, parse("stats.dst.name:payments AND req.method:POST")) < 1_000
    with pytest.raises(CommandError, match="date"):
        call_command("generate_communications", until="yesterday")
