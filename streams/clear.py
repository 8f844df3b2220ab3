"""Says whether an unsealed object may leave in the clear, and plans what of it is sent.

Settled rule: only a dataset whose policy says `insecure_clear_streams`, which is public and has no
restriction. Everything else leaves as Crypt4GH or not at all; what may hold somebody who withdrew
leaves in no form. Sending is `streams.release`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from access.policies.policy import Action, PolicyBook
from passports.researcher import Researcher
from schemas.errors import InvalidInput
from schemas.htsget import ColumnsAsked
from streams.bodies import ClearBody
from streams.errors import ObjectChanged, PersonWithdrew, SourceRefused, UnsupportedFormat
from streams.shelf import ClearObject, Shelf
from streams.slices.chart import Region
from streams.slices.weave import Stretch, Woven, weave
from streams.sources import Kind

MAX_HELD = 10_000
ONLY_SEALED = (
    "Objects of this dataset leave only as Crypt4GH, sealed to a registered workspace: request "
    "access, name a workspace, and ask again without asking for clear text."
)
_DEFAULTS = ("BAM", "VCF", "CRAM", "BCF", "FASTA", "FILE")


@dataclass(frozen=True, slots=True)
class ClearDoor:
    """Reads policy and lists each time; once a second for streams that go on. `withdrawn` says how
    many have withdrawn from a dataset. Methods block."""

    shelf: Shelf
    book: PolicyBook
    withdrawn: Callable[[str], int]
    _held: dict[ClearObject, tuple[PolicyBook, int, int]] = field(default_factory=dict)

    def offered(
        self, researcher: Researcher | None, kind: Kind, object_id: str, *, now: int
    ) -> Mapping[str, ClearObject]:
        """What of an object may leave unsealed, by format. What may not is no more there than what
        nobody registered, so that no answer tells which files a closed dataset has.

        Raises PersonWithdrew where only withdrawals keep it."""
        forms = {
            form: found
            for form, found in self.shelf.forms(kind, object_id).items()
            if self._may_leave(researcher, found.dataset, now=now)
        }
        free = {form: found for form, found in forms.items() if self._is_free(found)}
        if forms and not free:
            raise PersonWithdrew
        return free

    def is_open(self, dataset: str, *, now: int) -> bool:
        """Whether anyone at all may have the objects of the dataset now."""
        return self._may_leave(None, dataset, now=now)

    def _may_leave(self, researcher: Researcher | None, dataset: str, *, now: int) -> bool:
        policy = self.book.policy(dataset)
        if policy is None or not policy.clear_streams:
            return False
        return self.book.decide(researcher, dataset, Action.STREAM, now=now).allowed

    def _is_free(self, found: ClearObject) -> bool:
        return found.cleared >= self.withdrawn(found.dataset)

    def still_holds(self, found: ClearObject, now: int) -> bool:
        """A change in this process counts at once, one in another within a second."""
        seen = (self.book.current(), self.shelf.changes, now)  # before looking
        if self._held.get(found) == seen:
            return True
        listed = self.shelf.listed(found)
        holds = (
            listed is not None and self.is_open(found.dataset, now=now) and self._is_free(listed)
        )
        if len(self._held) >= MAX_HELD:
            self._held.clear()
        if holds:
            self._held[found] = seen
        return holds

    def plan(
        self,
        found: ClearObject,
        regions: tuple[Region, ...] | None,
        *,
        header_only: bool,
        columns: ColumnsAsked | None = None,
    ) -> ClearBody:
        """The whole file, its header, or the records of the regions.

        Raises NoSuchReference, InvalidRange, InvalidInput, ObjectChanged.
        """
        if regions is None and columns is None and not header_only:
            woven = Woven((Stretch(0, found.size),), (0, found.size))
            return ClearBody(found, self.shelf, woven, found.known_by)
        if found.chart is None:
            raise InvalidInput("Only reads and variants have headers and regions.")
        chart = self.shelf.chart(found)
        if regions is None and not header_only:
            regions = chart.everything()
        rows = chart.rows(regions or ())
        try:
            with self.shelf.reading(found) as source:
                woven = weave(source, chart, rows, columns=columns)
        except SourceRefused as error:  # it was sound when it was registered
            raise ObjectChanged("The object's file is damaged.", detail=error.public) from error
        digest = hashlib.sha256(found.known_by.encode() + repr(woven.pieces).encode())
        return ClearBody(found, self.shelf, woven, digest.hexdigest())


def choose(forms: Mapping[str, ClearObject], wanted: str | None) -> ClearObject:
    """The form asked for; else the standard's default, else what there is.

    Raises UnsupportedFormat: objects are sent as they are, never converted.
    """
    if wanted is not None and wanted not in forms:
        raise UnsupportedFormat(f"This object is offered as {' and '.join(sorted(forms))}.")
    return forms[wanted or next(form for form in _DEFAULTS if form in forms)]
