"""The trust file and what its table allows."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from passports.errors import BadTrustFile
from passports.tokens import SigningKey
from passports.trust import Assertion, Broker, TrustTable, VisaIssuer, load
from passports.values import TableMap
from schemas.passport import VisaType
from tests.support.broker import BROKER, NODE, Federation

GOOD = """
brokers:
  - issuer: https://broker.example
    jwks_url: https://broker.example/jwks
    algorithms: [ES256]
visa_issuers:
  - issuer: https://node.example
    jku: https://node.example/.well-known/jwks.json
    subject_namespace: https://broker.example
    may_assert:
      - type: ControlledAccessGrants
        sources: [https://node.example]
        values: ["https://node.example/datasets/*"]
        by: [dac]
"""


def _load(folder: Path, content: str) -> TrustTable:
    path = folder / "trust.yaml"
    path.write_text(content, encoding="utf-8")
    return load(path)


def test_a_file_is_read_into_a_table(tmp_path: Path) -> None:
    table = _load(tmp_path, GOOD)
    broker = table.broker(BROKER)
    assert broker is not None
    assert broker.algorithms == ("ES256",)
    issuer = table.visa_issuer(NODE, f"{NODE}/.well-known/jwks.json")
    assert issuer is not None
    assert issuer.subject_namespace == BROKER


def test_an_empty_file_is_a_table_that_trusts_nobody(tmp_path: Path) -> None:
    assert _load(tmp_path, "").key_urls == frozenset()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ES256", "HS256"),
        ("[ES256]", "[]"),
        ("jwks_url", "jwks"),
        ("https://broker.example/jwks", "http://broker.example/jwks"),
        ("https://broker.example/jwks", "file:///etc/passwd"),
        ("https://broker.example/jwks", "https://user@broker.example/jwks"),
        ("subject_namespace: https://broker", "subject_namespace: https://other"),
        ("ControlledAccessGrants", "Everything"),
        ("sources: [https://node.example]", "sources: []"),
        ('"https://node.example/datasets/*"', '"*"'),
        ("by: [dac]", "by: [anyone]"),
        ("brokers:", "brokers: [\n"),
        ("brokers:", "- brokers:"),
    ],
)
def test_a_file_that_does_not_say_what_it_must_is_refused_by_name(
    tmp_path: Path, old: str, new: str
) -> None:
    assert old in GOOD
    with pytest.raises(BadTrustFile):
        _load(tmp_path, GOOD.replace(old, new, 1))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTrustFile, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_a_file_beyond_the_cap_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passports.trust.MAX_TRUST_FILE_BYTES", 10)
    with pytest.raises(BadTrustFile, match="larger"):
        _load(tmp_path, GOOD)


def test_a_list_of_revoked_tokens_that_cannot_be_read_is_refused_at_the_start(
    tmp_path: Path,
) -> None:
    with pytest.raises(BadTrustFile, match=r"revoked\.txt"):
        _load(tmp_path, GOOD + "revoked: revoked.txt\n")
    (tmp_path / "revoked.txt").write_text("jti https://node.example x y\n", encoding="utf-8")
    assert _load(tmp_path, GOOD + "revoked: revoked.txt\n").revoked == tmp_path / "revoked.txt"


GRANTS = Assertion(type=VisaType.CONTROLLED_ACCESS, sources=(NODE,), values=(NODE,))


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"may_assert": (GRANTS, GRANTS)}, "listed twice"),
        ({"jku": "http://node.example/jwks"}, "https"),
        ({"keys": ({"kty": "oct", "k": "AA", "kid": "x"},)}, "public RSA key"),
        ({"jku": f"{BROKER}/jwks", "keys": (SigningKey.generate().public_jwk(),)}, "two entries"),
        (
            {"may_assert": (GRANTS.model_copy(update={
                "type": VisaType.LINKED_IDENTITIES,
                "value_map": TableMap(mode="table", table={"a": "b"})}),)},
            "not mapped",
        ),
    ],
)  # fmt: skip
def test_an_issuer_that_contradicts_itself_or_another_is_refused(
    update: dict[str, object], said: str
) -> None:
    issuer = VisaIssuer(issuer=NODE, jku=f"{NODE}/jwks", may_assert=(GRANTS,))
    brokers = [Broker(issuer=BROKER, jwks_url=f"{BROKER}/jwks")]
    with pytest.raises(BadTrustFile, match=said):
        TrustTable(brokers=brokers, visa_issuers=[issuer.model_copy(update=update)])


def test_userinfo_is_asked_over_https_only() -> None:
    broker = Broker(issuer=BROKER, jwks_url=f"{BROKER}/jwks", userinfo_url="http://broker.example")
    with pytest.raises(BadTrustFile, match="https"):
        TrustTable(brokers=[broker], visa_issuers=[])


def test_a_broker_listed_twice_is_refused() -> None:
    broker = Broker(issuer=BROKER, jwks_url=f"{BROKER}/jwks")
    with pytest.raises(BadTrustFile):
        TrustTable(brokers=(broker, broker), visa_issuers=())


def test_an_issuer_that_may_say_nothing_is_no_issuer() -> None:
    with pytest.raises(ValidationError):
        VisaIssuer(issuer=NODE, jku=f"{NODE}/jwks", may_assert=())


def test_the_version_changes_with_the_content() -> None:
    federation = Federation()
    before = federation.trust().version
    federation.visa_issuers.pop()
    assert federation.trust().version != before


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("https://node.example/datasets/heart", True),
        ("https://node.example/datasets/", False),
        ("https://node.example/datasets", False),
        ("https://node.example/datasets/../admin", False),
        ("https://node.example/datasets//heart", False),
        ("https://node.example/datasets/heart?x=1", False),
        ("https://node.example/datasets/heart#x", False),
        ("https://node.example/datasets/%2e%2e/x", False),
        ("https://node.example.evil/datasets/heart", False),
        ("HTTPS://node.example/datasets/heart", False),
    ],
)
def test_a_value_must_lie_inside_the_issuers_namespace(value: str, allowed: bool) -> None:
    assertion = Assertion(
        type=VisaType.CONTROLLED_ACCESS, sources=(NODE,), values=(f"{NODE}/datasets/*",)
    )
    assert assertion.allows_value(value) is allowed
