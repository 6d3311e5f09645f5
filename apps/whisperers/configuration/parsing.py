"""The parsing configuration: what workers make of the packets. The model says the types, defaults and help of its
fields; what their values mean, and which are wrong, `documents.rules` says, which compiles them."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from documents.rules import DEFAULTS
from documents.rules.compiled import BODY_LIMIT


def _storable(text: str) -> str:
    """PostgreSQL has no U+0000 in its JSON."""
    if "\0" in text:
        raise PydanticCustomError("zero_character", "It holds a zero character")
    return text


Text = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_storable)]


#: As long as the column.
POLICY_LENGTH = 31


class Part(BaseModel):
    """What all models here have in common: exact types, no unknown names."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Template(Part):
    """A name for requests that are alike: every pattern given must be found in the request."""

    name: Text = Field(
        description=r"what such requests are called; \1 or \g<x> puts in what a group of the patterns took",
        examples=[r"\1 an order"],
    )
    method: Text | None = Field(None, description="pattern for the method", examples=["^(GET|PUT)$"])
    host: Text | None = Field(None, description="pattern for the host", examples=[r"^shop\."])
    path: Text | None = Field(None, description="pattern for the path", examples=[r"^/orders/\d+$"])
    query: Text | None = Field(None, description="pattern for the query", examples=["(^|&)page="])
    header: Text | None = Field(
        None, description="pattern for a line of the header, the name in lower case", examples=["^soapaction: "]
    )
    body: Text | None = Field(None, description="pattern for the beginning of the body", examples=['"type": ?"order"'])


class Tag(Part):
    """A named value taken out of a communication."""

    name: Text = Field(description="what the value is called; it is searched as stats.tags.<name>", examples=["order"])
    where: Text = Field(
        description="where it is: req.path, req.host, req.query, req.query:<name>, req.header:<name>, req.body,"
        " res.header:<name>, res.location or res.body",
        examples=["res.body"],
    )
    regex: Text | None = Field(
        None, description="pattern: its first group, or all of it; else the whole value", examples=[r"order=(\w+)"]
    )
    json_path: Text | None = Field(
        None, alias="json", description="path of the value in a JSON body", examples=["$.order.id"]
    )


class MaskingRules(Part):
    """Names whose values are replaced by a keyed hash."""

    headers: list[Text] = Field(
        default_factory=DEFAULTS["masking"]["headers"].copy,
        description="header fields, besides Authorization and cookies",
        examples=["x-api-key"],
    )
    query_keys: list[Text] = Field(
        default_factory=DEFAULTS["masking"]["query_keys"].copy,
        description="names in queries and fragments of addresses",
        examples=["password"],
    )
    body_keys: list[Text] = Field(
        default_factory=list, description="names in JSON, form and multipart bodies", examples=["iban"]
    )


_KEPT, _NAMES, _WHO, _SECRETS = "What is kept", "Templates and tags", "Clients and correlation", "Secrets"


def _setting(name: str, help: str, group: str, example: str = "", *, unit: str = "", advanced: bool = False,
             **bounds: int) -> Any:  # fmt: skip
    """A field with its default, and what a form shows of it."""
    default = DEFAULTS[name]
    given = {"default_factory": default.copy} if isinstance(default, list) else {"default": default}
    extra = {"group": group, "unit": unit, "advanced": advanced}
    return Field(**given, **bounds, description=help, examples=[example], json_schema_extra=extra)


class Parsing(Part):
    """Every field has a default, so any subset of the values is a model."""

    save_packets: bool = _setting("save_packets", "keep the packets, for downloads and second tries", _KEPT)
    save_bodies: bool = _setting("save_bodies", "keep bodies; without it their size and digest are kept", _KEPT)
    content_types: list[Text] = _setting(
        "content_types", "keep only bodies of these content types; empty: of all", _KEPT, "application/json"
    )
    body_limit: int = _setting(
        "body_limit", "most bytes kept of one body; 0, or more than the server's own limit: that one", _KEPT, "1048576",
        unit="bytes", advanced=True, ge=0, le=BODY_LIMIT,
    )  # fmt: skip
    policy: str = _setting(
        "policy", "storage policy: how long new data is kept", _KEPT, "default", advanced=True, max_length=POLICY_LENGTH
    )
    templates: list[Template] = _setting(
        "templates", "names for kinds of requests; the first that fits is taken", _NAMES
    )
    tags: list[Tag] = _setting("tags", "named values taken out of communications", _NAMES)
    correlation_headers: list[Text] = _setting(
        "correlation_headers", "header fields whose values link communications, in this order", _WHO, "x-request-id"
    )
    identification: list[Text] = _setting(
        "identification",
        "where a client's name is read: basic, jwt:<claim>, header:<name>, certificate:<header>; the first that has one"
        " counts",
        _WHO, "jwt:sub",
    )  # fmt: skip
    origin_headers: list[Text] = _setting(
        "origin_headers", "header fields in which proxies name the client's address, in this order", _WHO, "x-real-ip",
        advanced=True,
    )  # fmt: skip
    trusted_proxies: list[Text] = _setting(
        "trusted_proxies", "networks of proxies that are believed; empty: every sender is", _WHO, "10.0.0.0/8",
        advanced=True,
    )  # fmt: skip
    masking: MaskingRules = Field(
        default_factory=MaskingRules,
        description="values that nobody may read: they are replaced by a hash before anything is stored",
        json_schema_extra={"group": _SECRETS},
    )


def complete(values: dict[str, Any]) -> dict[str, Any]:
    """Values that were checked, with the default of every field that is not among them."""
    return Parsing.model_validate(values).model_dump(by_alias=True)


def normalised(values: dict[str, Any]) -> dict[str, Any]:
    """Checked values in the form in which they are kept: only the fields that are among them, each whole."""
    return {name: value for name, value in complete(values).items() if name in values}
