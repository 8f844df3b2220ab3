"""Which questions can be answered without a grant: by public facts, never by what a dataset holds.

Refusals say what would help. Pure; who may ask at all was decided before.
"""

from __future__ import annotations

from access.errors import NotAnswerable
from access.policies.decision import Level
from access.privacy.pricing import MIN_PUBLIC_PEOPLE, price
from access.privacy.question import Kind, Question
from access.privacy.terms import Terms

_GRANT = "Exact answers need a grant for this dataset."
_SIGN_IN = "Signed-in researchers may learn more."


def check(asked: Question, level: Level, terms: Terms) -> None:
    """Raises `NotAnswerable` where a caller of this level gets no answer to this question."""
    match asked.kind:
        case Kind.PERSON:
            raise NotAnswerable(f"Single records are told with a grant only. {_GRANT}")
        case Kind.GENOTYPE:
            raise NotAnswerable(f"In how many copies is told with a grant only. {_GRANT}")
        case Kind.DESCRIPTION:
            return
        case Kind.TOGETHER if level is Level.PUBLIC or asked.within is None:
            raise NotAnswerable(
                "Variants and filters together are answered to signed-in researchers who ask of "
                f"individuals or variants. {_GRANT}"
            )
    if asked.within is not None:
        _check_filters(asked.within, terms)
    if level is Level.PUBLIC:
        _check_public(asked, terms)
    elif asked.kind is Kind.PEOPLE:
        _check_filters(asked, terms)
    elif not asked.genotypes:
        # Nobody can be charged where nobody is known to carry anything.
        _check_common(asked, terms)
    else:
        check_price(asked, terms, crowd=asked.people)


def check_price(asked: Question, terms: Terms, *, crowd: int) -> None:
    """Raises `NotAnswerable` where a «yes» that one of so many people makes is beyond the means of
    every caller. `crowd` is public, or known to this caller."""
    if terms.enforced and price(asked.frequency, crowd) > terms.allowance:
        among = "a dataset" if crowd == asked.people else "a group"
        raise NotAnswerable(
            "Not answerable at this level: by public frequencies this is too rare for "
            f"{among} of this size. {_GRANT}"
        )


def _check_public(asked: Question, terms: Terms) -> None:
    if not terms.everybody:
        raise NotAnswerable(f"This dataset answers signed-in researchers. {_GRANT}")
    if asked.people < MIN_PUBLIC_PEOPLE:
        raise NotAnswerable(f"This dataset is too small to answer everybody. {_SIGN_IN}")
    if asked.kind is not Kind.PEOPLE:
        _check_common(asked, terms)
    elif not asked.margin:
        raise NotAnswerable(
            f"Everybody is told how many individuals have one listed term, no more. {_SIGN_IN}"
        )


def _check_common(asked: Question, terms: Terms) -> None:
    if asked.kind is Kind.RANGE and not 0 < asked.length <= terms.max_span:
        raise NotAnswerable(
            f"Ranges of at most {terms.max_span:,} bases are answered for everybody. {_SIGN_IN}"
        )
    if asked.floor is None or asked.commonest < asked.floor:
        raise NotAnswerable(
            "Everybody is answered about variants that are common by public frequencies, which "
            f"this is not. {_SIGN_IN}"
        )


def _check_filters(asked: Question, terms: Terms) -> None:
    if asked.people < terms.min_people:
        raise NotAnswerable(f"This dataset is too small to be counted at this level. {_GRANT}")
    if asked.filters > terms.max_filters:
        raise NotAnswerable(f"At most {terms.max_filters} filters at this level. {_GRANT}")
    if not asked.counts:
        raise NotAnswerable(f"At this level people are counted: ask of individuals. {_GRANT}")
