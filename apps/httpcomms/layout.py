"""Where the nodes of a map are: columns from the clients on, so that requests run from left to right. Pure.

The same nodes and edges always give the same picture: nothing is random, and ties are broken by name. Places are whole
columns and parts of rows; the browser makes pixels of them.
"""

from collections.abc import Mapping, Sequence

#: A column with more nodes than this goes on in the next one.
TALL = 9
_SWEEPS = 6
_LOWER = 0.25

Edge = tuple[str, str, int]


def places(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, tuple[float, float]]:
    """Column and row of every node; rows are centred around 0. Edges are source, target and weight."""
    outward = _without_cycles(nodes, edges)
    layer = _layers(nodes, outward)
    columns: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for node in sorted(nodes):
        columns[layer[node]].append(node)
    _untangle(columns, edges)
    found: dict[str, tuple[float, float]] = {}
    left = 0
    for column in columns:
        for part in _split(column):
            # Every other column is a little lower: an edge that passes one does not go through its nodes.
            middle = (len(part) - 1) / 2 - (left % 2) * _LOWER
            found |= {node: (float(left), row - middle) for row, node in enumerate(part)}
            left += 1
    return found


def _split(column: list[str]) -> list[list[str]]:
    """Columns of about the same height, none too tall."""
    count = -(-len(column) // TALL)
    height = -(-len(column) // max(count, 1))
    return [column[at : at + height] for at in range(0, len(column), max(height, 1))]


def _without_cycles(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, list[str]]:
    """Targets of every node, without the edges that lead back; heavier edges are kept first."""
    targets: dict[str, list[tuple[int, str]]] = {node: [] for node in nodes}
    called: set[str] = set()
    for source, target, weight in edges:
        if source != target:
            targets[source].append((-weight, target))
            called.add(target)
    kept: dict[str, list[str]] = {node: [] for node in nodes}
    done: set[str] = set()
    weight_of = {node: sum(w for w, _ in targets[node]) for node in nodes}
    # Who nobody calls begins; in a ring, who calls most.
    for start in sorted(nodes, key=lambda node: (node in called, weight_of[node], node)):
        if start in done:
            continue
        path = {start}
        stack = [(start, iter(sorted(targets[start])))]
        while stack:
            node, rest = stack[-1]
            for _, target in rest:
                if target in path:
                    continue  # leads back
                kept[node].append(target)
                if target not in done:
                    path.add(target)
                    stack.append((target, iter(sorted(targets[target]))))
                    break
            else:
                stack.pop()
                path.discard(node)
                done.add(node)
    return kept


def _layers(nodes: Sequence[str], outward: Mapping[str, list[str]]) -> dict[str, int]:
    """The column of every node: one more than that of any node that calls it."""
    callers = dict.fromkeys(nodes, 0)
    for targets in outward.values():
        for target in targets:
            callers[target] += 1
    layer = dict.fromkeys(nodes, 0)
    free = sorted(node for node in nodes if not callers[node])
    while free:
        node = free.pop()
        for target in outward[node]:
            layer[target] = max(layer[target], layer[node] + 1)
            callers[target] -= 1
            if not callers[target]:
                free.append(target)
    return layer


def _untangle(columns: list[list[str]], edges: Sequence[Edge]) -> None:
    """Order columns so that fewer edges cross: each node near the middle of those it is linked with."""
    linked: dict[str, list[tuple[str, int]]] = {}
    for source, target, weight in edges:
        if source != target:
            linked.setdefault(source, []).append((target, weight))
            linked.setdefault(target, []).append((source, weight))
    for sweep in range(_SWEEPS):
        rows = {node: row - (len(column) - 1) / 2 for column in columns for row, node in enumerate(column)}
        column_of = {node: at for at, column in enumerate(columns) for node in column}
        onward = sweep % 2 == 0
        for at in range(len(columns)) if onward else range(len(columns) - 1, -1, -1):
            wanted = {}
            for node in columns[at]:
                near = [
                    rows[o] for o, _ in linked.get(node, []) if (column_of[o] < at) == onward and column_of[o] != at
                ]
                wanted[node] = sum(near) / len(near) if near else rows[node]
            columns[at].sort(key=lambda node: (wanted[node], node))
            rows |= {node: row - (len(columns[at]) - 1) / 2 for row, node in enumerate(columns[at])}
