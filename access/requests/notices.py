"""Which steps of a request are told to whom, and in which words; and what else committees hear of.

Pure. A message names the request and what became of it, and leads to the node's page, where one
signs in: no person, no dataset and nothing that was written travels. Webhooks have the form and
the signature of Standard Webhooks 1.0. Leaves keeping to `outbox` and sending to `couriers`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum

from access.requests.lifecycle import AccessRequest, Event, State, Step
from schemas.wire import canonical_json

EVERY_COMMITTEE = "*"


class Channel(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"


_KINDS = {
    Step.SUBMIT: "submitted",
    Step.RETURN: "returned",
    Step.APPROVE: "approved",
    Step.REJECT: "rejected",
    Step.REVOKE: "revoked",
    Step.CLOSE: "closed",
    Step.EXPIRE: "expired",
    Step.REMIND: "reminder",
}
_WORDS = {
    "submitted": "A request for access was submitted and waits for the committee.",
    "returned": "A request for access was returned to its requester.",
    "endorsed": "A request for access was approved by one member and waits for another.",
    "approved": "A request for access was approved.",
    "rejected": "A request for access was rejected.",
    "revoked": "An approved access was revoked.",
    "closed": "A request for access was closed by its requester.",
    "expired": "An approved access has ended.",
    "reminder": "A request for access waits for you, or an approved access ends soon.",
    "enquiry": "Somebody asks the committee something.",
    "answered": "The committee has answered your enquiry.",
    "alarm": "Somebody learns much of people in a dataset that answers exactly.",
}

# What is of no request: its subject in a webhook's type, and the page to read it at.
_OTHERS = {
    "enquiry": ("enquiry", "/requests"),
    "answered": ("enquiry", "/requests"),
    "alarm": ("privacy", "/admin/risk"),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one target; the id is the same however often it is tried. What is of no
    request has an empty `request_id`."""

    notice_id: str
    request_id: str
    kind: str
    at: int
    channel: Channel
    target: str
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Addressees:
    """From the node's settings alone. `mail` is keyed by a dataset's id (its committee), by `*`
    (committees without an entry) or by a person's identity; webhooks hear everything."""

    mail: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    webhooks: tuple[str, ...] = ()

    def of(self, request: AccessRequest) -> Iterator[tuple[Channel, str]]:
        return self.committee(request.dataset, request.requester, *request.members)

    def committee(self, dataset: str, *others: str) -> Iterator[tuple[Channel, str]]:
        committee = self.mail.get(dataset, self.mail.get(EVERY_COMMITTEE, ()))
        people = (self.mail.get(one, ()) for one in others)
        for address in dict.fromkeys((*committee, *(a for found in people for a in found))):
            yield Channel.MAIL, address
        for url in self.webhooks:
            yield Channel.WEBHOOK, url

    def person(self, identity: str) -> Iterator[tuple[Channel, str]]:
        for address in self.mail.get(identity, ()):
            yield Channel.MAIL, address

    def still(self, notice: Notice) -> bool:
        """Whether the settings name the target, now that it is sent."""
        if notice.channel is Channel.WEBHOOK:
            return notice.target in self.webhooks
        return any(notice.target in addresses for addresses in self.mail.values())


def kind_of(event: Event) -> str | None:
    """None where nobody is told."""
    if event.step == Step.APPROVE and event.facts.state == State.SUBMITTED:
        return "endorsed"
    return _KINDS.get(Step(event.step))


def mail(notice: Notice, *, node: str, sender: str, public_url: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = f"[{' '.join(node.split())}] {_WORDS[notice.kind]}"
    message["From"] = sender
    message["To"] = notice.target
    message["Date"] = format_datetime(datetime.fromtimestamp(notice.at, UTC))
    message["Message-ID"] = f"<{notice.notice_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note answers it
    about = f"Request {notice.request_id}\n" if notice.request_id else ""
    message.set_content(
        f"{_WORDS[notice.kind]}\n\n{about}"
        f"{address(notice, public_url)}\n\nSign in there to read it.\n"
    )
    return message


def webhook(notice: Notice, *, public_url: str) -> bytes:
    request = {"request": notice.request_id} if notice.request_id else {}
    subject = _OTHERS[notice.kind][0] if notice.kind in _OTHERS else "access_request"
    return canonical_json(
        {
            "type": f"{subject}.{notice.kind}",
            "timestamp": datetime.fromtimestamp(notice.at, UTC).isoformat(),
            "data": {**request, "address": address(notice, public_url)},
        }
    )


def webhook_headers(notice: Notice, body: bytes, *, secret: bytes, now: int) -> dict[str, str]:
    """Standard Webhooks 1.0: the signature covers id, time of sending and body."""
    signed = f"{notice.notice_id}.{now}.".encode() + body
    signature = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    return {
        "content-type": "application/json",
        "webhook-id": notice.notice_id,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{signature}",
    }


def address(notice: Notice, public_url: str) -> str:
    if notice.kind in _OTHERS:
        return f"{public_url}{_OTHERS[notice.kind][1]}"
    return f"{public_url}/requests/{notice.request_id}"
