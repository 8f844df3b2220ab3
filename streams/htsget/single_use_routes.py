"""The two addresses of `skerry fetch`: a ticket, and the release that it opens once.

`POST /htsget/tickets/{reads|variants|files}/{id}` takes htsget's posted query; the ticket is used
at `GET /htsget/blocks/{ticket}/header`, where a worker's releases are found already.
"""

from __future__ import annotations

import base64

from fastapi import APIRouter, Request, Response
from starlette.routing import Route

from passports.researcher import Researcher
from schemas.errors import NotFound, SkerryError
from schemas.htsget import SealedTicket
from streams.errors import NoSuchSession
from streams.htsget.asking import Caller, read_wanted
from streams.htsget.single_use import SingleUse
from streams.htsget.tickets import MEDIA_TYPE
from streams.sources import Kind

MAX_NAME = 64
_NEVER_KEPT = {"Cache-Control": "no-store"}
_KINDS = {"reads": Kind.READS, "variants": Kind.VARIANTS, "files": Kind.FILE}


def add_single_use(router: APIRouter, single: SingleUse, *, caller: Caller) -> None:
    """Before the body parts, whose addresses are of the same form."""
    desk = single.desk

    async def issue(request: Request) -> Response:
        raw_kind, object_id = request.path_params["kind"], request.path_params["object_id"]
        researcher: Researcher | None = None
        try:
            if raw_kind not in _KINDS:
                raise NotFound("Tickets are for reads, variants and files.")
            researcher = await caller(request)
            wanted = await read_wanted(request, _KINDS[raw_kind], object_id)
            sealed = await single.issue(researcher, wanted)
        except SkerryError as error:
            await desk.refused(error, researcher, door="release.ticket", object_id=object_id)
            raise
        answer = SealedTicket(ticket=base64.b64encode(sealed).decode())
        return Response(answer.model_dump_json(), 201, _NEVER_KEPT, media_type="application/json")

    async def use(request: Request) -> Response:
        try:
            if request.method == "HEAD":  # comes with GET, and must not use a ticket up
                raise NoSuchSession
            answer = await single.use(request.path_params["ticket"][:MAX_NAME])
        except SkerryError as error:
            await desk.refused(error, None, door="release.header", object_id=None)
            raise
        content = answer.model_dump_json(exclude_none=True)
        return Response(content, 200, _NEVER_KEPT, media_type=MEDIA_TYPE)

    issuing = "/htsget/tickets/{kind}/{object_id:path}"
    router.routes.append(Route(issuing, issue, methods=["POST"]))
    router.routes.append(Route("/htsget/blocks/{ticket}/header", use, methods=["GET"]))
