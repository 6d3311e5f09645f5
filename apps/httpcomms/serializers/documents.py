"""The shapes of the API's answers, for its description. Documents are sent as stored: their schema is made from the
field table, so that it cannot differ from what is searched."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from documents.fields import FIELDS, Field

_KINDS: dict[str, Any] = {
    "long": serializers.IntegerField,
    "integer": serializers.IntegerField,
    "short": serializers.IntegerField,
    "double": serializers.FloatField,
    "boolean": serializers.BooleanField,
    "date": serializers.DateTimeField,
}


def _leaf(field: Field) -> serializers.Field:
    words = field.description + (f" In {field.unit}." if field.unit else "")
    if field.type == "flattened":
        values = serializers.ListField(child=serializers.CharField())
        return serializers.DictField(child=values, required=False, help_text=words)
    kind = _KINDS.get(field.type, serializers.CharField)
    if field.many:
        return serializers.ListField(child=kind(), required=False, help_text=words)
    return kind(required=field.name in ("id", "version", "date"), allow_null=True, help_text=words)


def _tree(table: Mapping[str, Field]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for field in table.values():
        node = tree
        for key in field.path[:-1]:
            node = node.setdefault(key, {})
        node[field.path[-1]] = field
    return tree


def _serializer(name: str, tree: Mapping[str, Any], words: str = "") -> type[serializers.Serializer]:
    members: dict[str, Any] = {"__doc__": words or None}
    for key, value in tree.items():
        if isinstance(value, Field):
            members[key] = _leaf(value)
        else:
            members[key] = _serializer(name + key[:1].upper() + key[1:], value)(required=False)
    return type(f"{name}Serializer", (serializers.Serializer,), members)


CommunicationSerializer = _serializer(
    "Communication", _tree(FIELDS["httpcomms"]), "An HTTP request with its response, or what there is of them."
)
TcpSessionSerializer = _serializer("TcpSession", _tree(FIELDS["tcpsessions"]), "A TCP connection.")
