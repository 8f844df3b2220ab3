"""The workspace's own line to its node: every request is signed by its identity, nothing else is.

RFC 9421 in the profile of `schemas.http_signature`. What a permit or an answer is worth is
`permit`'s and `supervisor`'s to say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TypeVar

import httpx
from pydantic import BaseModel

from schemas import http_signature
from schemas.grants import Proof, SignedPermit
from schemas.http_signature import Parameters
from schemas.runs import (
    CandidateView,
    Phase,
    SignedReceipt,
    Standing,
    StartAsked,
    StartChallenge,
)
from workspaces import wire
from workspaces.errors import NodeRefused, NodeSilent
from workspaces.keys import WorkspaceKeys

SERVER_FAILED = 500

Model = TypeVar("Model", bound=BaseModel)


class NodeLine:
    """Methods block. Each raises NodeRefused (`upstream` is 4xx), NodeSilent or ReleaseUntrue."""

    def __init__(
        self, held: WorkspaceKeys, node_url: str, *, http: httpx.Client, clock: Callable[[], float]
    ) -> None:
        node = held.settings.node(node_url)
        self._held = held
        self._url = node.url
        self._workspace = node.workspace_id
        self._http = http
        self._clock = clock

    def ask_start(self, asked: StartAsked, *, token: str) -> StartChallenge:
        bearer = {"Authorization": f"Bearer {token}"}
        return self._ask(StartChallenge, "/access/runs", asked, bearer)

    def prove(self, run: str, answer: bytes) -> SignedPermit:
        return self._ask(SignedPermit, f"/access/runs/{run}/proof", Proof(answer=answer.hex()))

    def poll(self, run: str, said: Phase) -> Standing:
        return self._ask(Standing, f"/access/runs/{run}/standing", said)

    def offer(self, run: str, output: bytes) -> CandidateView:
        path = f"/access/runs/{run}/candidates"
        headers = {"Content-Type": "application/octet-stream"}
        return wire.read(CandidateView, self._exchange(path, output, headers))

    def give(self, receipt: SignedReceipt) -> None:
        body = receipt.model_dump_json().encode()
        self._exchange("/access/runs/receipts", body, {"Content-Type": "application/json"})

    def _ask(
        self,
        model: type[Model],
        path: str,
        said: BaseModel,
        headers: Mapping[str, str] | None = None,
    ) -> Model:
        body = said.model_dump_json().encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        return wire.read(model, self._exchange(path, body, sent))

    def _exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        url = self._url + path
        parameters = Parameters(self._workspace, int(self._clock()), os.urandom(16).hex())
        signed = http_signature.base("POST", url, body=body, parameters=parameters)
        signature = self._held.identity.sign(signed)
        sent = {**headers, **http_signature.headers(body, parameters, signature)}
        try:
            return wire.exchange(self._http, "POST", url, headers=sent, content=body)
        except NodeRefused as error:
            if error.upstream >= SERVER_FAILED:  # it decided nothing
                raise NodeSilent("The node failed.", detail=str(error.upstream)) from error
            raise
