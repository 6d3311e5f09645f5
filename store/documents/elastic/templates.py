"""Index templates, made from the field table: what a day's index looks like when the first document creates it.

A template carries the store's version and is put where a lower one stands, or none: an older process leaves a newer one
alone. Fields that the table gained are added to the mappings of the indexes there are too, so that documents written
from then on have them; those written before are found by them after `upgrade`.
"""

from contextlib import suppress
from typing import Any

from elasticsearch import Elasticsearch, NotFoundError

from store.documents import schema
from store.documents.names import RESOURCES, alias
from store.documents.version import STORE_LEAST, STORE_VERSION, Mark


def template(resource: str) -> dict[str, Any]:
    """The index template of a resource: settings, mapping and the alias that searches use."""
    mark = Mark(STORE_VERSION, schema.names(resource))
    return {
        "index_patterns": [f"spider-{resource}-*"],
        "priority": 200,
        "template": {
            "settings": {
                "number_of_shards": 1,
                # A copy as soon as there is a second node, none that can never be placed on a single one.
                "auto_expand_replicas": "0-1",
                "refresh_interval": schema.REFRESH_INTERVAL.get(resource, schema.DEFAULT_REFRESH),
                # A text where a number belongs is refused, as PostgreSQL does.
                "mapping.coerce": False,
            },
            "mappings": schema.mapping(resource) | {"_meta": mark.kept()},
            "aliases": {alias(resource): {}},
        },
        "version": STORE_VERSION,
        "_meta": {"least": STORE_LEAST},
    }


def prepare(client: Elasticsearch) -> None:
    """Put the templates that are missing or older, and add their new fields to the indexes that exist."""
    for resource in RESOURCES:
        wanted = template(resource)
        found = installed(client, alias(resource))
        if found is not None and found.get("version", 0) >= wanted["version"]:
            continue
        client.indices.put_index_template(name=alias(resource), **_arguments(wanted))
        for name in client.indices.get(index=f"{alias(resource)}-*", filter_path="*.settings.index.uuid"):
            with suppress(NotFoundError):  # dropped meanwhile
                extend_index(client, name, wanted["template"]["mappings"]["properties"])


def extend_index(client: Elasticsearch, name: str, wanted: dict[str, Any]) -> None:
    """Add new fields to an index. A field that it maps otherwise stays so until it is dropped."""
    present = client.indices.get_mapping(index=name)[name]["mappings"].get("properties", {})
    new = _missing(present, wanted)
    if new:
        client.indices.put_mapping(index=name, properties=new)


def _missing(present: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    new: dict[str, Any] = {}
    for name, field in wanted.items():
        if name not in present:
            new[name] = field
        elif "properties" in field and "properties" in present[name]:
            inner = _missing(present[name]["properties"], field["properties"])
            if inner:
                new[name] = {"properties": inner}
    return new


def installed(client: Elasticsearch, name: str) -> dict[str, Any] | None:
    """The template of this name as the server has it; None where it has none."""
    try:
        found = client.indices.get_index_template(name=name)
    except NotFoundError:
        return None
    templates = found["index_templates"]
    return dict(templates[0]["index_template"]) if templates else None


def _arguments(body: dict[str, Any]) -> dict[str, Any]:
    return {"meta" if name == "_meta" else name: value for name, value in body.items()}
