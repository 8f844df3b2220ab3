"""Reads the forms of publishing a dataset: its description, and what each file is.

What is read is a plan of `gateway.holding.onboarding`; whether its files are there is found out
there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from gateway.holding import catalogue_form, import_folder
from gateway.holding.onboarding import ROLES, VARIATIONS, Plan
from schemas.errors import InvalidInput
from schemas.messages import Message
from schemas.wire import LocalId

ASSEMBLIES = ("GRCh38", "GRCh37")
MAX_NAME_CHARS = 200
MAX_REJECTED = 1_000_000
ROLE_WORDS = {
    "vcf": Message("variants (VCF, BCF)"),
    "genomicVariations": Message("variants (BFF genomicVariations, JSON)"),
    "individuals": Message("individuals (JSON)"),
    "biosamples": Message("biosamples (JSON)"),
    "runs": Message("runs (JSON)"),
    "analyses": Message("analyses (JSON)"),
    "cohorts": Message("cohorts (JSON)"),
    "phenopackets": Message("phenopackets (a file or their folder)"),
    "tables": Message("tables (CSV, or their folder)"),
    "mapping": Message("mapping of the tables (YAML)"),
    "omop": Message("OMOP tables (their folder)"),
    "hierarchy": Message("ontology (OBO, OWL, TSV)"),
    "genes": Message("genes (GTF, GFF3, BED)"),
    "sequences": Message("reference sequences (FASTA)"),
    "seal": Message("to be sealed for release"),
}
_LOCAL_ID: TypeAdapter[str] = TypeAdapter(LocalId)
_COUNT = re.compile(r"[0-9]{1,7}")
_GUESSES = (
    (re.compile(r"\.(vcf|bcf)(\.b?gz)?$"), "vcf"),
    (re.compile(r"genomic_?variat.*\.(json|jsonl|ndjson)(\.gz)?$"), VARIATIONS),
    (re.compile(r"individuals.*\.json(\.gz)?$"), "individuals"),
    (re.compile(r"biosamples.*\.json(\.gz)?$"), "biosamples"),
    (re.compile(r"runs.*\.json(\.gz)?$"), "runs"),
    (re.compile(r"analyses.*\.json(\.gz)?$"), "analyses"),
    (re.compile(r"cohorts.*\.json(\.gz)?$"), "cohorts"),
    (re.compile(r"\.(bam|cram)$"), "seal"),
    (re.compile(r"\.(obo|owl)(\.gz)?$"), "hierarchy"),
)


def guess(one: import_folder.Found) -> str:
    """What a file is by its name; empty where that says nothing."""
    name = one.name.rpartition("/")[2].lower()
    if one.is_folder:
        return ""
    return next((role for shape, role in _GUESSES if shape.search(name)), "")


def roles(fields: Mapping[str, str]) -> Mapping[str, str]:
    """Which file is what; the fields are called `as:` and the file's name."""
    said = {name[3:]: role for name, role in fields.items() if name.startswith("as:") and role}
    if any(role not in ROLES for role in said.values()):
        raise InvalidInput(Message("Choose for each file what it is."))
    return said


def rejected(text: str) -> int:
    if not _COUNT.fullmatch(text) or int(text) > MAX_REJECTED:
        raise InvalidInput(
            Message("Records that may be left out: expected 0 to %(most)s.", most=MAX_REJECTED)
        )
    return int(text)


def described(fields: Mapping[str, str], plan: Plan, *, public_url: str) -> Plan:
    """The plan with what the form says of its dataset."""
    name, text = fields.get("name", "").strip(), fields.get("description", "").strip()
    try:
        dataset = _LOCAL_ID.validate_python(fields.get("dataset", "").strip())
    except ValidationError as error:
        raise InvalidInput(
            Message("The dataset's id: expected letters, digits and . _ : / - only, at most 200.")
        ) from error
    if not (0 < len(name) <= MAX_NAME_CHARS and name.isprintable()):
        raise InvalidInput(
            Message("Title: expected 1 to %(most)s characters.", most=MAX_NAME_CHARS)
        )
    if not 0 < len(text) <= catalogue_form.MAX_CHARS or "\x00" in text:
        raise InvalidInput(
            Message(
                "Description: expected 1 to %(most)s characters.", most=catalogue_form.MAX_CHARS
            )
        )
    if fields.get("assembly") not in ASSEMBLIES:
        raise InvalidInput(Message("Assembly: choose one of the list."))
    address = f"{public_url}/datasets/{quote(dataset)}"
    said = catalogue_form.read(fields, address=address, beacon=f"{public_url}/beacon")
    return replace(plan, dataset=dataset, name=name, description=text,
                   assembly=fields["assembly"], catalogue=said)  # fmt: skip
