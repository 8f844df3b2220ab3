"""Units of mass and length that differ by a power of ten: what is asked in one holds in the other.

UCUM, NCIT, UO and English names. Nothing else is converted: amounts of substance need to know the
substance, and the rest is not exact. In which unit a field is held is the segment's.
"""

from __future__ import annotations

from decimal import Decimal, DecimalException

_NAMES = {
    ("gram", 3): ("kg", "kilogram", "kilograms", "ncit:c28252", "uo:0000009"),
    ("gram", 0): ("g", "gram", "grams", "ncit:c48155", "uo:0000021"),
    ("gram", -3): ("mg", "milligram", "milligrams", "ncit:c28253", "uo:0000022"),
    ("meter", 0): ("m", "meter", "metre", "meters", "metres", "ncit:c41139", "uo:0000008"),
    ("meter", -2): ("cm", "centimeter", "centimetre", "ncit:c49668", "uo:0000015"),
    ("meter", -3): ("mm", "millimeter", "millimetre", "ncit:c28251", "uo:0000016"),
}
_POWERS = {name: power for power, names in _NAMES.items() for name in names}


def power(unit: str) -> tuple[str, int] | None:
    """What is measured, and ten to which power of its base unit this is."""
    return _POWERS.get(unit.strip().casefold().removeprefix("ucum:"))


def converted(amount: str, asked: str, *, held: str) -> str | None:
    """The same amount in the unit `held`; None where that cannot be said exactly."""
    one, other = power(asked), power(held)
    if one is None or other is None or one[0] != other[0]:
        return None
    return scaled(amount, one[1] - other[1])


def scaled(amount: str, tens: int) -> str | None:
    try:
        return str(Decimal(amount).scaleb(tens))
    except DecimalException:
        return None
