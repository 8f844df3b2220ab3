"""What an open run rests on beside its grant: the policy it was judged by, and the data it was for.

A poll is signed by a workspace and brings no visas, so a right that hangs on them cannot be weighed
again while a run is on. Where the rules it was weighed by have changed, the run ends instead, and a
new start, which needs no new approval, is weighed by the new ones. So it is with the data: another
version, or a person who withdrew, and what was brought in is not what may be analysed. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum

from access.policies.decision import Action, DatasetPolicy, Level
from schemas.wire import canonical_json


@dataclass(frozen=True, slots=True)
class Footing:
    """`policy` is the digest of the rules, `data` the node's name for the dataset as it stands."""

    policy: str
    data: str

    @classmethod
    def of(cls, policy: DatasetPolicy | None, data: str) -> Footing:
        return cls("" if policy is None else _digest(policy), data)

    def text(self) -> str:
        return f"{self.policy} {self.data}"


def gone(
    policy: DatasetPolicy | None, *, identity: str, workspace: str, then: str, data: str, now: int
) -> tuple[str, ...]:
    """Every reason why the run must end; `then` is the text of the footing it began on."""
    if policy is None:
        return ("dataset_closed",)
    windows = [one for one in policy.windows if Action.TRAIN in one.actions]
    began_on, _, data_then = then.partition(" ")
    speaks = {
        "excluded": identity in policy.excluded_people,
        "outside_window": bool(windows) and not any(one.holds(now) for one in windows),
        "workspace_not_named": bool(policy.workspaces) and workspace not in policy.workspaces,
        "policy_changed": began_on != _digest(policy),
        "data_changed": data_then != data,
    }
    return tuple(code for code, holds in speaks.items() if holds)


def _digest(policy: DatasetPolicy) -> str:
    """Of what decides on training, and is not judged at every poll as it stands."""
    rules = {
        "needs": _plain(policy.needs(Level.CONTROLLED, Action.TRAIN)),
        "excluded": _plain(policy.excluded_visas),
        "consent": _plain(policy.consent),
        "trials": policy.unconfined_trials,
    }
    return hashlib.sha256(canonical_json(rules)).hexdigest()


def _plain(value: object) -> object:
    """The same for equal rules, whatever the order in which a set gives its members."""
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return sorted((str(key), _plain(held)) for key, held in value.items())
    if isinstance(value, frozenset):
        return sorted((_plain(one) for one in value), key=repr)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | None) else str(value)
