"""Finds the people that two sites have in common, without showing either the others.

Private set intersection by `openmined-psi` (Diffie-Hellman on P-256) over keyed pseudonyms: HMAC
(RFC 2104) with SHA-256 and a key that the sites of one permit share and the coordinator never has.
One site asks, the other answers; the asking one learns who or how many are in common, the other
nothing but how many were asked about. It holds between parties that follow it: who asks can slip in
guessed people, so sizes are capped, questions counted, and the size comes before the people.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import private_set_intersection.python as psi
from google.protobuf.message import DecodeError

from workspaces.errors import LinkageRefused

MAX_PEOPLE = 1_000_000
MAX_MESSAGE = 128 * 1024 * 1024
MAX_QUESTIONS = 3
MIN_KEY_BYTES = 32
FLOOR = 20  # fewer in common are not told apart from none

T = TypeVar("T")


def pseudonyms(identifiers: Iterable[str], key: bytes) -> tuple[str, ...]:
    """In ascending order, which is the order of rows all linked sites share. Raises LinkageRefused
    where two are of one person, or the key is short."""
    if len(key) < MIN_KEY_BYTES:
        raise LinkageRefused(f"A key of linkage has at least {MIN_KEY_BYTES} bytes.")
    made = sorted(hmac.new(key, one.encode(), hashlib.sha256).hexdigest() for one in identifiers)
    if len(made) > MAX_PEOPLE or len(set(made)) < len(made):
        raise LinkageRefused(f"A site names each of at most {MAX_PEOPLE} people once.")
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the answering site sends: its own people blinded, and the asked ones blinded twice."""

    setup: bytes
    response: bytes


class Asking:
    """The site that learns; with `people` false only how many. Good for one question."""

    def __init__(self, own: Sequence[str], *, people: bool) -> None:
        self._own = list(own)
        self._people = people
        self._client = psi.client.CreateWithNewKey(people)

    def question(self) -> bytes:
        return bytes(self._client.CreateRequest(self._own).SerializeToString())

    def count(self, answer: Answer) -> int:
        """How many are in common; 0 stands for every number below FLOOR."""
        found = _found(self._client.GetIntersectionSize, answer)
        return found if found >= FLOOR else 0

    def common(self, answer: Answer) -> tuple[str, ...]:
        """The pseudonyms in common, ascending. Raises LinkageRefused below FLOOR."""
        if not self._people:
            raise LinkageRefused("This question was for the number of people alone.")
        places = _found(self._client.GetIntersection, answer)
        if len(places) < FLOOR or not all(0 <= place < len(self._own) for place in places):
            raise LinkageRefused(f"The sites have fewer than {FLOOR} people in common.")
        return tuple(sorted(self._own[place] for place in places))


@dataclass(slots=True)
class Answering:
    """The site that is asked. `people` says whether this permit lets the other site learn who is
    in common; `most` is how many it may ask about."""

    own: Sequence[str]
    people: bool
    most: int = MAX_PEOPLE
    questions: int = MAX_QUESTIONS
    _asked: int = field(default=0, init=False)

    def answer(self, question: bytes) -> Answer:
        """Raises LinkageRefused; a refused question counts too."""
        self._asked += 1
        if self._asked > self.questions:
            raise LinkageRefused(f"At most {self.questions} questions are answered.")
        request = psi.Request()
        _read(request, question)
        if not 0 < len(request.encrypted_elements) <= self.most:
            raise LinkageRefused(f"A question is about at most {self.most} people.")
        if request.reveal_intersection and not self.people:
            raise LinkageRefused("Only the number of people in common may be asked.")
        server = psi.server.CreateWithNewKey(bool(request.reveal_intersection))
        asked = len(request.encrypted_elements)
        # Raw, not a filter: nobody is in common by chance.
        setup = server.CreateSetupMessage(1e-12, asked, list(self.own), psi.DataStructure.RAW)
        try:
            response = server.ProcessRequest(request)
        except (RuntimeError, ValueError) as error:
            raise LinkageRefused("The question is not one of linkage.") from error
        return Answer(setup.SerializeToString(), response.SerializeToString())


def _found(intersect: Callable[[psi.ServerSetup, psi.Response], T], answer: Answer) -> T:
    try:
        return intersect(*_parsed(answer))
    except (RuntimeError, ValueError) as error:  # no points of the curve, or none at all
        raise LinkageRefused("The answer is not one of linkage.") from error


def _parsed(answer: Answer) -> tuple[psi.ServerSetup, psi.Response]:
    setup, response = psi.ServerSetup(), psi.Response()
    _read(setup, answer.setup)
    _read(response, answer.response)
    return setup, response


def _read(message: psi.Request | psi.ServerSetup | psi.Response, raw: bytes) -> None:
    if len(raw) > MAX_MESSAGE:
        raise LinkageRefused(f"A message of linkage may have {MAX_MESSAGE} bytes.")
    try:
        message.ParseFromString(raw)
    except DecodeError as error:
        raise LinkageRefused("The message is not one of linkage.") from error
