"""Reads a checked source as a load does and writes nothing: what a load would refuse or leave out.

Only what is known of the dataset itself, such as who withdrew, is left to `beacon.loading.load`.
"""

from __future__ import annotations

from collections.abc import Iterator

from beacon.loading.checking import (
    Checked,
    Progress,
    Report,
    capped,
    left_out,
    refuse_mismatches,
    tell_losses,
)  # fmt: skip
from beacon.loading.members import Members
from beacon.loading.parquet import Row
from beacon.loading.repeated import Repeated
from beacon.loading.variant_carriers import Selection
from beacon.variation import alleles
from beacon.variation.reaches import RefCheck
from beacon.variation.reference import Windowed

_REPORT_EVERY = 10_000


def look_through(found: Checked, people: Members, tell: Progress, report: Report | None) -> None:
    """Reads every allele as a load does, and compares it with the reference. Raises
    `SourceRefused`."""
    compared = RefCheck(Windowed(found.bases)) if found.bases is not None else None
    twice, number = Repeated(), 0
    for number, row in enumerate(_rows(found, report), start=1):
        twice.look(row)
        if compared is not None:
            compared.look(alleles.CHROMOSOMES[row.rank - 1], row.start0, row.ref)
        if number % _REPORT_EVERY == 0:
            tell("genomicVariant, checked", number)
    if found.files:
        tell("genomicVariant, checked", number)
    skipped = left_out(people, [file.skipped for file in found.files])
    twice.refuse(lambda: _rows(found, None))
    refuse_mismatches(compared)
    tell_losses(found, skipped, tell)


def _rows(found: Checked, report: Report | None) -> Iterator[Row]:
    read = 0
    for file in found.files:
        for row in capped(file, Selection({}, note=report), read):
            read += 1
            yield row
