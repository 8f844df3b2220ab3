"""The htsget doors: a granted workspace gets one Crypt4GH file, everyone else a recorded no."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.requests.lifecycle import Step
from schemas.htsget import SignedManifest
from streams import release, sending
from streams.envelope import open_body
from streams.errors import AddressRefused
from streams.header import open_header, read_header
from streams.htsget import tickets
from streams.htsget.questions import MAX_QUERY_BYTES
from streams.keys import SecretKey, public_pem
from streams.sessions import IDLE_SECONDS
from tests.support.access_node import NOW
from tests.support.release_node import ReleaseNode, granted

pytestmark = pytest.mark.anyio
TICKET = "/htsget/reads/sample1"


async def joined(client: httpx.AsyncClient, urls: list[dict[str, Any]]) -> bytes:
    whole = b""
    for url in urls:
        address = url["url"]
        if address.startswith("data:;base64,"):
            whole += base64.b64decode(address.partition(",")[2])
        else:
            answer = await client.get(address)
            assert answer.status_code == 200
            whole += answer.content
    return whole


async def get_ticket(node: ReleaseNode, path: str = TICKET) -> dict[str, Any]:
    async with node.agent_running(), node.client() as client:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["htsget"])


async def refusal(
    node: ReleaseNode, path: str = TICKET, *, person: str | None = "grace", **options: Any
) -> tuple[int, str, str]:
    async with node.agent_running(), node.client(person) as client:
        answer = await client.get(path, **options)
        body = answer.json()["htsget"]
        return answer.status_code, body["error"], body["message"]


async def test_the_parts_of_a_ticket_join_to_one_file_that_only_the_workspace_opens(
    node: ReleaseNode, workspace: SecretKey, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "PART_BYTES", 70_001)
    ticket = await get_ticket(node)
    async with node.client(None) as client:
        stream = io.BytesIO(await joined(client, ticket["urls"]))
    header, plain = read_header(stream), io.BytesIO()
    open_body(stream, plain, open_header(header, [workspace]))
    assert plain.getvalue() == content
    assert len(ticket["urls"]) > 3
    with pytest.raises(Exception, match="opens"):
        open_header(header, [node.node_secret])


async def test_a_ticket_begins_as_htslib_expects_and_is_not_stored(node: ReleaseNode) -> None:
    async with node.agent_running(), node.client() as client:
        answer = await client.get(TICKET, headers={"Origin": "https://viewer.example"})
    assert answer.content.startswith(b'{"htsget":')
    assert answer.headers["content-type"] == tickets.MEDIA_TYPE
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "https://viewer.example"


async def test_the_manifest_is_signed_by_the_node_and_names_what_was_sent(
    node: ReleaseNode,
) -> None:
    ticket = await get_ticket(node)
    signed = SignedManifest.model_validate(ticket["skerry"])
    sealed = node.vault.get("sample1")
    assert sealed is not None
    public = node.node_key.public_key()
    public.verify(bytes.fromhex(signed.signature), signed.manifest.signed_bytes())
    assert signed.manifest.segment_root == sealed.segment_root


async def test_the_intent_is_on_record_before_the_header_leaves(node: ReleaseNode) -> None:
    ticket = await get_ticket(node)
    (intent,) = node.recorded("release.intent")
    assert intent["permit"] == ticket["skerry"]["manifest"]["permit_id"]
    assert intent["header_sha256"] == ticket["skerry"]["manifest"]["header_sha256"]


async def test_bytes_sent_are_on_record_and_addresses_are_not(node: ReleaseNode) -> None:
    ticket = await get_ticket(node)
    async with node.client(None) as client:
        await joined(client, ticket["urls"])
    node.releases.close()
    sealed = node.vault.get("sample1")
    assert sealed is not None
    (close,) = node.recorded("release.close")
    assert (close["sent"], close["end"]) == (sealed.body_size, "stopped")
    signature = ticket["urls"][1]["url"].partition("signature=")[2]
    assert all(signature not in line for line in node.access.kinds())


@pytest.mark.parametrize("header", ["X-C4GH-Public-Key", "Client-Public-Key"])
async def test_the_registered_key_may_be_sent_along(
    node: ReleaseNode, workspace: SecretKey, header: str
) -> None:
    key = base64.b64encode(public_pem(workspace.public)).decode()
    async with node.agent_running(), node.client() as client:
        assert (await client.get(TICKET, headers={header: key})).status_code == 200


async def test_post_without_regions_is_the_whole_object(node: ReleaseNode) -> None:
    async with node.agent_running(), node.client() as client:
        assert (await client.post(TICKET, json={"format": "bam"})).status_code == 200


async def test_any_other_file_has_a_door_of_its_own(node: ReleaseNode) -> None:
    node.seal(b">c\nACGT\n", "genome", kind="file", form="FASTA")
    assert (await get_ticket(node, "/htsget/files/genome"))["format"] == "FASTA"
    assert (await refusal(node, "/htsget/reads/genome"))[1] == "NotFound"


# Refusals


async def test_nobody_gets_nothing(node: ReleaseNode) -> None:
    status, name, _ = await refusal(node, person=None)
    assert (status, name) == (401, "InvalidAuthentication")
    assert node.recorded("release.refused")[0]["reasons"] == ["sign_in_needed"]


async def test_without_a_visa_the_grant_is_missing_and_it_is_recorded(node: ReleaseNode) -> None:
    node.seal(b">c\nACGT\n", "ds1/genome", kind="file", form="FASTA")
    status, name, _ = await refusal(node, "/htsget/files/ds1/genome", person="mallory")
    assert (status, name) == (403, "PermissionDenied")
    (refused,) = node.recorded("release.refused")
    assert (refused["reasons"], refused["object"]) == (["needs_grant"], "ds1/genome")
    assert node.recorded("release.intent") == []


async def test_a_refusal_never_tells_which_objects_there_are(node: ReleaseNode) -> None:
    """Settled rule on statuses: a reason only for what is publicly listed, and objects are not."""
    node.seal(b">c\nACGT\n", "ds1/genome", kind="file", form="FASTA")
    there = await refusal(node, "/htsget/files/ds1/genome", person="mallory")
    not_there = await refusal(node, "/htsget/files/ds1/nothing", person="mallory")
    assert there == not_there
    of_no_listed_name = await refusal(node, person="mallory")
    assert of_no_listed_name == await refusal(node, "/htsget/reads/nothing", person="mallory")
    assert of_no_listed_name[0] == 404


async def test_an_expired_visa_is_no_visa(node: ReleaseNode) -> None:
    node.clock.now = NOW + 10**6
    assert (await refusal(node))[0] == 404


async def test_a_visa_without_a_grant_here_is_not_enough(node: ReleaseNode) -> None:
    node.people["ruth"] = granted("ruth", "ds1")
    assert (await refusal(node, person="ruth"))[0] == 403
    assert node.recorded("release.refused")[0]["reasons"] == ["no_grant"]


async def test_unknown_and_forbidden_ids_look_alike(node: ReleaseNode, content: bytes) -> None:
    node.seal(content, "hidden1")
    unknown = await refusal(node, "/htsget/reads/nothing")
    assert await refusal(node, "/htsget/reads/hidden1") == unknown
    assert await refusal(node, "/htsget/variants/sample1") == unknown
    assert await refusal(node, "/htsget/reads/..%2f..%2fetc") == unknown
    assert unknown[:2] == (404, "NotFound")


async def test_another_format_is_not_made(node: ReleaseNode) -> None:
    assert (await refusal(node, TICKET + "?format=CRAM"))[:2] == (400, "UnsupportedFormat")
    assert (await refusal(node, TICKET + "?format=VCF"))[:2] == (400, "UnsupportedFormat")


@pytest.mark.parametrize(
    "question",
    [
        "referenceName=1",
        "referenceName=1&start=1&end=2",
        "class=header",
    ],
)
async def test_parts_of_an_object_are_clearly_not_offered(node: ReleaseNode, question: str) -> None:
    status, name, message = await refusal(node, f"{TICKET}?{question}")
    assert (status, name) == (400, "InvalidInput")
    assert "not offered in slices" in message


async def test_a_posted_query_has_no_address_parameters_and_a_cap(node: ReleaseNode) -> None:
    async with node.client() as client:
        assert (await client.post(TICKET + "?format=BAM", json={})).status_code == 400
        assert (await client.post(TICKET, content=b" " * (MAX_QUERY_BYTES + 1))).status_code == 413
        assert (await client.post(TICKET, json={"regions": []})).status_code == 400


async def test_when_the_key_agent_is_down_nothing_leaves(node: ReleaseNode) -> None:
    async with node.client() as client:
        answer = await client.get(TICKET)
    assert answer.status_code == 503
    assert node.recorded("release.intent") == []
    assert node.recorded("release.refused")[0]["reasons"] == ["agent_unavailable"]


async def test_when_the_record_cannot_be_written_nothing_leaves(node: ReleaseNode) -> None:
    node.access.record.close()
    async with node.agent_running(), node.client() as client:
        answer = await client.get(TICKET)
    assert answer.status_code == 503
    assert b"data:" not in answer.content


# Body parts


async def block_address(node: ReleaseNode) -> str:
    return str((await get_ticket(node))["urls"][1]["url"])


async def test_ranges_work_inside_a_part_and_may_be_repeated(node: ReleaseNode) -> None:
    address = await block_address(node)
    sealed = node.vault.get("sample1")
    assert sealed is not None
    async with node.client(None) as client:
        whole = (await client.get(address)).content
        for raw, start, end in (
            ("bytes=10-19", 10, 20),
            (f"bytes={len(whole) - 5}-", len(whole) - 5, len(whole)),
            ("bytes=-7", len(whole) - 7, len(whole)),
            ("bytes=0-99999999", 0, len(whole)),
        ):
            for _ in range(2):
                answer = await client.get(address, headers={"Range": raw})
                assert answer.status_code == 206
                assert answer.content == whole[start:end]
                assert answer.headers["etag"] == f'"{sealed.segment_root}"'
                expected = f"bytes {start}-{end - 1}/{len(whole)}"
                assert answer.headers["content-range"] == expected


async def test_a_range_beyond_the_part_is_416(node: ReleaseNode) -> None:
    address = await block_address(node)
    async with node.client(None) as client:
        answer = await client.get(address, headers={"Range": "bytes=999999999-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"].startswith("bytes */")


async def test_a_range_of_another_version_is_answered_whole(node: ReleaseNode) -> None:
    address = await block_address(node)
    async with node.client(None) as client:
        headers = {"Range": "bytes=1-2", "If-Range": '"older"'}
        assert (await client.get(address, headers=headers)).status_code == 200
        assert (await client.head(address)).headers["accept-ranges"] == "bytes"


async def test_revocation_ends_a_release_at_the_next_request(
    node: ReleaseNode, tmp_path: object
) -> None:
    address = await block_address(node)
    (request,) = node.access.store.requests_for(["ds1"])
    node.access.take(request.request_id, Step.REVOKE, by="dora")
    async with node.client(None) as client:
        assert (await client.get(address)).status_code == 403
        assert (await client.get(address)).status_code == 404
    assert node.recorded("release.close")[0]["end"] == "withdrawn"


async def test_revocation_stops_a_transfer_at_the_next_batch(
    node: ReleaseNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "NEAR_BATCH_BYTES", 50_000)
    address = httpx.URL(await block_address(node))
    session, raw_part = address.path.split("/")[-2:]
    start0, end0 = (int(text) for text in raw_part.split("-"))
    expires = int(address.params["expires"])
    bound = tickets.Address(
        session, "", caller="", part=tickets.Part(start0, end0), expires=expires
    )
    claim = await node.releases.claim(bound, address.params["signature"], start0=start0, end0=end0)
    sent = node.releases.send(claim)
    assert len(await anext(sent)) == 50_000
    (request,) = node.access.store.requests_for(["ds1"])
    node.access.take(request.request_id, Step.REVOKE, by="dora")
    with pytest.raises(AddressRefused):
        await anext(sent)
    assert node.recorded("release.block")[0]["sent"] == 50_000


async def test_an_idle_release_ends(node: ReleaseNode) -> None:
    address = await block_address(node)
    node.clock.now += IDLE_SECONDS
    async with node.client(None) as client:
        assert (await client.get(address)).status_code in (403, 404)
    assert node.recorded("release.close")[0]["end"] == "idle"


async def test_no_release_outlives_its_permit(node: ReleaseNode) -> None:
    address = await block_address(node)
    node.clock.now += 3600
    async with node.client(None) as client:
        assert (await client.get(address)).status_code in (403, 404)


async def test_a_permit_covers_only_so_many_bytes(
    node: ReleaseNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "BUDGET_TIMES", 2)
    monkeypatch.setattr(release, "BUDGET_SLACK", 0)
    address = await block_address(node)
    async with node.client(None) as client:
        statuses = [(await client.get(address)).status_code for _ in range(3)]
    assert statuses == [200, 200, 403]


# Service info and other origins


@pytest.mark.parametrize(
    ("kind", "formats"), [("reads", ["BAM", "CRAM"]), ("variants", ["VCF", "BCF"])]
)
async def test_service_info_names_the_standard_and_says_what_is_applied(
    node: ReleaseNode, kind: str, formats: list[str]
) -> None:
    async with node.client(None) as client:
        info = (await client.get(f"/htsget/{kind}/service-info")).json()
    assert info["type"] == {"group": "org.ga4gh", "artifact": "htsget", "version": "1.3.0"}
    assert info["htsget"] == {
        "datatype": kind,
        "formats": formats,
        "fieldsParameterEffective": kind == "reads",
        "tagsParametersEffective": kind == "reads",
        "skerry": {
            "fieldsEffectiveFormats": ["BAM"] if kind == "reads" else [],
            "tagsEffectiveFormats": ["BAM"] if kind == "reads" else [],
        },
    }


async def test_preflight_allows_what_was_asked_for(node: ReleaseNode) -> None:
    headers = {
        "Origin": "https://viewer.example",
        "Access-Control-Request-Headers": "authorization, range",
    }
    async with node.client(None) as client:
        answer = await client.options("/htsget/blocks/x/0-1", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-headers"] == "authorization, range"
    assert answer.headers["access-control-max-age"] == str(30 * 24 * 3600)


async def test_a_foreign_signature_on_the_manifest_would_not_pass(node: ReleaseNode) -> None:
    signed = SignedManifest.model_validate((await get_ticket(node))["skerry"])
    forged = Ed25519PrivateKey.generate().sign(signed.manifest.signed_bytes())
    assert forged.hex() != signed.signature
