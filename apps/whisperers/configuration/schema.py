"""The fields of both kinds of configuration, in one form, for forms, the API and its description."""

import types
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo as ModelField

from agent.schema import CAPTURE_FIELDS
from apps.whisperers.configuration.parsing import Parsing

Kind = Literal["capture", "parsing"]
KINDS: tuple[Kind, ...] = ("capture", "parsing")

_TYPES: dict[Any, str] = {bool: "bool", int: "int", str: "str"}


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field. `type` is "int", "str", "bool", "list" (of str), "object" (one value of `parts`) or "table" (a list of
    such). `least` and `most` bound a number, the length of a text or the entries of a list. `needs` names the facts of
    agents that a check takes, `mode` the only mode of whisperers that has the field."""

    name: str
    type: str
    unit: str
    default: Any
    help: str
    group: str
    advanced: bool
    choices: tuple[str, ...]
    least: int | None
    most: int | None
    example: str
    needs: str = ""
    mode: str = ""
    required: bool = False
    parts: tuple["FieldInfo", ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return asdict(self)


@cache
def fields(kind: Kind) -> tuple[FieldInfo, ...]:
    """The fields of a kind, in the order of the form."""
    return _capture() if kind == "capture" else _of_model(Parsing)


@cache
def field_names(kind: Kind) -> tuple[str, ...]:
    """The names of a kind's fields, in the same order."""
    return tuple(field.name for field in fields(kind))


def _capture() -> tuple[FieldInfo, ...]:
    return tuple(
        FieldInfo(
            f.name, f.type, f.unit, list(f.default) if isinstance(f.default, tuple) else f.default, f.help, f.group,
            f.advanced, f.choices, f.least, f.most, f.example, f.needs, f.mode,
        )
        for f in CAPTURE_FIELDS
    )  # fmt: skip


def _of_model(model: type[BaseModel]) -> tuple[FieldInfo, ...]:
    return tuple(_of_field(info.alias or name, info) for name, info in model.model_fields.items())


def _of_field(name: str, info: ModelField) -> FieldInfo:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    kind, inner = _type(info.annotation)
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    least, most = _bounds(info)
    return FieldInfo(
        name=name,
        type=kind,
        unit=str(extra.get("unit", "")),
        default=default.model_dump(by_alias=True) if isinstance(default, BaseModel) else default,
        help=info.description or "",
        group=str(extra.get("group", "")),
        advanced=bool(extra.get("advanced")),
        choices=(),
        least=least,
        most=most,
        example=str(info.examples[0]) if info.examples else "",
        required=info.is_required(),
        parts=_of_model(inner) if inner is not None else (),
    )


def _type(annotation: Any) -> tuple[str, type[BaseModel] | None]:
    """The word for an annotation, and the model inside it."""
    if get_origin(annotation) is types.UnionType or type(None) in get_args(annotation):
        return _type(next(part for part in get_args(annotation) if part is not type(None)))
    if hasattr(annotation, "__metadata__"):
        return _type(get_args(annotation)[0])
    if get_origin(annotation) is list:
        _, inner = _type(get_args(annotation)[0])
        return ("table", inner) if inner is not None else ("list", None)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "object", annotation
    return _TYPES[annotation], None


def _bounds(info: ModelField) -> tuple[int | None, int | None]:
    least = most = None
    for bound in info.metadata:
        if isinstance(bound, (Ge, MinLen)):
            least = bound.ge if isinstance(bound, Ge) else bound.min_length
        elif isinstance(bound, (Le, MaxLen)):
            most = bound.le if isinstance(bound, Le) else bound.max_length
    return least, most  # type: ignore[return-value]
