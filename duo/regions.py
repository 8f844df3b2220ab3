"""Regions and countries a geographical restriction may name: ISO 3166-1 alpha-2 and two unions.

DUO's own range is another vocabulary (GAZ); what is not ISO here is unmapped, which is a review.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REGIONS_AS_OF = "2020-02-01"

_EU = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"}
    | {"IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)
_REGIONS = {"EU": _EU, "EEA": _EU | {"IS", "LI", "NO"}}
# In daily use, though ISO 3166-1 says otherwise.
_ALIASES = {"UK": "GB", "EL": "GR"}
_COUNTRY = re.compile(r"[A-Z]{2}")


def countries(values: Iterable[str]) -> tuple[frozenset[str], bool]:
    """The countries meant, and whether every value was understood."""
    meant: set[str] = set()
    all_mapped = True
    for value in values:
        name = re.sub(r"^ISO3166(-1)?:", "", value.strip(), flags=re.IGNORECASE).upper()
        if name in _REGIONS:
            meant |= _REGIONS[name]
        elif _COUNTRY.fullmatch(name):
            meant.add(_ALIASES.get(name, name))
        else:
            all_mapped = False
    return frozenset(meant), all_mapped
