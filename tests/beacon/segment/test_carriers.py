"""What is read to find that nobody carries a variant is what is read to find who does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from beacon.segment import sparse
from beacon.segment.carriers import Carriers


@pytest.mark.parametrize("any_number", [0, 7, -3, 10**18])
def test_nobody_takes_the_statements_of_one_variant(any_number: int) -> None:
    asked: list[str] = []

    def ask(sql: str, *values: object) -> list[tuple[Any, ...]]:
        asked.append(sql)
        if "FROM samples" in sql:
            return [(0,), (1,), (2,)]
        return [(sparse.encode(np.array([1], dtype=np.uint32), 3),)] if values else []

    carriers = Carriers(ask, people=3, rows=5)
    assert carriers.of(BitMap([2])) == BitMap([1])
    asked.clear()
    assert carriers.of(BitMap([3])) == BitMap([1])
    one = list(asked)
    asked.clear()
    assert carriers.of_none(any_number) == BitMap()
    assert asked == one


def test_of_no_variants_at_all_nothing_is_read() -> None:
    def ask(_sql: str, *_values: object) -> list[tuple[Any, ...]]:
        raise AssertionError("nothing is there to be read")

    assert Carriers(ask, people=3, rows=0).of_none(5) == BitMap()
