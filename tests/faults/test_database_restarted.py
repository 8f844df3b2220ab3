"""Fault: PostgreSQL is restarted under a node. While it is away nothing is answered that must be
accounted for; from its first moment back everything is, and nothing needs a restart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from access.errors import StoreUnavailable
from access.store import Store
from gateway import home
from gateway.home import NodeHome
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from tests.support import postgres
from tests.support.command import skerry
from tests.support.node_folder import SETTINGS, URL
from tests.support.postgres import PostgreSQL
from tests.support.sources import write_records
from tests.support.whole_node import serving

pytestmark = pytest.mark.anyio

POLICY = """
version: one
datasets:
- {id: isle, level: registered, profile: default, registered_rule: login,
   committee: [dora@https://signin.example]}
- {id: open, level: public, profile: open, ceilings: {public: count},
   committee: [dora@https://signin.example]}
"""
FEMALE, MALE = "NCIT:C16576", "NCIT:C20197"
BROKER = "https://broker.example"
KEY = SigningKey.generate()


def token() -> str:
    """Somebody's who is signed in and holds no visa."""
    now = int(time.time())
    claims = {"iss": BROKER, "sub": "rosa", "aud": URL, "iat": now, "exp": now + 600, "jti": "one"}
    return sign(claims | {"ga4gh_passport_v1": []}, key=KEY, typ=PASSPORT_TYP)


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """One of its own, since it is stopped."""
    with postgres.running() as own:
        yield own


@pytest.fixture
def node(server: PostgreSQL, tmp_path: Path) -> NodeHome:
    settings = SETTINGS.model_copy(update={"control_database": server.new_database()})
    made = home.create(tmp_path / "node", settings)
    made.policies.write_text(POLICY, encoding="utf-8")
    broker = {"issuer": BROKER, "jwks_url": f"{BROKER}/jwks", "keys": [KEY.public_jwk()]}
    made.trust.write_text(json.dumps({"brokers": [broker]}), encoding="utf-8")
    terms = ({"id": FEMALE, "label": "female"}, {"id": MALE, "label": "male"})
    people = [{"id": f"P{number}", "sex": terms[number % 2]} for number in range(1_000)]
    file = write_records(tmp_path / "individuals.json", people)
    for dataset in ("isle", "open"):
        ran = skerry("load", made.root, "--dataset", dataset, "--individuals", file)
        assert ran.code == 0, ran.err
    return made


async def test_a_node_answers_again_from_the_first_question_after_a_restart(
    server: PostgreSQL, node: NodeHome
) -> None:
    async with serving(node, headers={"Authorization": f"Bearer {token()}"}) as http:

        async def ask(dataset: str, term: str) -> int:
            asked = {"requestedGranularity": "boolean", "filters": term}
            return (
                await http.get(f"/beacon/datasets/{dataset}/individuals", params=asked)
            ).status_code

        assert [await ask("open", FEMALE), await ask("isle", FEMALE)] == [200, 200]
        server.stop()
        # What is answered from what was drawn before needs no account, nor does an open dataset.
        assert [await ask("open", MALE), await ask("isle", MALE)] == [200, 503]
        server.start()
        assert [await ask("isle", MALE), await ask("isle", FEMALE)] == [200, 200]
        server.stop()
        server.start()  # nobody asked meanwhile
        assert await ask("isle", f"-{MALE}") == 200


def _looked(store: Store) -> None:
    with store.looking() as connection:
        connection.exec_driver_sql("SELECT 1")


def _noted(store: Store) -> None:
    with store.noting() as connection:
        connection.exec_driver_sql("SELECT 1")


def _charged(store: Store) -> None:
    with store.charging() as charging:
        charging.run("SELECT 1")


WAYS: tuple[Callable[[Store], object], ...] = (
    lambda store: store.find("SELECT request_id FROM access_request"),
    lambda store: store.requests_of("nobody"),
    _looked,
    _noted,
    _charged,
)


def test_every_way_to_the_database_is_found_again_at_the_first_try(server: PostgreSQL) -> None:
    store = Store(server.new_database())
    for way in WAYS:
        way(store)
    for _ in range(2):
        server.stop()
        for way in WAYS:
            with pytest.raises(StoreUnavailable):
                way(store)
        server.start()
        for way in WAYS:
            way(store)
    server.stop()
    server.start()  # nobody asked meanwhile: what is held open is cut all the same
    for way in WAYS:
        way(store)
    store.close()
