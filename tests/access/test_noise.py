"""The noise is exactly discrete Laplace, and one question has one draw."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from scipy import stats

from access.privacy.noise import MAX_SCALE, KeyedStream, discrete_laplace

KEY = b"k" * 32


def draws(scale: int, number: int) -> Counter[int]:
    return Counter(
        discrete_laplace(KeyedStream(KEY, str(each).encode()), scale=scale)
        for each in range(number)
    )


def probability(value: int, scale: int) -> float:
    decay = math.exp(-1 / scale)
    return (1 - decay) / (1 + decay) * decay ** abs(value)


@pytest.mark.parametrize("scale", [1, 3, 10, 33])
def test_draws_fit_the_distribution_by_a_chi_squared_test(scale: int) -> None:
    number = 20_000
    found = draws(scale, number)
    edge = 3 * scale
    inner = range(-edge, edge + 1)
    tail = sum(probability(value, scale) for value in range(edge + 1, edge + 1 + 40 * scale))
    expected = [number * probability(value, scale) for value in inner] + [2 * number * tail]
    seen = [found[value] for value in inner]
    seen.append(number - sum(seen))
    total = sum(expected)
    result = stats.chisquare(seen, [each * number / total for each in expected])
    assert result.pvalue > 0.001


def test_the_test_of_fit_would_notice_a_zero_that_is_twice_as_likely() -> None:
    number, scale = 20_000, 3
    seen = draws(scale, number)[0]
    assert abs(seen / number - probability(0, scale)) < 0.02
    assert 2 * probability(0, scale) - seen / number > 0.1


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
def test_numbers_below_a_limit_are_equally_likely(limit: int) -> None:
    stream = KeyedStream(KEY, b"uniform")
    seen = Counter(stream.below(limit) for _ in range(10_000))
    assert set(seen) <= set(range(limit))
    if limit > 1:
        assert stats.chisquare([seen[value] for value in range(limit)]).pvalue > 0.001


def test_one_question_always_has_the_same_draw() -> None:
    first = [discrete_laplace(KeyedStream(KEY, b"v1", b"q"), scale=100) for _ in range(20)]
    assert len(set(first)) == 1


@pytest.mark.parametrize(
    "other",
    [(b"v2", b"q"), (b"v1", b"r"), (b"v1q",), (b"v", b"1q"), (b"v1", b"q", b"")],
)
def test_another_version_question_or_split_of_the_parts_is_another_stream(
    other: tuple[bytes, ...],
) -> None:
    one, two = KeyedStream(KEY, b"v1", b"q"), KeyedStream(KEY, *other)
    assert [one.below(2**64) for _ in range(4)] != [two.below(2**64) for _ in range(4)]


def test_another_key_is_another_stream() -> None:
    one, two = KeyedStream(KEY, b"q"), KeyedStream(b"x" * 32, b"q")
    assert one.below(2**64) != two.below(2**64)


@pytest.mark.parametrize("key", [b"", b"k" * 31])
def test_a_short_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        KeyedStream(key, b"q")


@pytest.mark.parametrize("scale", [0, -1, MAX_SCALE + 1])
def test_a_scale_outside_its_bounds_is_refused(scale: int) -> None:
    with pytest.raises(ValueError, match="scale"):
        discrete_laplace(KeyedStream(KEY, b"q"), scale=scale)


@pytest.mark.parametrize("limit", [0, -1, 2**64 + 1])
def test_a_limit_outside_its_bounds_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        KeyedStream(KEY, b"q").below(limit)
