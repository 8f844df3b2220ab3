from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import config
from gateway.errors import ConfigError
from tests.support.node_folder import SETTINGS

TEXT = config.dump(SETTINGS)


def refused(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "node.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert str(path) in caught.value.public
    return caught.value.public


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"node\.toml: no such file; `skerry init DIR`"):
        config.load(tmp_path / "node.toml")


def test_an_unknown_key_refuses(tmp_path: Path) -> None:
    assert "prot: Extra inputs" in refused(tmp_path, "prot = 8081\n" + TEXT)


def test_an_unknown_key_of_a_section_is_named_with_it(tmp_path: Path) -> None:
    assert "signin.client_secret" in refused(tmp_path, TEXT + 'client_secret = "s3cret"\n')


@pytest.mark.parametrize(
    ("was", "becomes", "key"),
    [
        ("port = 8081", "port = 0", "port"),
        ("port = 8081", 'port = "many"', "port"),
        ('environment = "dev"', 'environment = "moon"', "environment"),
        ('id = "org.example.one"', 'id = "One"', "id"),
        ("http://127.0.0.1:8081", "http://node.example", "public_url"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081/", "public_url"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:80@evil.example", "public_url"),
        ("https://signin.example", "http://signin.example", "signin.issuer"),
    ],
)
def test_a_bad_value_is_refused_naming_its_key_and_the_documentation(
    tmp_path: Path, was: str, becomes: str, key: str
) -> None:
    said = refused(tmp_path, TEXT.replace(was, becomes))
    assert f": {key}: " in said
    assert "docs/settings.md" in said


def test_a_refused_value_is_not_repeated(tmp_path: Path) -> None:
    assert "s3cret" not in refused(tmp_path, TEXT + 'client_secret = "s3cret"\n')


@pytest.mark.parametrize("text", ["port = ", b"name = '\xff'"])
def test_what_is_not_toml_is_refused_in_one_line(tmp_path: Path, text: str | bytes) -> None:
    assert "cannot be read as TOML" in refused(tmp_path, text)


def test_a_file_beyond_the_cap_is_not_read(tmp_path: Path) -> None:
    assert "larger than 65536 bytes" in refused(tmp_path, "#" * 65537)


PRINTABLE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)


@given(name=PRINTABLE, admins=st.lists(PRINTABLE, max_size=3).map(tuple))
def test_settings_written_are_the_settings_read(name: str, admins: tuple[str, ...]) -> None:
    settings = SETTINGS.model_copy(update={"name": name, "admins": admins})
    read = config.NodeSettings.model_validate(tomllib.loads(config.dump(settings)))
    assert read == settings


NOTICES = """
[notices]
smtp = "smtps://mail.example.org:465"
mail_from = "node@example.org"
mail_to = {"*" = ["dac@example.org"], "rosa@https://login.example" = ["rosa@example.org"]}
webhooks = ["https://hooks.example.org/skerry"]
"""


def test_notices_are_read_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(TEXT + NOTICES)
    settings = config.load(path)
    assert settings.notices.mail_to["*"] == ("dac@example.org",)
    path.write_text(config.dump(settings))
    assert config.load(path) == settings


@pytest.mark.parametrize(
    ("was", "becomes", "key"),
    [
        ("https://hooks.example.org/skerry", "http://169.254.169.254/latest", "notices.webhooks.0"),
        ("https://hooks.example.org/skerry", "https://me@hooks.example.org", "notices.webhooks.0"),
        ("smtps://mail.example.org:465", "smtps://me:secret@mail.example.org:465", "notices.smtp"),
        ("smtps://mail.example.org:465", "mail.example.org", "notices.smtp"),
        ('smtp = "smtps://mail.example.org:465"\n', "", "notices"),
        ('mail_from = "node@example.org"\n', "", "notices"),
        ('["dac@example.org"]', '["dac@example.org, all@example.org"]', "notices.mail_to.*.0"),
        ('["dac@example.org"]', '["dac@example.org\\nBcc: x@y.z"]', "notices.mail_to.*.0"),
    ],
)
def test_a_notice_goes_nowhere_but_to_a_plain_address(
    tmp_path: Path, was: str, becomes: str, key: str
) -> None:
    assert was in NOTICES
    assert f": {key}: " in refused(tmp_path, TEXT + NOTICES.replace(was, becomes))
