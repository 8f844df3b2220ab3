"""Carries notices out: mail by SMTP (RFC 5321, RFC 8314 TLS), webhooks by POST.

Targets come from the node's settings alone, redirects are not followed, and an answer is read no
further than its status. What goes wrong is NotDelivered, without the text of the other side.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import urlsplit

import httpx

from access.errors import NotDelivered
from access.requests.notices import Notice, mail, webhook, webhook_headers

MAIL_SECONDS = 10.0
WEBHOOK_SECONDS = 5.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class MailCourier:
    """`server` is `smtps://HOST:PORT`, or `smtp://HOST:PORT` with STARTTLS, which is insisted on
    except on loopback."""

    server: str
    sender: str
    user: str
    password: str = field(repr=False)
    node: str
    public_url: str

    async def __call__(self, notice: Notice) -> None:
        message = mail(notice, node=self.node, sender=self.sender, public_url=self.public_url)
        try:
            async with asyncio.timeout(2 * MAIL_SECONDS):
                await asyncio.to_thread(self._send, message)
        except (smtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            raise NotDelivered("The mail was not taken.", detail=type(error).__name__) from error

    def _send(self, message: EmailMessage) -> None:
        where = urlsplit(self.server)
        host, port = where.hostname or "", where.port or 0
        trusted = ssl.create_default_context()
        if where.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, timeout=MAIL_SECONDS, context=trusted
            )
        else:
            connection = smtplib.SMTP(host, port, timeout=MAIL_SECONDS)
        with connection:
            if where.scheme == "smtp" and host not in _LOOPBACK:
                connection.starttls(context=trusted)
            if self.user:
                connection.login(self.user, self.password)
            connection.send_message(message)


@dataclass(frozen=True, slots=True)
class WebhookCourier:
    http: httpx.AsyncClient
    secret: bytes = field(repr=False)
    public_url: str
    clock: Callable[[], int]

    async def __call__(self, notice: Notice) -> None:
        body = webhook(notice, public_url=self.public_url)
        headers = webhook_headers(notice, body, secret=self.secret, now=self.clock())
        try:
            async with (
                asyncio.timeout(WEBHOOK_SECONDS),
                self.http.stream(
                    "POST", notice.target, content=body, headers=headers, follow_redirects=False
                ) as answer,
            ):
                if not answer.is_success:
                    raise NotDelivered("The webhook was refused.", detail=str(answer.status_code))
        except (httpx.HTTPError, TimeoutError) as error:
            raise NotDelivered("No webhook there.", detail=type(error).__name__) from error
