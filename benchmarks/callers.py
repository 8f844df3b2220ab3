"""A caller with a passport of ten visas, signed by an issuer that serves its keys on loopback."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from passports.tokens import PASSPORT_TYP, VISA_TYP, SigningKey, sign

BONA_FIDE = "https://doi.org/10.1038/s41431-018-0219-y"
VISAS = 10


class Callers:
    """`trust` is what the node's trust file must say; `passport` suits the last address given."""

    def __init__(self) -> None:
        key = self._key = SigningKey.generate()
        keys = json.dumps({"keys": [key.public_jwk()]}).encode()

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, *_given: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._jku = f"{self.issuer}/jwks"
        stated = {
            "ResearcherStatus": BONA_FIDE,
            "AcceptedTermsAndPolicies": BONA_FIDE,
            "AffiliationAndRole": "*",
        }
        self.trust = {
            "brokers": [{"issuer": self.issuer, "jwks_url": self._jku}],
            "visa_issuers": [
                {
                    "issuer": self.issuer,
                    "jku": self._jku,
                    "may_assert": [
                        {"type": kind, "sources": [self.issuer], "values": [value]}
                        for kind, value in stated.items()
                    ],
                }
            ],
        }
        self.passport = ""

    def address(self, audience: str) -> None:
        """Makes the passport one for this node; a second call keeps the first."""
        if self.passport:
            return
        values = [
            ("ResearcherStatus", BONA_FIDE),
            ("AcceptedTermsAndPolicies", BONA_FIDE),
            *(("AffiliationAndRole", f"faculty@u{n}.example") for n in range(VISAS - 2)),
        ]
        visas = [self._visa(kind, value) for kind, value in values]
        claims = self._claims() | {"aud": audience, "ga4gh_passport_v1": visas}
        self.passport = sign(claims, key=self._key, typ=PASSPORT_TYP)

    def _visa(self, kind: str, value: str) -> str:
        stated = {
            "type": kind, "value": value, "source": self.issuer, "by": "so",
            "asserted": int(time.time()) - 60,
        }  # fmt: skip
        claims = self._claims() | {"ga4gh_visa_v1": stated}
        return sign(claims, key=self._key, typ=VISA_TYP, jku=self._jku)

    def _claims(self) -> dict[str, object]:
        now = int(time.time())
        return {"iss": self.issuer, "sub": "rosa", "iat": now, "exp": now + 3600}

    def close(self) -> None:
        self._server.shutdown()
