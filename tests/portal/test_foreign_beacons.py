"""Any Beacon v2 server may be a node: other servers' answers are read for what they say."""

from __future__ import annotations

import time

import pytest

from portal.asking.aggregate import Merged, merge
from portal.asking.answer import NodeAnswer, Outcome, Shown
from portal.asking.calls import Calls
from portal.asking.fanout import Credential, Fanout
from portal.nodes.node import Node
from portal.nodes.registry import Registry
from portal.questions.prospects import unsupported
from portal.questions.question import Question, parse
from portal.questions.vocabulary import gathered
from portal.settings import Limits
from tests.support import foreign_beacons
from tests.support.foreign_beacons import Replayed
from tests.support.loopback import served

pytestmark = [pytest.mark.live, pytest.mark.anyio]

VARIANT = parse("NC_000017.11:g.43045711G>A")
PEOPLE = parse("NCIT:C16576")
CARRIERS = parse("BRCA1", terms="NCIT:C16576")
LIMITS = Limits(deadline_seconds=60, connect_seconds=60, first_byte_seconds=60)


async def _never(_audience: str) -> Credential:
    raise AssertionError("no passport is made for somebody else's Beacon")


async def _asked(replayed: Replayed, question: Question) -> tuple[Node, NodeAnswer, Merged]:
    calls = Calls(LIMITS)
    async with served(replayed.app()) as address:
        root = f"{address}/api"
        registry = Registry([], calls, limits=LIMITS, clock=time.time, beacons=[root])
        await registry.refresh()
        (node,) = registry.nodes
        fanout, path = Fanout(calls, LIMITS), f"/{question.kind.value}"
        rows = [
            row
            async for row in fanout.ask(
                [node.target], path, body=question.body(), credential=_never
            )
        ]
        await calls.close()
    return node, rows[0], merge(question.kind, rows)


async def test_pi_api_is_asked_flat_and_its_missing_precision_is_unstated() -> None:
    replayed = foreign_beacons.pi_api()
    node, row, merged = await _asked(replayed, VARIANT)
    assert (node.name, node.problem, [one.id for one in node.datasets]) == (
        "EGA Beacon", "", ["COHORT1"],
    )  # fmt: skip
    assert replayed.bodies[0]["query"]["requestParameters"]["start"] == [43045710]  # type: ignore[index]
    ((one,), merged_precision) = row.sets, merged.precision
    assert (one.dataset, one.count, one.precision, one.shown) == (
        "COHORT1", 1, "unstated", Shown.ABOUT,
    )  # fmt: skip
    assert (row.beacon_id, merged_precision) == ("org.ega-archive.beacon", "imprecise")


async def test_a_question_about_people_sends_no_empty_parameters() -> None:
    """pi-api answers 400 to `requestParameters: {}`."""
    replayed = foreign_beacons.bento()
    await _asked(replayed, PEOPLE)
    query = replayed.bodies[0]["query"]
    assert isinstance(query, dict)
    assert "requestParameters" not in query


async def test_the_mini_nodes_total_of_datasets_is_not_taken_for_people() -> None:
    node, row, merged = await _asked(foreign_beacons.mini_node(), PEOPLE)
    assert [one.id for one in node.datasets] == ["GDI5_COUNTRY"]
    assert [one.count for one in row.sets] == [5, 7]
    assert (merged.low, merged.high, merged.precision) == (12, 12, "imprecise")


async def test_a_node_that_dropped_the_variant_has_not_answered_the_question() -> None:
    _, row, merged = await _asked(foreign_beacons.forgetful_mini_node(), CARRIERS)
    assert row.outcome is Outcome.UNSUPPORTED
    assert row.reason == "It answered without the variant of the question."
    assert (merged.exists, row.sets) == (None, ())


async def test_bycons_counts_are_read() -> None:
    _, row, merged = await _asked(foreign_beacons.bycon(), VARIANT)
    assert [(one.dataset, one.count, one.precision) for one in row.sets] == [
        ("progenetix", 12, "unstated")
    ]
    assert merged.exists is True


async def test_an_error_with_status_200_and_a_no_beside_it_is_no_no() -> None:
    _, row, merged = await _asked(foreign_beacons.bycon(wrong=True), VARIANT)
    assert (row.outcome, row.reason) == (Outcome.UNSUPPORTED, "No variant query was understood.")
    assert merged.exists is None


@pytest.mark.parametrize(("count", "shown"), [(30, Shown.ABOUT), (None, Shown.HIDDEN)])
async def test_bento_speaks_for_itself_as_a_whole(count: int | None, shown: Shown) -> None:
    node, row, _ = await _asked(foreign_beacons.bento(count), PEOPLE)
    assert [(one.dataset, one.count, one.shown) for one in row.sets] == [(None, count, shown)]
    assert [one.typed for one in gathered([node])] == ["sex = FEMALE", "sex = MALE"]


async def test_a_server_that_wants_parameters_nested_is_asked_once_more() -> None:
    replayed = foreign_beacons.strictly_nested()
    _, row, _ = await _asked(replayed, VARIANT)
    forms = [list(body["query"]["requestParameters"]) for body in replayed.bodies]  # type: ignore[index]
    assert ("g_variant" in forms[0], "g_variant" in forms[1]) == (False, True)
    assert row.outcome is Outcome.UNSUPPORTED


async def test_a_server_without_a_map_is_asked_and_one_that_maps_no_people_is_not() -> None:
    node, _, _ = await _asked(foreign_beacons.bycon(), VARIANT)
    assert unsupported(PEOPLE, node, signed_in=False) == ""
    mapped, _, _ = await _asked(foreign_beacons.pi_api(), VARIANT)
    assert unsupported(PEOPLE, mapped, signed_in=False) == ""
