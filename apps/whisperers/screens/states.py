"""The state of a whisperer as a person reads it: an icon, a word, a reason; and what was asked against what is told.

The words are those of `selectors`; one that was asked to capture and has not begun is shown as connecting, because that
is what its agents are busy with.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.core import words
from apps.whisperers import selectors
from apps.whisperers.models import Change, Instance, Whisperer
from apps.whisperers.selectors import State, Word

#: Label and icon of each word. The icons differ in shape, so that colour is never the only sign.
FACES: dict[str, tuple[str, str]] = {
    "not_visible": ("Not visible", "unseen"),
    "connecting": ("Connecting", "connect"),
    "stopped": ("Stopped", "stop"),
    "capturing": ("Capturing", "cap"),
    "paused": ("Paused", "pause"),
    "wrong": ("Wrong configuration", "wrong"),
    "files": ("Files", "upload"),
}
_TOLD: dict[Word, str] = {
    "connecting": "starting",
    "stopped": "stopped",
    "capturing": "capturing",
    "paused": "paused",
    "wrong": "wrongly configured",
}


@dataclass(frozen=True, slots=True)
class Face:
    """A state with its label and icon."""

    word: str
    label: str
    icon: str
    reason: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent with its state; `pending`: it has not taken over the newest configuration yet."""

    instance: Instance
    state: State
    pending: bool

    @property
    def is_visible(self) -> bool:
        """Whether it was heard of lately."""
        return self.instance.last_seen is not None and self.state.word != "not_visible"

    @property
    def face(self) -> Face:
        """Its state as shown."""
        label, icon = FACES[self.state.word]
        return Face(self.state.word, label, icon, self.state.reason, self.state.since)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked, what agents tell, and how far they are. `moving`: "starting", "stopping" or nothing."""

    wanted: str
    reported: str
    moving: str
    done: int
    of: int
    poll: int
    asked_by: str
    asked_at: datetime | None


def agents_of(whisperer: Whisperer, now: datetime) -> list[Agent]:
    """Its agents whose keys were not revoked, by host."""
    resolved = selectors.capture_of(whisperer)
    pace = int(resolved.values["status_seconds"])
    return [
        Agent(one, selectors.instance_state(one, now, pace), one.applied != resolved.revision)
        for one in whisperer.instances.all()
        if one.revoked is None
    ]


def moving_agents(whisperer: Whisperer, agents: Sequence[Agent]) -> list[Agent]:
    """Agents that are heard of and have yet to do what was asked."""
    not_yet = ("stopped", "connecting") if whisperer.capturing else ("capturing", "paused")
    return [one for one in agents if one.is_visible and one.pending and one.state.word in not_yet]


def face_of(whisperer: Whisperer, agents: Sequence[Agent], now: datetime) -> Face:
    """The state of a whisperer as shown."""
    if whisperer.mode == Whisperer.Mode.UPLOAD:
        label, icon = FACES["files"]
        return Face("files", label, icon, "Capture files are uploaded here; it has no agent.", None)
    state = selectors.whisperer_state(whisperer, now)
    word, reason = state.word, state.reason
    if word == "stopped" and whisperer.capturing and moving_agents(whisperer, agents):
        word, reason = "connecting", _on_its_way(whisperer, agents, now)
    label, icon = FACES[word]
    return Face(word, label, icon, reason, state.since)


def wish_of(whisperer: Whisperer, agents: Sequence[Agent], now: datetime) -> Wish:
    """What was asked of it against what its agents tell."""
    moving = moving_agents(whisperer, agents)
    visible = [one for one in agents if one.is_visible]
    asked = whisperer.changes.filter(action__in=("started", "stopped")).order_by("-pk").first()
    return Wish(
        wanted="capture" if whisperer.capturing else "stop",
        reported=_reported(agents, visible, now),
        moving=("starting" if whisperer.capturing else "stopping") if moving else "",
        done=len(visible) - len(moving),
        of=len(visible),
        poll=int(selectors.capture_of(whisperer).values["poll_seconds"]),
        asked_by=_by(asked),
        asked_at=whisperer.capturing_since,
    )


def _by(asked: Change | None) -> str:
    return asked.actor_name if asked is not None else ""


def _on_its_way(whisperer: Whisperer, agents: Sequence[Agent], now: datetime) -> str:
    since = whisperer.capturing_since
    when = f" {ago(now - since)} ago" if since is not None else ""
    waiting = len(moving_agents(whisperer, agents))
    of = sum(one.is_visible for one in agents)
    which = "its agent" if of == 1 else f"{waiting} of {of} agents"
    return f"Start was asked{when}; {which} will hear of it at the next poll."


def _reported(agents: Sequence[Agent], visible: Sequence[Agent], now: datetime) -> str:
    """What the agents told last, in a few words."""
    if not agents:
        return "no agent yet"
    seen = [one.instance.last_seen for one in visible if one.instance.last_seen is not None]
    if not seen:
        last = [one.instance.last_seen for one in agents if one.instance.last_seen is not None]
        return f"nothing for {ago(now - max(last))}" if last else "nothing yet"
    told = Counter(_TOLD.get(one.state.word, one.state.word) for one in visible)
    (word, count), *others = told.most_common()
    whose = "" if len(visible) == 1 and len(agents) == 1 else f" on {count} of {len(agents)}"
    rest = "".join(f", {other} on {number}" for other, number in others[:1])
    return f"{word}{whose}{rest}, {ago(now - max(seen))} ago"


def ago(gone: timedelta) -> str:
    """A stretch of time in at most two units."""
    seconds = max(int(gone.total_seconds()), 0)
    return words.span(seconds * words.SECOND) if seconds else "0 s"
