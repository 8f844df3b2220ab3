"""Regions and countries a geographical restriction may name: ISO 3166-1 alpha-2 and unions of them.

DUO's own range is another vocabulary (GAZ); what is not ISO here is unmapped, which is a review.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Every officially assigned code.
_COUNTRIES = frozenset(
    re.findall(
        "[A-Z]{2}",
        """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """,
    )
)
# The unions as they are since 2020-02-01.
_EU = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"}
    | {"IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)
_REGIONS = {"EU": _EU, "EEA": _EU | {"IS", "LI", "NO"}, "EFTA": frozenset({"CH", "IS", "LI", "NO"})}
# In daily use, though ISO 3166-1 says otherwise.
_ALIASES = {"UK": "GB", "EL": "GR"}


def countries(values: Iterable[str]) -> tuple[frozenset[str], bool]:
    """The countries meant, and whether every value was understood."""
    meant: set[str] = set()
    all_mapped = True
    for value in values:
        name = _name(value)
        if name in _REGIONS:
            meant |= _REGIONS[name]
        elif (found := country(value)) is not None:
            meant.add(found)
        else:
            all_mapped = False
    return frozenset(meant), all_mapped


def country(value: str) -> str | None:
    """The one country meant, None where it is none we know."""
    name = _name(value)
    code = _ALIASES.get(name, name)
    return code if code in _COUNTRIES else None


def _name(value: str) -> str:
    return re.sub(r"^ISO3166(-1)?:", "", value.strip(), flags=re.IGNORECASE).upper()
