"""The screens as HTML: what they say, that they say it where, and that nothing from the wire gets out of its text."""

import re

import pytest
from django.test import Client

from apps.httpcomms import present
from tests.apps.httpcomms.conftest import Traffic

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
ALL = {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}


def page(client: Client, path: str = "/", status: int = 200, htmx: bool = False, **parameters: str) -> str:
    response = client.get(path, parameters, headers=HTMX if htmx else {})
    assert response.status_code == status, response.content
    return response.content.decode()


def text(html: str) -> str:
    """What a person reads: without tags, in one line."""
    return " ".join(re.sub(r"<[^>]*>", "", html).split())


def test_the_page_shows_what_was_found(as_alice: Client, traffic: Traffic) -> None:
    html = page(as_alice, q="req.method:POST", **ALL)
    assert f'data-id="{traffic.order}"' in html
    assert traffic.logo not in html
    assert "1 communication in" in text(html)


def test_nothing_from_the_wire_becomes_html(as_alice: Client, traffic: Traffic) -> None:
    parts = [page(as_alice, **ALL), page(as_alice, "/facets/", **ALL)]
    for id in (traffic.order, traffic.html):
        parts += [page(as_alice, f"/httpcomms/{id}/", htmx=True), page(as_alice, f"/httpcomms/{id}/")]
        for side in ("req", "res"):
            parts += [page(as_alice, f"/httpcomms/{id}/body/{side}/", **{"as": way}) for way in ("tree", "text", "hex")]
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in part for part in parts)
    for part in parts:
        assert "<script>alert" not in part
        assert "<img src=x" not in part
        assert '<b>"' not in part
        assert 'style="' not in part


def test_pages_carry_a_strict_policy(as_alice: Client, traffic: Traffic) -> None:
    response = as_alice.get("/")
    policy = response["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
    assert not re.search(r"<script(?![^>]* src=)", response.content.decode())


def test_a_refusal_ends_with_one_mark_and_speaks_of_a_result_before_only_where_there_is_one(
    as_alice: Client, traffic: Traffic
) -> None:
    first = text(page(as_alice, status=400, q="req.metod:GET"))
    assert "did you mean req.method? " in first
    assert "result below" not in first
    assert "result below is the one before." in text(page(as_alice, htmx=True, q="req.metod:GET"))


def test_a_refused_query_keeps_its_range(as_alice: Client, traffic: Traffic) -> None:
    html = page(as_alice, status=400, q="nothing:1", **ALL)
    assert f'name="from" value="{ALL["from"]}"' in html
    assert 'name="from" value="now-1h"' in page(as_alice, status=400, q="nothing:1", **ALL | {"from": "some day"})


def test_a_query_error_is_shown_at_its_place(as_alice: Client, traffic: Traffic) -> None:
    query = "req.method:POST AND nothing:1"
    html = page(as_alice, status=400, q=query)
    assert f"at column {query.index('nothing') + 1}" in html
    assert " " * query.index("nothing") + "^" in html
    assert 'value="req.method:POST AND nothing:1"' in html


def test_a_query_error_leaves_the_result_before_where_it_is(as_alice: Client, traffic: Traffic) -> None:
    response = as_alice.get("/", {"q": "nothing:1"}, headers=HTMX)
    assert response.status_code == 200
    assert response["HX-Retarget"] == "#ask-note"
    assert response["HX-Push-Url"] == "false"
    assert "<html" not in response.content.decode()


def test_htmx_gets_the_result_alone_and_the_address(as_alice: Client, traffic: Traffic) -> None:
    response = as_alice.get("/", {"q": " req.method:POST ", "to": "", "wide": "", "from": "now-7d"}, headers=HTMX)
    assert response["HX-Push-Url"] == "/?q=req.method%3APOST&from=now-7d"
    assert "<html" not in response.content.decode()


def test_an_empty_result_says_what_removed_everything(as_alice: Client, traffic: Traffic) -> None:
    html = text(page(as_alice, q="req.method:POST AND stats.statusCode:200", **ALL))
    assert "In this range there are 4 communications; none fits" in html
    assert "Without req.method:POST there are 2." in html
    assert "Without stats.statusCode:200 there is 1." in html


def test_an_empty_range_leads_to_the_last_traffic(as_alice: Client, traffic: Traffic) -> None:
    html = page(as_alice, **{"from": "2001-01-01T00:00:00Z", "to": "2001-01-02T00:00:00Z"})
    assert "There is no communication at all in this range." in text(html)
    link = re.search(r'href="(/\?[^"]*)"[^>]*>(?:(?!</a>).)*Go to the last traffic', html, re.S) or re.search(
        r'href="(/\?[^"]*)"[^>]*>(?:(?!</a>).)*Go to that time', html, re.S
    )
    assert link is not None
    assert traffic.order in page(as_alice, link[1].replace("&amp;", "&"))


def test_who_was_given_nothing_is_told(as_charlie: Client, traffic: Traffic) -> None:
    html = text(page(as_charlie, **ALL))
    assert "No whisperer was shared with you yet" in html
    assert "shop" not in text(page(as_charlie, "/facets/", **ALL))


@pytest.mark.parametrize("part", ["", "body/res/", "tcp/", "packets/"])
def test_a_scope_holds_on_every_screen(as_charlie: Client, as_bob: Client, traffic: Traffic, part: str) -> None:
    path = f"/httpcomms/{traffic.order}/{part}"
    assert as_bob.get(path).status_code == 200
    assert as_charlie.get(path).status_code == 404


def test_rows_go_on_where_the_page_ended(as_alice: Client, traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.httpcomms.views.grid.ROWS", 3)
    first = page(as_alice, **ALL)
    more = re.search(r'class="next" hx-get="([^"]+)"', first)
    assert more is not None
    rest = page(as_alice, more[1].replace("&amp;", "&"))
    assert re.findall(r'data-id="([^"]+)"', first + rest) == [traffic.slow, traffic.logo, traffic.html, traffic.order]
    assert "hx-get" not in rest


def test_rows_that_cannot_be_read_offer_another_try(as_alice: Client, traffic: Traffic) -> None:
    assert "Try again" in page(as_alice, "/rows/", after="nonsense")


def test_a_facet_adds_excludes_and_marks(as_alice: Client, traffic: Traffic) -> None:
    html = page(as_alice, "/facets/", q="NOT req.method:POST", **ALL)
    methods = html[html.index('data-field="req.method"') : html.index('data-field="stats.dst.name"')]
    assert re.search(r'<li class="not">.*?POST.*?<span class="c">0</span>', methods, re.S)
    assert "q=NOT+req.method%3APOST&amp;" in methods
    assert "field=req.method&amp;term=GET&amp;change=only" in methods
    assert "shop" in html[html.index('data-field="whisperer"') :]


def test_a_detail_tells_all_parts(as_alice: Client, traffic: Traffic) -> None:
    html = text(page(as_alice, f"/httpcomms/{traffic.order}/", htmx=True))
    for words in ("503", "POST http://shop.example/v2/orders", "Waiting", "10.0.0.1:40000", "content-type", "complete"):
        assert words in html


def test_a_missing_response_is_said(as_alice: Client, traffic: Traffic) -> None:
    assert "No response was seen" in text(page(as_alice, f"/httpcomms/{traffic.slow}/", htmx=True))


def test_a_body_is_a_tree_text_or_bytes(as_alice: Client, traffic: Traffic) -> None:
    path = f"/httpcomms/{traffic.order}/body/res/"
    tree = page(as_alice, path)
    assert '<span class="k">order</span>: <span class="s">&quot;A-58213&quot;</span>' in tree
    assert "gzip" in tree
    assert "&quot;order&quot;: &quot;A-58213&quot;" in page(as_alice, path, **{"as": "text"})
    assert "000000" in page(as_alice, path, **{"as": "hex"})
    image = page(as_alice, f"/httpcomms/{traffic.logo}/body/res/")
    assert f'src="/httpcomms/{traffic.logo}/body/res/image/"' in image
    assert "Tree" not in image
    assert "89 50 4e 47" in page(as_alice, f"/httpcomms/{traffic.logo}/body/res/", **{"as": "hex"})
    assert "has no body" in text(page(as_alice, f"/httpcomms/{traffic.logo}/body/req/"))


def test_the_session_and_its_packets_are_shown(as_alice: Client, traffic: Traffic) -> None:
    assert "2 communications" in text(page(as_alice, f"/httpcomms/{traffic.order}/tcp/"))
    shown = page(as_alice, f"/httpcomms/{traffic.order}/packets/")
    assert "SYN ACK" in shown
    assert shown.count('class="in"') >= 2


def test_a_row_of_a_document_with_nothing_in_it() -> None:
    row = present.row({"id": "x", "date": "2026-11-22T00:00:00Z"})
    assert (row.status, row.digit, row.failed, row.path) == ("none", "0", True, "request not seen")


def test_anomalies_are_said_in_words() -> None:
    words = present.oddness({"status": "gap", "anomalies": ["encodingCut", "fromANewerParser"]})
    assert words.startswith("Bytes missing.")
    assert "encodingCut" not in words
    assert "fromANewerParser" in words


@pytest.mark.parametrize(("ms", "share"), [(None, 0), (0, 0), (0.001, 4), (10_000, 100), (60_000, 100)])
def test_the_bar_of_a_duration(ms: float | None, share: float) -> None:
    assert present.bar(ms) == pytest.approx(share)
