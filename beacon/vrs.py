"""Computed identifiers of alleles (GA4GH VRS 1.3: `ga4gh:VA.` and a sha512t24u digest).

An allele is identified in its fully-justified form, on a sequence named by its refget digest, with
the new bases as a `LiteralSequenceExpression`. Substitutions need no reference for it; insertions
and deletions do, since without one nobody knows how far they reach.
"""

from __future__ import annotations

import base64
import hashlib
import json

from beacon.justify import Justified


def allele_id(refget_id: str, change: Justified) -> str | None:
    """The identifier of a change; None where its reach was not followed to both ends, or where it
    is no change of bases."""
    if change.core.alt.startswith("<") or not change.followed:
        return None
    form = change.expanded()
    location = {
        "interval": {
            "end": {"type": "Number", "value": form.start0 + len(form.ref)},
            "start": {"type": "Number", "value": form.start0},
            "type": "SequenceInterval",
        },
        "sequence_id": refget_id.removeprefix("SQ."),
        "type": "SequenceLocation",
    }
    state = {"sequence": form.alt, "type": "LiteralSequenceExpression"}
    allele = {"location": _digest(location), "state": state, "type": "Allele"}
    return f"ga4gh:VA.{_digest(allele)}"


def _digest(value: object) -> str:
    """Canonical JSON (RFC 8785: sorted members, no spaces), then sha512t24u."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha512(text.encode("ascii")).digest()[:24]).decode()
