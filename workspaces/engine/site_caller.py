"""Who calls a coordinator as a site: who signs the request, now, by an identity of the roster."""

from __future__ import annotations

import time
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from schemas.errors import Forbidden
from workspaces.engine.port import fingerprint

LEEWAY_SECONDS = 120  # a site's clock against ours; also how long its signature could be replayed


class SiteCallers:
    """Each signature is good once, within the leeway."""

    def __init__(self, sites: Mapping[str, str]) -> None:
        self._sites = sites
        self._used: dict[str, float] = {}

    def prove(self, *, identity: str, signature: str, text: bytes, at: int) -> str:
        """The fingerprint of the site that signed `text` with the time `at` in it; raises
        `Forbidden`."""
        site, now = fingerprint(bytes.fromhex(identity)), time.time()
        for used, until in list(self._used.items()):
            if until < now:
                del self._used[used]
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(identity)).verify(
                bytes.fromhex(signature), text
            )
        except (InvalidSignature, ValueError) as error:
            raise Forbidden("The request is not signed by that identity.") from error
        if site not in self._sites:
            raise Forbidden("That identity is no site of this federation.")
        if abs(now - at) > LEEWAY_SECONDS:
            raise Forbidden("The request's time is not ours: set the site's clock.")
        if signature in self._used:
            raise Forbidden("That request was made before.")
        self._used[signature] = at + 2 * LEEWAY_SECONDS
        return site
