"""The profile `rare-disease` of a policy file: for bona fide researchers, or it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from access.errors import PolicyInvalid
from access.policies.file import load_policies
from access.policies.policy import Granularity, Level, Profile

URL = "https://node.example"


def written(folder: Path, *, file: Mapping[str, object] | None = None, **entry: object) -> Path:
    given = {"id": "rare", "level": "registered", "profile": "rare-disease", **entry}
    path = folder / "policies.yaml"
    path.write_text(yaml.safe_dump({"version": "1", "datasets": [given], **(file or {})}))
    return path


def test_it_answers_registered_callers_with_presence(tmp_path: Path) -> None:
    policy = load_policies(written(tmp_path), public_url=URL).policy("rare")
    assert policy is not None
    assert policy.profile is Profile.RARE_DISEASE
    assert policy.registered_rule == "bona_fide"
    assert policy.ceilings[Level.PUBLIC] is None
    assert policy.ceilings[Level.REGISTERED] is Granularity.BOOLEAN


@pytest.mark.parametrize("entry", [{"level": "public"}, {"registered_rule": "login"}])
def test_it_is_refused_for_anybody_who_merely_signs_in(
    tmp_path: Path, entry: Mapping[str, Any]
) -> None:
    with pytest.raises(PolicyInvalid):
        load_policies(written(tmp_path, **entry), public_url=URL)


def test_a_file_whose_rule_is_login_must_say_otherwise_for_it(tmp_path: Path) -> None:
    login = {"registered_rule": "login"}
    with pytest.raises(PolicyInvalid):
        load_policies(written(tmp_path, file=login), public_url=URL)
    path = written(tmp_path, file=login, registered_rule="bona_fide")
    assert load_policies(path, public_url=URL).policy("rare") is not None
