"""The pages of `docs/` made from tables in the code: `make docs` writes them, a test fails when one is stale."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from apps.monitoring.explanations import ACCOUNTS, SKIPPED, UNDECODABLE, Account
from apps.whisperers.configuration.schema import KINDS, FieldInfo, Kind
from apps.whisperers.configuration.schema import fields as configured
from documents.counters import COUNTERS, EQUATIONS, Equation
from documents.fields import FIELDS, Field
from spider_site.environment import SETTINGS, Setting, type_names
from spider_site.places import BASE
from wire.anomalies import ANOMALIES

NOTE = "<!-- Made by `make docs` from {source}. Change it there. -->\n"


def settings_page() -> str:
    """`docs/settings.md`: every environment variable, by group."""
    parts = [
        "# Settings\n",
        NOTE.format(source="spider_site/environment.py"),
        "Every choice is an environment variable. One marked *secret* may be given as a file instead: add `_FILE` to",
        "its name and say the file's path (`SPIDER_SECRET_KEY_FILE=/run/secrets/key`); a file that cannot be read",
        "stops the program. Yes or no is `1` or `0`; sizes are bytes.\n",
    ]
    for group, settings in groupby(SETTINGS.values(), key=lambda setting: setting.group):
        rows = [[f"`{setting.name}`", _kind(setting), _default(setting), setting.doc] for setting in settings]
        parts += [f"## {group}\n", *_table(["variable", "type", "default", "what it does"], rows), ""]
    return "\n".join(parts)


def fields_page() -> str:
    """`docs/fields.md`: every field of every kind of document."""
    parts = [
        "# Fields\n",
        NOTE.format(source="documents/fields.py"),
        "What a document holds and a query may name. A keyword is compared whole; a text by its words; a field with",
        "keys of its own is named with its key (`req.headers.accept`). Fields marked *content* show what was said.\n",
    ]
    for resource, fields in FIELDS.items():
        parts += [
            f"## {resource}\n",
            *_table(["field", "type", "what it is", "example"], map(_field_row, fields.values())),
            "",
        ]
    return "\n".join(parts)


#: What the pages say of a kind of configuration.
_KINDS: dict[Kind, str] = {
    "capture": "What agents do. They ask for it every few seconds.",
    "parsing": "What workers make of the packets. They see a change within 10 s; what is stored stays as it is.",
}


def configuration_page() -> str:
    """`docs/configuration.md`: every field of the configuration of whisperers."""
    parts = [
        "# Configuration of whisperers\n",
        NOTE.format(source="agent/schema.py and apps/whisperers/configuration/parsing.py"),
        "A field has the value of the whisperer, else of its team, else of the server's defaults, else the default",
        "here. It is set on the whisperer's page, in the admin, or by `PUT /api/v1/whisperers/{id}/config/{kind}/`.",
        "Bounds are of a number, of a text's length, or of a list's entries. Changes can be undone.\n",
    ]
    for kind in KINDS:
        parts += [f"## {kind}\n", _KINDS[kind] + "\n"]
        heads = ["field", "type", "default", "bounds", "what it does", "example"]
        parts += [*_table(heads, map(_configured_row, configured(kind))), ""]
        for field in configured(kind):
            if field.parts:
                parts += [f"`{field.name}`: {field.help}.\n"]
                parts += [*_table(["part", "type", "what it does", "example"], map(_part_row, field.parts)), ""]
    return "\n".join(parts)


def anomalies_page() -> str:
    """`docs/anomalies.md`: the codes of odd traffic."""
    rows = [[f"`{code}`", meaning] for code, meaning in sorted(ANOMALIES.items())]
    parts = [
        "# Anomalies\n",
        NOTE.format(source="wire/anomalies.py"),
        "Odd traffic is recorded and carried on from, never an error. Search it: `parsing.anomalies:encodingCut`.\n",
        *_table(["code", "what it means"], rows),
        "",
    ]
    return "\n".join(parts)


def counters_page() -> str:
    """`docs/counters.md`: the counters of the accounting, their equations, and what helps against losses."""
    parts = [
        "# Counters\n",
        NOTE.format(source="documents/counters.py and apps/monitoring/explanations.py"),
        "Sums by capture and by the minute in which their chunk was accepted; see [accounting](accounting.md).\n",
        *(f"- {_equation(equation)}" for equation in EQUATIONS),
        "",
        *_table(["counter", "what it counts"], ([f"`{name}`", meaning] for name, meaning in COUNTERS.items())),
        "",
        "## What is lost or left out, why, and what helps\n",
        *_table(["account", "why", "what helps"], map(_account_row, (one for one in ACCOUNTS.values() if one.why))),
        "",
        "## Reasons\n",
        *_table(["`payload.skipped.`", "reason"], ([f"`{code}`", name] for code, name in SKIPPED.items())),
        "",
        *_table(["`undecodable.`", "reason"], ([f"`{code}`", name] for code, name in UNDECODABLE.items())),
        "",
    ]
    return "\n".join(parts)


def _equation(equation: Equation) -> str:
    parts = " + ".join(f"`{name}`" for name in equation.parts)
    return f"`{equation.whole}` = {parts}" + (f" + {equation.rest}" if equation.rest else "")


def _account_row(account: Account) -> list[str]:
    field = f" (`{account.field}`)" if account.field else ""
    return [account.title, account.why, account.help + field]


PAGES = {
    "docs/counters.md": counters_page,
    "docs/settings.md": settings_page,
    "docs/fields.md": fields_page,
    "docs/anomalies.md": anomalies_page,
    "docs/configuration.md": configuration_page,
}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        path = BASE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(make(), encoding="utf-8")
        print(name)


def _kind(setting: Setting) -> str:
    return type_names[setting.type] + (", *secret*" if setting.secret else "")


def _default(setting: Setting) -> str:
    if setting.type is bool:
        return "yes" if setting.default else "no"
    shown = ",".join(setting.default) if isinstance(setting.default, list) else str(setting.default)
    return f"`{shown}`" if shown else ""


def _field_row(field: Field) -> list[str]:
    kind = field.type + (", many" if field.many else "") + (", *content*" if field.permission == "content" else "")
    meaning = field.description + (f" ({field.unit})" if field.unit else "")
    return [f"`{field.name}`", kind, meaning, f"`{field.example}`"]


def _configured_row(field: FieldInfo) -> list[str]:
    default = field.default
    if isinstance(default, bool):
        shown = "yes" if default else "no"
    elif isinstance(default, dict):
        shown = "see below"
    elif isinstance(default, list):
        shown = ", ".join(f"`{entry}`" for entry in default)
    else:
        shown = _code(str(default))
    bounds = "" if field.most is None else f"{field.least or 0} to {field.most} {field.unit}".rstrip()
    notes = f" ({field.mode} only)" if field.mode else ""
    return [f"`{field.name}`", _configured_type(field), shown, bounds, _plain(field.help) + notes, _code(field.example)]


def _part_row(part: FieldInfo) -> list[str]:
    return [f"`{part.name}`", _configured_type(part), _plain(part.help), _code(part.example)]


def _plain(text: str) -> str:
    """Text that Markdown does not take for tags."""
    return text.replace("<", "&lt;")


def _configured_type(field: FieldInfo) -> str:
    words = {"int": "number", "str": "text", "bool": "yes or no", "list": "list of texts", "table": "list of objects"}
    chosen = ", ".join(f"`{choice}`" for choice in field.choices)
    return (chosen or words.get(field.type, field.type)) + (", needed" if field.required else "")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(heads: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


if __name__ == "__main__":
    main()
