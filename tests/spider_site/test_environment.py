"""The table of environment variables: types, defaults, secrets from files, and that nothing reads around it."""

import re

import pytest

from spider_site.environment import SETTINGS, SettingError, env
from spider_site.places import BASE


def test_absent_and_empty_give_the_default():
    assert env("SPIDER_PORT", {}) == 8000
    assert env("SPIDER_PORT", {"SPIDER_PORT": ""}) == 8000


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("SPIDER_PORT", "81", 81),
        ("SPIDER_DEBUG", "Yes", True),
        ("SPIDER_DEBUG", "off", False),
        ("SPIDER_ALLOWED_HOSTS", "a, b,", ["a", "b"]),
        ("SPIDER_GAP_SECONDS", "0.5", 0.5),
    ],
)
def test_values_are_typed(name, given, value):
    assert env(name, {name: given}) == value


@pytest.mark.parametrize(("name", "given"), [("SPIDER_PORT", "many"), ("SPIDER_DEBUG", "perhaps")])
def test_a_value_of_another_type_is_refused_by_name(name, given):
    with pytest.raises(SettingError, match=f"{name}.*{given}"):
        env(name, {name: given})


def test_a_secret_comes_from_its_file(tmp_path):
    (tmp_path / "key").write_text("from the file\n")
    assert env("SPIDER_SECRET_KEY", {"SPIDER_SECRET_KEY_FILE": str(tmp_path / "key")}) == "from the file"


def test_a_secret_file_that_is_missing_stops(tmp_path):
    with pytest.raises(SettingError, match="SPIDER_SECRET_KEY_FILE"):
        env("SPIDER_SECRET_KEY", {"SPIDER_SECRET_KEY_FILE": str(tmp_path / "none")})


def test_an_undeclared_variable_is_refused():
    with pytest.raises(KeyError):
        env("SPIDER_UNHEARD_OF", {"SPIDER_UNHEARD_OF": "1"})


def test_every_setting_is_documented():
    for setting in SETTINGS.values():
        assert setting.doc.endswith("."), setting.name
        assert isinstance(setting.default, setting.type), setting.name


def test_no_file_names_an_undeclared_variable():
    known = set(SETTINGS) | {f"{name}_FILE" for name, setting in SETTINGS.items() if setting.secret}
    made_up = {"SPIDER_UNHEARD_OF", "SPIDER_TOKEN"}  # the token is the agent's, which stands alone
    files = [BASE / "Makefile", BASE / "Dockerfile", BASE / "docker-compose.yml", BASE / "README.md"]
    for folder in ("agent", "apps", "deploy", "docs", "documents", "spider_site", "store", "tasks", "tests", "wire"):
        files += [
            path for path in (BASE / folder).rglob("*") if path.suffix in {".py", ".md", ".yml", ".conf", ".html"}
        ]
    for path in files:
        named = set(re.findall(r"\bSPIDER_[A-Z0-9_]*[A-Z0-9]\b", path.read_text()))
        assert named - known - made_up == set(), path
