"""Amino-acid changes in one form (HGVS nomenclature 21, `p.`): one-letter, such as `V600E`.

Beacon v2.2 `aminoacidChange` is in one-letter form; annotations and people also write three.
"""

from __future__ import annotations

import re

MAX_CHARS = 200
_LETTERS = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E",
    "Gly": "G", "His": "H", "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F",
    "Pro": "P", "Pyl": "O", "Sec": "U", "Ser": "S", "Thr": "T", "Trp": "W", "Tyr": "Y",
    "Val": "V", "Ter": "*",
}  # fmt: skip
_THREE = re.compile("|".join(_LETTERS))
_ONE = "[ACDEFGHIKLMNOPQRSTUVWY*]"
_SPAN = rf"{_ONE}\d{{1,6}}(?:_{_ONE}\d{{1,6}})?"
_EDIT = (
    rf"(?:{_ONE}|=|\?|del|dup|(?:del)?ins{_ONE}{{1,100}}|"
    rf"{_ONE}?fs(?:\*(?:\d{{1,6}}|\?)?)?|{_ONE}?ext(?:\*|{_ONE})?-?(?:\d{{1,6}}|\?)?)"
)
_LOWER_CASE = re.compile(r"[a-z]\d{1,6}[a-z]", re.ASCII)
_OLD_STOP = re.compile(r"(?:(?<=\d)|(?<=fs))X")  # before 2016 a stop was X
_CHANGE = re.compile(_SPAN + _EDIT, re.ASCII)


def one_letter(text: str) -> str | None:
    """`V600E` of `V600E`, `p.V600E`, `Val600Glu`, `p.(Val600Glu)`; None for no such change."""
    if len(text) > MAX_CHARS:
        return None
    bare = text.strip().removeprefix("p.")
    if bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1]
    bare = bare.replace("%3D", "=")
    if _THREE.match(bare):
        bare = _THREE.sub(lambda found: _LETTERS[found[0]], bare)
    elif _LOWER_CASE.fullmatch(bare):
        bare = bare.upper()
    bare = _OLD_STOP.sub("*", bare)
    return bare if _CHANGE.fullmatch(bare) else None
