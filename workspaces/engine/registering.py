"""A site's key of one start, made known to the coordinator and taken back: the one outside call of
a start.

The body is signed by the site's identity and names its time, so a copy of it is of no use to
others or later. The coordinator is checked against the federation's own authority.
"""

from __future__ import annotations

import json
import ssl
import time

import httpx

from workspaces.engine.port import SiteNode
from workspaces.errors import EngineRefused, FederationInvalid, NodeSilent

_SECONDS = 20.0
_NO_AUTHORITY = "The authority of the federation is no certificate in PEM; ask for its bundle anew."


def signed_text(*, action: str, public_key: str, at: int) -> bytes:
    """What the identity signs."""
    return f"skerry node {action}\0{public_key}\0{at}".encode()


def register(site: SiteNode, public_key: str) -> None:
    """Raises `EngineRefused` with the coordinator's words, or `NodeSilent`."""
    _say(site, "register", public_key)


def unregister(site: SiteNode, public_key: str) -> None:
    """The same. A key that was taken back is never accepted again."""
    _say(site, "unregister", public_key)


def answers(registrar: str, certificate: bytes, *, proxy: str = "") -> bool:
    """Whether the coordinator is there, whatever it says."""
    try:
        with httpx.Client(
            verify=trusting(certificate), timeout=_SECONDS, trust_env=False,
            proxy=f"http://{proxy}" if proxy else None,
        ) as line:  # fmt: skip
            line.get(f"{registrar}/sites")
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return True


def trusting(certificate: bytes) -> ssl.SSLContext:
    """Checks a server against this authority and no other. Raises `FederationInvalid`."""
    if not certificate:  # of none `ssl` makes everybody whom the system trusts
        raise FederationInvalid(_NO_AUTHORITY)
    try:
        return ssl.create_default_context(cadata=certificate.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise FederationInvalid(_NO_AUTHORITY) from error


def _say(site: SiteNode, action: str, public_key: str) -> None:
    at = int(time.time())
    body = {
        "identity": site.identity.hex(),
        "public_key": public_key,
        "at": at,
        "signature": site.sign(signed_text(action=action, public_key=public_key, at=at)).hex(),
    }
    proxy = f"http://{site.proxy}" if site.proxy else None
    try:
        with httpx.Client(
            verify=trusting(site.certificate), timeout=_SECONDS, proxy=proxy, trust_env=False
        ) as line:
            answer = line.post(f"{site.registrar}/nodes/{action}", json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NodeSilent(
            "The coordinator does not answer: is `skerry federation serve` running, its port open?",
            detail=str(error),
        ) from error
    if answer.status_code != httpx.codes.OK:
        raise EngineRefused(f"The coordinator said: {words(answer)}")


def words(answer: httpx.Response) -> str:
    """Why a coordinator said no, in at most 300 letters."""
    try:
        told = answer.json()["message"]
    except (json.JSONDecodeError, KeyError, TypeError):
        told = f"status {answer.status_code}"
    return str(told)[:300]
