"""Journey 1: a Beacon answers strangers and people with visas, each their share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.demo.smoke import truth as smoke_truth
from gateway.demo.smoke.truth import AlleleAsked, Files
from gateway.demo.smoke.walk import Walk, allele_parameters, expect, json_of, name_of, summary
from gateway.errors import DemoError

_FEMALE = "NCIT:C16576"


async def journey(walk: Walk) -> str:
    every, federation = walk.files(), walk.federation
    asked = smoke_truth.pick_allele(every, walk.chooser)
    term = walk.chooser.choice(sorted(smoke_truth.diseases(every[0])))
    at_open = [await _ask_allele(walk, 0, asked, method=method) for method in ("GET", "POST")]
    for answer in at_open:
        expect("anonymous at the open node", (True, 1), summary(answer))
    await _expect_range(walk, asked)
    truth = len(smoke_truth.with_disease(every[0], frozenset({term})))
    found = await _individuals(walk, 0, [term], token=None)
    expect(f"people with {term} at the open node", truth, found)
    if walk.federation.plans[0][0].source.hierarchies:
        await _expect_descendants(walk, every[0])
    seen = [f"{name_of(asked)} found by GET and POST; {truth} people with {term}"]
    if len(every) > 1:
        seen.append(await _expect_protected(walk, every[1]))
    if len(every) > 2:
        refused = await walk.http.get(
            f"{walk.urls[2]}/beacon/g_variants", params=allele_parameters(walk, asked, 2)
        )
        expect("anonymous at the controlled node", 403, refused.status_code)
        seen.append("controlled node refused a stranger")
    granted = [
        await _individuals(
            walk, node, [_FEMALE], token=await walk.people.passport("grace", url), carrying=asked
        )
        for node, url in enumerate(walk.urls)
    ]
    truths = [
        len(smoke_truth.female(files) & carriers)
        for files, carriers in zip(every, asked.carriers, strict=True)
    ]
    expect("female carriers, counted with a grant", truths, granted)
    seen.append(f"with a grant, female carriers {' + '.join(map(str, granted))}")
    bad = await walk.http.get(f"{walk.urls[0]}/beacon/individuals", params={"filters": "NOPE:1"})
    expect("an unknown filter", 400, bad.status_code)
    expect("nodes asked", len(federation.plans), len(granted))
    return "; ".join(seen)


async def _expect_protected(walk: Walk, files: Files) -> str:
    """Of the default node, strangers learn whether a common allele is there and nothing of a rare
    one; without public frequencies, nothing at all."""
    common = smoke_truth.pick_allele([files], walk.chooser, carriers=range(30, 2**31))
    rare = smoke_truth.pick_allele([files], walk.chooser, carriers=range(1, 2))
    refused = [rare]
    if walk.federation.plans[1][0].panel is None:
        refused.append(common)
    else:
        answer = await _ask_allele(walk, 1, common)
        expect("anonymous at the default node", (True, None), summary(answer))
    for asked in refused:
        told = await walk.http.get(
            f"{walk.urls[1]}/beacon/g_variants", params=allele_parameters(walk, asked, 1)
        )
        expect("a stranger's rare allele at the default node", 403, told.status_code)
        expect("why", "suppressed", told.json()["info"]["code"])
    return "default node told a stranger of a common allele only"


async def _expect_descendants(walk: Walk, files: Files) -> None:
    """A parent term counts the people with any disease below it."""
    below = frozenset({"MONDO:0005147", "MONDO:0005148"})
    truth = len(smoke_truth.with_disease(files, below))
    found = await _individuals(walk, 0, ["MONDO:0005015"], token=None)
    expect("people with diabetes, descendants included", truth, found)


async def _expect_range(walk: Walk, asked: AlleleAsked) -> None:
    params = allele_parameters(walk, asked, 0)
    for name in ("referenceBases", "alternateBases"):
        del params[name]
    params["end"] = str(asked.start0 + 1)
    answer = await json_of(walk.http.get(f"{walk.urls[0]}/beacon/g_variants", params=params))
    exists, count = summary(answer)
    if not exists or not isinstance(count, int) or count < 1:
        raise DemoError(f"range over {name_of(asked)}: expected at least 1, got {count!r}")


async def _ask_allele(
    walk: Walk, node: int, asked: AlleleAsked, *, method: str = "GET"
) -> Mapping[str, Any]:
    url, params = f"{walk.urls[node]}/beacon/g_variants", allele_parameters(walk, asked, node)
    if method == "GET":
        return await json_of(walk.http.get(url, params=params))
    variant: dict[str, object] = {**params, "start": [asked.start0]}
    granularity = variant.pop("requestedGranularity")
    query = {"requestParameters": {"g_variant": variant}, "requestedGranularity": granularity}
    return await json_of(
        walk.http.post(url, json={"meta": {"apiVersion": "v2.2.0"}, "query": query})
    )


async def _individuals(
    walk: Walk,
    node: int,
    filters: list[str],
    *,
    token: str | None,
    carrying: AlleleAsked | None = None,
) -> object:
    """The number a node tells of people with all `filters`, None when it tells presence only."""
    query: dict[str, object] = {
        "filters": [{"id": term} for term in filters],
        "requestedGranularity": "count",
    }
    if carrying is not None:
        variant: dict[str, object] = {
            **allele_parameters(walk, carrying, node),
            "start": [carrying.start0],
        }
        del variant["requestedGranularity"]
        query["requestParameters"] = {"g_variant": variant}
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = await json_of(
        walk.http.post(
            f"{walk.urls[node]}/beacon/individuals",
            json={"meta": {"apiVersion": "v2.2.0"}, "query": query},
            headers=headers,
        )
    )
    return summary(answer)[1]
