"""Index templates, made from the field table: what a day's index looks like when the first document creates it.

A template carries a version and a digest of its content, and is put when either is newer; an older process leaves a
newer one alone. Fields that the table gained are added to the newest indexes' mappings too, so a new release need not
wait for midnight.
"""

from hashlib import blake2b
from typing import Any

import orjson
from elasticsearch import Elasticsearch, NotFoundError

from store.documents import schema
from store.documents.names import RESOURCES, alias


def template(resource: str) -> dict[str, Any]:
    """The index template of a resource: settings, mapping and the alias that searches use."""
    body: dict[str, Any] = {
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
            "mappings": schema.mapping(resource),
            "aliases": {alias(resource): {}},
        },
    }
    digest = blake2b(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()
    return body | {"version": schema.TEMPLATE_VERSION, "_meta": {"digest": digest}}


def prepare(client: Elasticsearch) -> None:
    """Put the templates that are missing or older, and add their new fields to the indexes that exist."""
    for resource in RESOURCES:
        wanted = template(resource)
        installed = _installed(client, alias(resource))
        if installed is not None and not _is_older(installed, wanted):
            continue
        client.indices.put_index_template(name=alias(resource), **_arguments(wanted))
        _extend_indexes(client, resource, wanted["template"]["mappings"]["properties"])


def _extend_indexes(client: Elasticsearch, resource: str, wanted: dict[str, Any]) -> None:
    """Add new fields to the indexes there are. A field that one maps otherwise stays so until it is dropped."""
    for name, index in client.indices.get_mapping(index=f"{alias(resource)}-*").items():
        new = _missing(index["mappings"].get("properties", {}), wanted)
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


def _installed(client: Elasticsearch, name: str) -> dict[str, Any] | None:
    try:
        found = client.indices.get_index_template(name=name)
    except NotFoundError:
        return None
    templates = found["index_templates"]
    return dict(templates[0]["index_template"]) if templates else None


def _is_older(installed: dict[str, Any], wanted: dict[str, Any]) -> bool:
    version = installed.get("version", 0)
    if version != wanted["version"]:
        return bool(version < wanted["version"])
    return bool(installed.get("_meta") != wanted["_meta"])


def _arguments(body: dict[str, Any]) -> dict[str, Any]:
    return {"meta" if name == "_meta" else name: value for name, value in body.items()}
