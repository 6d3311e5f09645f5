"""The number of what is stored changes with what is stored."""

from hashlib import blake2b

import orjson

from store.documents import version
from store.documents.elastic import templates
from store.documents.names import RESOURCES
from store.documents.postgres import tables


def digest() -> str:
    """Of every column, index and template; the number itself is not part of it."""
    found = {}
    for resource in RESOURCES:
        template = templates.template(resource)
        template = template | {"version": 0, "_meta": {}}
        template["template"]["mappings"]["_meta"]["version"] = 0
        indexes = tables.INDEXES.get(resource, tables.DEFAULT_INDEXES)
        found[resource] = [tables.column_types(resource), indexes, template]
    return blake2b(orjson.dumps(found, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def test_a_change_of_fields_columns_indexes_or_templates_raises_the_version() -> None:
    assert digest() == version.DIGEST, (
        f"What is stored has changed: raise STORE_VERSION from {version.STORE_VERSION} in store/documents/version.py,"
        f' and set DIGEST = "{digest()}" there. Stored days are brought up by `manage.py upgrade_store`.'
    )


def test_a_mark_says_where_a_run_to_this_version_goes_on() -> None:
    mark = version.Mark(3, frozenset({"id"})).moved("x")
    assert version.Mark.of(mark.kept()) == mark
    assert mark.start == "x"
    assert version.Mark(at="x", towards=version.STORE_VERSION - 1).start == ""
    assert version.Mark.of(None) == version.Mark()
