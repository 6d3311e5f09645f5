"""The packets that carried a communication, and one of them in its layers."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from apps.httpcomms import bodyviews, evidence, layers, selectors
from apps.httpcomms.packetlist import SessionPackets
from apps.httpcomms.views.parts import part
from apps.whisperers.rights import packet_scope, scope_for
from store.documents import Scope

PACKETS_SHOWN = 500


@part
def packets(request: HttpRequest, id: str) -> HttpResponse:
    """The packets of the session around this communication, or those of the communication alone (`only`)."""
    document = selectors.get(scope_for(request.user), id)
    scope = packet_scope(request.user, document["whisperer"])
    session = evidence.session(scope, document.get("tcpSession", ""))
    first, last = evidence.exchange_range(document)
    only = request.GET.get("only") == "1"
    listed = SessionPackets(scope, session).around(first, last, PACKETS_SHOWN, only=only)
    context = {"comm": document, "listed": listed, "first": first, "last": last, "session": session, "only": only}
    context["packets_url"] = reverse("communication-packets", args=[id])
    return render(request, "httpcomms/packets.html", context)


@part
def packet(request: HttpRequest, id: str, number: int) -> HttpResponse:
    """One packet: its layers beside its bytes."""
    document = selectors.get(scope_for(request.user), id)
    scope = packet_scope(request.user, document["whisperer"])
    return dissected(request, scope, evidence.session(scope, document.get("tcpSession", "")), number)


def dissected(request: HttpRequest, scope: Scope, session: dict[str, Any], number: int) -> HttpResponse:
    """A packet of a session by its number."""
    frame = SessionPackets(scope, session).frame(number)
    context = {
        "frame": frame,
        "layers": layers.dissect(frame.data, frame.link),
        "dump": bodyviews.dump(frame.data),
        "missing": frame.original - len(frame.data),
    }
    return render(request, "httpcomms/packet.html", context)
