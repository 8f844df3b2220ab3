"""Protection with a ledger of its own, for nodes that live in a test."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from access.database import Database
from access.disclosure import Asker, Disclosure
from access.privacy.ledger import Ledger
from beacon.execute import Protection
from beacon.listing import Listing
from beacon.panel import NO_PANELS
from beacon.posed import Public

KEY = b"n" * 32
_spare = TemporaryDirectory()


def disclosure(folder: Path | None = None) -> Disclosure:
    """Its ledger lies in `folder`; without one, in a folder that all such share."""
    return Disclosure(ledger(Path(_spare.name) if folder is None else folder), key=KEY)


def ledger(folder: Path) -> Ledger:
    return Ledger(Database(f"sqlite:///{folder / 'ledger.db'}"))


def protection(subject: str | None = None) -> Protection:
    """Of one caller, with no reference panel."""
    kept, public = disclosure(), Public(NO_PANELS)
    return Protection(kept, public, Asker(subject, 1_800_000_000), Listing(kept, public))
