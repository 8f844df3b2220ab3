"""Enquiries to a dataset's committee on the wire: who asks sees no member, only the committee."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.wire import LocalId, OpenWire, Wire, Written

Said = Annotated[Written, StringConstraints(min_length=1, max_length=2000)]


class NewEnquiry(Wire):
    dataset: LocalId
    text: Said


class EnquiryAnswer(Wire):
    text: Said


class EnquiryView(OpenWire):
    """`by` is told to the committee alone; who answered is told to nobody."""

    id: str
    dataset: str
    text: str
    asked: int
    by: str | None = None
    answer: str | None = None
    answered: int | None = None


class EnquiryList(OpenWire):
    """`own` were asked by the caller, `waiting` are for the caller's committee to answer."""

    own: Annotated[tuple[EnquiryView, ...], Field(max_length=1000)] = ()
    waiting: Annotated[tuple[EnquiryView, ...], Field(max_length=1000)] = ()
