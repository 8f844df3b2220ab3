"""What is to run with a request, on a form without scripts: from its fields to terms, and back.

Pure. A form that names no application asks for no run. What the form does not ask (log fields, the
finer floors) stays as it was stated before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from schemas.errors import InvalidInput
from schemas.messages import Message, following
from schemas.runs import PrivacyBudget, RunTerms

OUTPUTS = {
    "table": Message("Tables of counts"),
    "gwas-summary": Message("GWAS summaries"),
    "aggregate-model": Message("Models"),
    "plot": Message("Plots of released outputs"),
    "log": Message("Logs of allowed fields"),
    "other": Message("Anything else, by two people"),
    "portal": Message("Plots and top tables in the portal"),
}
_NO_SANDBOX = Message("may be left out, as a trial: nothing confines the program then")
_LISTS = ("applications", "configurations", "roster")
_WHOLES = ("least_sites", "releases")
_WORDS = re.compile(r"[,;\n]+")
_FLOORS = ("cell", "gwas_people", "gwas_sites", "minor_count")
_SCALED = {"seconds": ("hours", 3600), "data_bytes": ("data_mib", 1 << 20),
           "release_bytes": ("release_mib", 1 << 20)}  # fmt: skip
_BUDGET = ("epsilon", "per_table", "delta")
_SEPARATORS = re.compile(r"[\s,;]+")
_MAX_DIGITS = 12

Fields = Mapping[str, Sequence[str]]


def run_terms(fields: Fields, *, before: RunTerms | None = None) -> RunTerms | None:
    """Raises InvalidInput naming the field; None where no run is asked for."""
    lists = {name: _many(fields, name) for name in _LISTS}
    if not lists["applications"]:
        return None
    stated: dict[str, Any] = {} if before is None else before.model_dump(exclude_defaults=True)
    stated |= lists | {"environment": _one(fields, "environment").lower()}
    stated["outputs"] = [one for one in fields.get("run_outputs", ()) if one in OUTPUTS]
    stated |= {name: _number(fields, name) for name in _WHOLES if _one(fields, name)}
    for name, (field, scale) in _SCALED.items():
        if _one(fields, field):
            stated[name] = int(_number(fields, field) * scale)
    floors = {name: _number(fields, name) for name in _FLOORS if _one(fields, name)}
    labels = [one.strip() for one in _WORDS.split(_one(fields, "labels")) if one.strip()]
    stated["floors"] = {**stated.get("floors", {}), **floors, "labels": labels}
    budget = {name: _number(fields, name) for name in _BUDGET if _one(fields, name)}
    stated["privacy"] = budget or None
    stated["released_at"] = [one for one in _SEPARATORS.split(_one(fields, "released_at")) if one]
    stated["unconfined"] = bool(_one(fields, "unconfined"))
    try:
        return RunTerms.model_validate(stated)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "together"
        raise InvalidInput(
            Message("What is to run, %(field)s: %(problem)s.", field=where, problem=first["msg"])
        ) from error


def filled(terms: RunTerms | None) -> dict[str, object]:
    """What the form shows again."""
    if terms is None:
        return {}
    shown: dict[str, object] = {f"run_{name}": "\n".join(getattr(terms, name)) for name in _LISTS}
    shown |= {"run_environment": terms.environment, "run_outputs": list(terms.outputs)}
    shown |= {f"run_{name}": str(getattr(terms, name)) for name in _WHOLES}
    shown |= {f"run_{name}": str(getattr(terms.floors, name)) for name in _FLOORS}
    shown["run_released_at"] = "\n".join(terms.released_at)
    shown["run_unconfined"] = "yes" if terms.unconfined else ""
    shown["run_labels"] = ", ".join(terms.floors.labels)
    for name, (field, scale) in _SCALED.items():
        shown[f"run_{field}"] = f"{getattr(terms, name) / scale:g}"
    if terms.privacy is not None:
        shown |= {f"run_{name}": f"{getattr(terms.privacy, name):g}" for name in _BUDGET}
    return shown


def sent_back(fields: Fields) -> dict[str, object]:
    """What a form that was not taken shows again."""
    shown: dict[str, object] = {
        name: values[0] for name, values in fields.items() if name.startswith("run_") and values
    }
    return shown | {"run_outputs": list(fields.get("run_outputs", ()))}


def in_words(terms: RunTerms) -> dict[str, str]:
    """Every term under its label, for who decides on it."""
    floors = terms.floors
    return {
        Message("applications"): ", ".join(terms.applications),
        Message("environment of the engine"): terms.environment,
        Message("plans"): ", ".join(terms.configurations) or Message("left to the application"),
        Message("sites"): f"{len(terms.roster)}: " + ", ".join(terms.roster),
        Message("least number of sites"): str(terms.least_sites),
        Message("sandbox"): _NO_SANDBOX if terms.unconfined else Message("always"),
        Message("outputs"): following(*(OUTPUTS[name] for name in terms.outputs), by=", "),
        Message("released at"): ", ".join(terms.released_at) or Message("any node of the run"),
        Message("least count in a cell"): str(floors.cell),
        "GWAS": Message(
            "from %(people)s people of %(sites)s sites, %(minor)s minor alleles, %(digits)s digits",
            people=floors.gwas_people, sites=floors.gwas_sites, minor=floors.minor_count,
            digits=floors.significant_digits,
        ),
        Message("models"): Message(
            "%(parameters)s parameters a person at most, norm %(norm)s",
            parameters=floors.parameters_per_person, norm=floors.model_norm,
        ),
        Message("words of names"): ", ".join(floors.labels)
        or Message("those of statistics alone"),
        Message("fields of logs"): ", ".join(floors.log_fields),
        Message("one run lasts"): Message("%(hours)s hours at most", hours=terms.seconds / 3600),
        Message("brought in"): Message("%(size)s MiB at most", size=terms.data_bytes / (1 << 20)),
        Message("released"): Message(
            "%(releases)s outputs of %(size)s MiB together at most",
            releases=terms.releases, size=terms.release_bytes / (1 << 20),
        ),
        Message("differential privacy of tables"): _privacy(terms.privacy),
    }  # fmt: skip


def _privacy(budget: PrivacyBudget | None) -> Message:
    if budget is None:
        return Message("none")
    if budget.delta:
        return Message(
            "epsilon %(epsilon)s, %(per_table)s a table, read at delta %(delta)s",
            epsilon=budget.epsilon, per_table=budget.per_table, delta=budget.delta,
        )  # fmt: skip
    return Message(
        "epsilon %(epsilon)s, %(per_table)s a table, added plainly",
        epsilon=budget.epsilon, per_table=budget.per_table,
    )  # fmt: skip


def _many(fields: Fields, name: str) -> list[str]:
    return [one.lower() for one in _SEPARATORS.split(_one(fields, name)) if one]


def _one(fields: Fields, name: str) -> str:
    return (fields.get(f"run_{name}") or [""])[0].strip()


def _number(fields: Fields, name: str) -> float:
    text = _one(fields, name)
    try:
        value = float(text[:_MAX_DIGITS])
    except ValueError as error:
        raise InvalidInput(
            Message("What is to run, %(field)s: expected a number.", field=name)
        ) from error
    if len(text) > _MAX_DIGITS or not 0 <= value < 1e12:
        raise InvalidInput(Message("What is to run, %(field)s: out of range.", field=name))
    return int(value) if value == int(value) else value
