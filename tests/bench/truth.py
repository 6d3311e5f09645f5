"""How much of the truth a run of `parse_capture` found: method, URI, status and both bodies of every exchange."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

Key = tuple[str, str]
Facts = tuple[int | None, str | None, str | None]


@dataclass(slots=True)
class Score:
    """Exchanges found exactly, of those whose packets were all captured and of all; and what is wrong with the rest.

    Whether a whole exchange is `open`, and may be found or not, is said in `tests.bench.generate`."""

    whole: int = 0
    whole_found: int = 0
    damaged: int = 0
    damaged_found: int = 0
    open: int = 0
    open_found: int = 0
    mixed: int = 0  # exchanges with the response of another, whatever was lost
    more: int = 0  # communications that are none of the true ones, or one of them again
    wrong: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of all exchanges, damaged ones included."""
        found = self.whole_found + self.damaged_found + self.open_found
        return found / max(1, self.whole + self.damaged + self.open)

    @property
    def exact(self) -> bool:
        """All that can be found was, and nothing else."""
        return self.whole_found == self.whole and not self.mixed


def score(truth: Path, documents: Path) -> Score:
    """Compare the truth with documents, both a JSON object a line."""
    found: dict[Key, list[Facts]] = {}
    with documents.open("rb") as file:
        for line in file:
            key, facts = _facts(orjson.loads(line))
            found.setdefault(key, []).append(facts)
    result = Score()
    with truth.open("rb") as file:
        for line in file:
            _judge(result, orjson.loads(line), found)
    result.more += sum(len(rest) for rest in found.values())
    return result


def _facts(document: dict[str, Any]) -> tuple[Key, Facts]:
    request, response = document.get("req", {}), document.get("res", {})
    query = request.get("query")
    uri = request.get("path", "") + (f"?{query}" if query is not None else "")
    return (request.get("method", ""), uri), (
        response.get("status"),
        request.get("body", {}).get("sha256"),
        response.get("body", {}).get("sha256"),
    )


def _judge(result: Score, true: dict[str, Any], found: dict[Key, list[Facts]]) -> None:
    key = (true["method"], true["uri"])
    wanted = (true["status"], true["request"], true["response"])
    ours = found.pop(key, [])
    result.more += max(0, len(ours) - 1)
    right = wanted in ours
    # The status stands in the head, so a loss cannot change it.
    mixed = any(status not in {None, true["status"]} for status, _, _ in ours)
    mixed = mixed or bool(true.get("open") and not right and any(status for status, _, _ in ours))
    result.mixed += mixed
    if true["lost"]:
        result.damaged += 1
        result.damaged_found += right
        return
    if true.get("open"):
        result.open += 1
        result.open_found += right
        return
    result.whole += 1
    result.whole_found += right
    if not right:
        parts = ("status", "request body", "response body")
        reason = (
            "missing" if not ours else next(name for name, a, b in zip(parts, wanted, ours[0], strict=True) if a != b)
        )
        result.wrong[reason] += 1
        if len(result.examples) < 5:
            result.examples.append(f"{reason}: {key[0]} {key[1]}")
