"""Asks a node for a release in its two steps: a sealed ticket, and what it opens, once.

Only the holder of the workspace's key can read the ticket, so that a stolen token opens nothing. A
ticket whose answer was cut off is spent: another is asked for. What the answer is worth is
`manifest`'s to say.
"""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from schemas.htsget import (
    PostedQuery,
    PostedRegion,
    RegionAsked,
    SealedTicket,
    Ticket,
    TicketAnswer,
    TicketText,
)
from streams import envelope
from streams.errors import EnvelopeInvalid
from streams.header import open_header, read_header
from streams.keys import SecretKey, public_pem
from workspaces import wire
from workspaces.errors import NodeSilent, ReleaseUntrue
from workspaces.keys import WorkspaceKeys

Kind = Literal["reads", "variants", "file"]

MAX_ATTEMPTS = 3
_PATHS: dict[Kind, str] = {"reads": "reads", "variants": "variants", "file": "files"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of which node: all of an object, or the records of its `regions`."""

    node_url: str
    object_id: str
    kind: Kind
    regions: tuple[RegionAsked, ...] | None = None


def redeemed(http: httpx.Client, held: WorkspaceKeys, wanted: Wanted, *, token: str) -> Ticket:
    """Raises NodeRefused, NodeSilent, ReleaseUntrue."""
    place = f"{wanted.node_url}/htsget/tickets/{_PATHS[wanted.kind]}/{quote(wanted.object_id)}"
    context = base64.b64encode(public_pem(held.public_key)).decode("ascii")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        sealed = wire.ask(
            http,
            SealedTicket,
            method="POST",
            url=place,
            token=token,
            headers={"Htsget-Context-Public-Key": context},
            body=_query(wanted),
        )
        name = _opened(sealed, held.secret, wanted).ticket
        url = f"{wanted.node_url}/htsget/blocks/{name}/header"
        try:
            return wire.ask(http, TicketAnswer, method="GET", url=url).htsget
        except NodeSilent:
            if attempt == MAX_ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _query(wanted: Wanted) -> PostedQuery:
    regions = None
    if wanted.regions is not None:
        regions = tuple(
            PostedRegion(referenceName=name, start=start0, end=end0)
            for name, start0, end0 in wanted.regions
        )
    return PostedQuery(regions=regions, encryptionScheme="crypt4gh")


def _opened(sealed: SealedTicket, secret: SecretKey, wanted: Wanted) -> TicketText:
    """Another node's ticket is not used, nor one for another object."""
    try:
        stream, text = io.BytesIO(base64.b64decode(sealed.ticket, validate=True)), io.BytesIO()
        envelope.open_body(stream, text, open_header(read_header(stream), [secret]))
        ticket = TicketText.model_validate_json(text.getvalue())
    except (binascii.Error, EnvelopeInvalid, ValidationError) as error:
        raise ReleaseUntrue("The node's ticket is not one for this workspace's key.") from error
    if (ticket.audience, ticket.object_id) != (wanted.node_url, wanted.object_id):
        raise ReleaseUntrue("The ticket is another node's, or for another object.")
    return ticket
