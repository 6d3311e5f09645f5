"""Bring indexes up that are older than the program: fields added to their mapping, and documents indexed again.

What a mapping gained later finds only documents that were written since, so each is written once more as it is, with
its own version: one that was replaced meanwhile is left alone. An index goes in the order of its ids, and its mapping
keeps how far it came, so a run that was stopped goes on there. A field whose mapping changed keeps its old one until
its day is dropped.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import orjson
from elasticsearch import Elasticsearch, NotFoundError

from store.documents import schema
from store.documents.elastic import reader, templates, writer
from store.documents.names import BLOB_RESOURCES, RESOURCES, Part, alias
from store.documents.version import STORE_VERSION, Behind, Mark, Step, StoreVersion

#: Documents of one request: some megabytes.
BATCH = 500


def stored(client: Elasticsearch) -> StoreVersion:
    """What there is; see DocumentStore.stored_version."""
    found = [templates.installed(client, alias(resource)) or {} for resource in RESOURCES]
    return StoreVersion(
        version=max(one.get("version", 0) for one in found),
        least=max(one.get("_meta", {}).get("least", 0) for one in found),
        behind=tuple(sorted(_behind(client), key=lambda day: (day.day, day.resource, day.policy), reverse=True)),
    )


def upgrade(client: Elasticsearch, *, dry_run: bool) -> Iterator[Step]:
    """Bring every index up, newest first; see DocumentStore.upgrade."""
    for day in stored(client).behind:
        # Retention may drop it under our hands.
        with suppress(NotFoundError):
            if dry_run:
                yield Step(day, _plan(client, day))
            else:
                yield from _day(client, day)


def _behind(client: Elasticsearch) -> Iterator[Behind]:
    found = client.indices.get_mapping(index="spider-*", filter_path="*.mappings._meta")
    marks = {name: Mark.of(index["mappings"]["_meta"]) for name, index in found.items()}
    for resource in RESOURCES:
        for day in reader.days(client, resource):
            mark = marks.get(Part(resource, day.day, day.policy).index, Mark())
            if mark.version < STORE_VERSION:
                lacking = schema.names(resource) - mark.fields if mark.version else None
                yield Behind(resource, day.day, day.policy, day.documents, lacking)


def _plan(client: Elasticsearch, day: Behind) -> str:
    kept = _own_mappings(client, day)
    look = "index each document again" if _is_to_fill(day) else "note that nothing is missing"
    return look + (f"; the mapping of {', '.join(kept)} stays as it is" if kept else "")


def _is_to_fill(day: Behind) -> bool:
    """Blobs have the fields of the first version."""
    return day.resource not in BLOB_RESOURCES and (day.fields is None or bool(day.fields))


def _day(client: Elasticsearch, day: Behind) -> Iterator[Step]:
    name = Part(day.resource, day.day, day.policy).index
    templates.extend_index(client, name, schema.mapping(day.resource)["properties"])
    step = Step(day, "documents")
    if _is_to_fill(day):
        for step in _fill(client, day, name):
            yield step
    kept = _own_mappings(client, day)
    client.indices.put_mapping(index=name, meta=Mark(STORE_VERSION, schema.names(day.resource)).kept())
    yield replace(step, doing="done" + (f"; the mapping of {', '.join(kept)} stays as it was" if kept else ""))


def _fill(client: Elasticsearch, day: Behind, name: str) -> Iterator[Step]:
    """Write every document of an index again, from where the last run was stopped."""
    client.indices.refresh(index=name)  # what was written just now, still by the old mapping
    mark = Mark.of(_mappings(client, name).get("_meta"))
    at, step = mark.start, Step(day, "documents")
    while hits := _batch(client, name, at):
        lines = []
        for hit in hits:
            place = {"_index": name, "_id": hit["_id"], "version": hit["_version"], "version_type": "external_gte"}
            lines += [orjson.dumps({"index": place}), orjson.dumps(hit["_source"])]
        result = writer.write(client, b"\n".join([*lines, b""]))
        at = hits[-1]["sort"][0]
        client.indices.put_mapping(index=name, meta=mark.moved(at).kept())
        step = replace(
            step,
            looked=step.looked + len(hits),
            changed=step.changed + result.stored,
            unfit=step.unfit + len(result.failed),
        )
        yield step


def _batch(client: Elasticsearch, name: str, at: str) -> list[dict[str, Any]]:
    answer = client.search(
        index=name,
        sort=[{"id": "asc"}],
        search_after=[at] if at else None,
        size=BATCH,
        version=True,
        track_total_hits=False,
        allow_partial_search_results=False,
    )
    return list(answer["hits"]["hits"])


def _mappings(client: Elasticsearch, name: str) -> dict[str, Any]:
    return dict(client.indices.get_mapping(index=name)[name]["mappings"])


def _own_mappings(client: Elasticsearch, day: Behind) -> list[str]:
    """Fields that the index maps in another way than the template does now."""
    name = Part(day.resource, day.day, day.policy).index
    present = dict(_flat(_mappings(client, name).get("properties", {})))
    wanted = dict(_flat(schema.mapping(day.resource)["properties"]))
    return sorted(field for field, mapping in wanted.items() if present.get(field, mapping) != mapping)


def _flat(properties: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in properties.items():
        if "properties" in field:
            yield from _flat(field["properties"], f"{above}{name}.")
        else:
            yield above + name, field
