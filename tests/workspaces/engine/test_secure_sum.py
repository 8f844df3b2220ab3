"""A secure sum gives the sum, and whoever carries it gets nothing else, whatever they ask."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tests.support.secure_sites import (
    NOW,
    RUN,
    UNTIL,
    drawn,
    federation,
    opened,
    secure_sum,
    site,
)
from workspaces.analysis import limbs
from workspaces.engine.federated import masking, masks, shares
from workspaces.engine.federated.masking import Asked, Masked, Opening
from workspaces.engine.federated.opening import total
from workspaces.engine.federated.roster import Claim, Refused, verify, verify_all


def test_the_sum_is_exactly_the_sum_of_all() -> None:
    sums = federation(6)
    words = drawn(sums)
    assert (secure_sum(sums, words) == sum(words.values())).all()


def test_numbers_through_limbs_and_masks_come_back_as_their_sum() -> None:
    sums = federation(4)
    source = np.random.default_rng(7)
    numbers = {me: source.normal(0, 1_000, 300) for me in sums}
    words = {me: masking.plain_words(limbs.encode(one)) for me, one in numbers.items()}
    found = limbs.decode(secure_sum(sums, words).astype(np.int64), sites=4)
    assert np.abs(found - sum(numbers.values())).max() < 1e-8


@pytest.mark.parametrize("count", [1, 2])
def test_sites_that_drop_out_leave_the_sum_of_the_others(count: int) -> None:
    sums = federation(6)
    words = drawn(sums)
    gone = tuple(sums)[:count]
    rest = sum(one for me, one in words.items() if me not in gone)
    assert (secure_sum(sums, words, gone=gone) == rest).all()


def test_too_many_drop_outs_open_nothing() -> None:
    sums = federation(6)
    with pytest.raises(Refused, match="asks for 4"):
        secure_sum(sums, drawn(sums), gone=tuple(sums)[:3])


def test_every_round_has_masks_of_its_own() -> None:
    sums = federation(3)
    words = {me: np.zeros(100, dtype=np.uint32) for me in sums}
    me = next(iter(sums))
    first = masking.mask(sums[me], words[me], Asked(0, "what", tuple(sums)))
    second = masking.mask(sums[me], words[me], Asked(1, "what", tuple(sums)))
    assert (first.words != second.words).mean() > 0.99


def test_no_message_nor_proper_subset_of_messages_decodes_to_its_sums() -> None:
    sums = federation(5)
    words = {me: masking.plain_words(limbs.encode(np.full(200, 3.0))) for me in sums}
    asked = list(sums)
    masked = {me: masking.mask(sums[me], words[me], Asked(0, "what", tuple(asked))) for me in asked}
    for size in range(1, 5):
        for some in itertools.combinations(asked, size):
            summed = np.zeros(400, dtype=np.uint32)
            for me in some:
                summed = summed + masked[me].words
            with pytest.raises(ValueError, match="outside"):
                limbs.decode(summed.astype(np.int64), sites=size)


def test_what_opened_the_whole_sum_opens_no_part_of_it() -> None:
    """The coordinator keeps all it saw of a round, drop-outs included, and tries every subset."""
    sums = federation(5)
    words = {me: masking.plain_words(limbs.encode(np.full(200, 3.0))) for me in sums}
    asked, gone = list(sums), next(iter(sums))
    every = {me: masking.mask(sums[me], words[me], Asked(0, "what", tuple(asked))) for me in asked}
    masked = {me: one for me, one in every.items() if me != gone}
    seen = opened(sums, masked, asked, 0)
    numbers = {one: sums[gone].number(one) for one in sums}
    assert total(masked, seen, numbers=numbers, thresholds=dict.fromkeys(sums, 3)).size == 400
    for size in range(1, 4):
        for some in itertools.combinations(masked, size):
            part = {me: masked[me] for me in some}
            summed = total(part, seen, numbers=numbers, thresholds=dict.fromkeys(sums, 3))
            with pytest.raises(ValueError, match="outside"):
                limbs.decode(summed.astype(np.int64), sites=size)
    with pytest.raises(Refused):  # the one that dropped out late: nobody opened its own mask
        total({gone: every[gone]}, seen, numbers=numbers, thresholds=dict.fromkeys(sums, 3))


def test_two_keys_with_equal_xor_fold_give_different_masks() -> None:
    one = bytes(range(32))
    swapped = one[4:8] + one[:4] + one[8:]
    words = np.frombuffer(one, "<u4"), np.frombuffer(swapped, "<u4")
    assert np.bitwise_xor.reduce(words[0]) == np.bitwise_xor.reduce(words[1])
    assert (masks.stream(one, 1_000) != masks.stream(swapped, 1_000)).mean() > 0.99


def test_a_mask_depends_on_every_bit_of_its_key() -> None:
    plain = masks.stream(bytes(32), 64)
    for bit in range(256):
        key = bytearray(32)
        key[bit // 8] ^= 1 << bit % 8
        assert (masks.stream(bytes(key), 64) != plain).mean() > 0.9


@pytest.mark.parametrize(("roster", "least"), [(2, 2), (2, 3), (3, 2), (1, 1), (6, 0)])
def test_a_permit_for_fewer_than_three_sites_is_refused(roster: int, least: int) -> None:
    with pytest.raises(Refused, match="at least 3"):
        masking.threshold(roster=roster, least=least)


@pytest.mark.parametrize(
    ("roster", "least", "needed"), [(3, 3, 3), (5, 3, 3), (6, 3, 4), (7, 3, 4), (6, 5, 5)]
)
def test_more_than_half_of_the_roster_is_needed(roster: int, least: int, needed: int) -> None:
    assert masking.threshold(roster=roster, least=least) == needed


def test_a_sum_over_fewer_sites_than_the_permit_asks_for_is_not_begun() -> None:
    three = {(one := site()).fingerprint: one for _ in range(3)}
    claims = {name: one.claim for name, one in three.items()}
    me = next(iter(three))
    with pytest.raises(Refused, match="has 3 sites"):
        masking.begin(claims, me=me, secret=three[me].secret, run=RUN, needed=4)


def test_a_site_does_not_answer_for_a_sum_it_is_not_in() -> None:
    sums = federation(4)
    me, *others = sums
    with pytest.raises(Refused, match="not among"):
        masking.mask(sums[me], np.zeros(2, dtype=np.uint32), Asked(0, "what", tuple(others)))


def test_a_stranger_in_the_list_of_a_round_is_refused() -> None:
    sums = federation(4)
    with pytest.raises(Refused, match="agreed on"):
        masking.mask(
            next(iter(sums.values())),
            np.zeros(2, dtype=np.uint32),
            Asked(0, "what", (*sums, "f" * 64)),
        )


def test_singling_one_site_out_is_refused() -> None:
    sums = federation(4)
    asked = list(sums)
    masked = {
        me: masking.mask(sums[me], np.zeros(4, dtype=np.uint32), Asked(0, "what", tuple(asked)))
        for me in asked
    }
    for few in (asked[:1], asked[:2]):
        with pytest.raises(Refused, match="asks for 3"):
            masking.unmask(
                sums[asked[0]],
                Asked(0, "what", tuple(asked)),
                alive=few,
                boxes={peer: masked[peer].boxes[asked[0]] for peer in few},
            )


def test_shares_of_a_site_that_is_called_gone_are_not_opened() -> None:
    sums = federation(4)
    asked = list(sums)
    masked = {
        me: masking.mask(sums[me], np.zeros(4, dtype=np.uint32), Asked(0, "what", tuple(asked)))
        for me in asked
    }
    with pytest.raises(Refused, match="not of the sites"):
        masking.unmask(
            sums[asked[0]],
            Asked(0, "what", tuple(asked)),
            alive=asked[:3],
            boxes={peer: masked[peer].boxes[asked[0]] for peer in asked},
        )


@pytest.mark.parametrize("lie", ["another round", "another question", "another site", "bytes"])
def test_a_share_that_was_not_sealed_for_this_is_refused(lie: str) -> None:
    sums = federation(3)
    asked = list(sums)
    told = Asked(int(lie == "another round"), lie, tuple(asked))
    masked = {me: masking.mask(sums[me], np.zeros(4, dtype=np.uint32), told) for me in asked}
    me, peer, third = asked
    boxes = {one: masked[one].boxes[me] for one in asked}
    if lie == "another site":
        boxes[peer] = masked[third].boxes[me]
    elif lie == "bytes":
        boxes[peer] = b"short"
    mine = Asked(0, "what" if lie == "another question" else lie, tuple(asked))
    with pytest.raises(Refused, match="not sealed"):
        masking.unmask(sums[me], mine, alive=asked, boxes=boxes)


def test_a_second_drop_out_in_one_round_opens_nothing() -> None:
    sums = federation(6)
    asked = list(sums)
    masked = {
        me: masking.mask(sums[me], np.zeros(4, dtype=np.uint32), Asked(0, "what", tuple(asked)))
        for me in asked[1:]
    }
    seen = opened(sums, masked, asked, 0)
    del seen[asked[1]]
    with pytest.raises(Refused, match="twice"):
        total(masked, seen, numbers={}, thresholds={})


def test_vectors_of_different_lengths_are_refused() -> None:
    words = {"a": Masked(np.zeros(2, np.uint32), {}), "b": Masked(np.zeros(3, np.uint32), {})}
    with pytest.raises(Refused, match="different lengths"):
        total(words, {}, numbers={"a": 1, "b": 2}, thresholds={"a": 2, "b": 2})


def test_a_sum_nobody_helped_to_open_stays_shut() -> None:
    words = {"a": Masked(np.zeros(2, np.uint32), {})}
    with pytest.raises(Refused, match="are needed"):
        total(words, {"a": Opening({}, {})}, numbers={"a": 1}, thresholds={"a": 2, "b": 2})


def test_shares_below_the_threshold_say_nothing() -> None:
    dealt = shares.split(bytes(31) + b"\x05", threshold=3, shares=5)
    assert shares.join({1: dealt[0], 3: dealt[2], 5: dealt[4]})[-1] == 5
    with pytest.raises(ValueError, match="do not give"):
        shares.join({1: dealt[0], 2: dealt[1]})


@pytest.mark.parametrize("numbers", [[-1], [1 << 24], []])
def test_what_is_no_limb_is_not_masked(numbers: list[int]) -> None:
    with pytest.raises(Refused, match="limbs"):
        masking.plain_words(np.array(numbers, dtype=np.int64))


# --- who is who ----------------------------------------------------------------------------------


def judge(found: Claim, **changes: object) -> str:
    facts = {"run": RUN, "roster": [found.start.fingerprint], "now": NOW} | changes
    return verify(found, **facts)  # type: ignore[arg-type]  # the facts of one test


def test_a_claim_up_the_whole_chain_is_accepted() -> None:
    made = site()
    assert judge(made.claim) == made.fingerprint
    assert Claim.of_record(made.claim.record()) == made.claim


def test_a_key_the_coordinator_put_in_is_refused() -> None:
    made, forged = site().claim, site().claim
    with pytest.raises(Refused, match="not signed"):
        judge(replace(made, public=forged.public))
    with pytest.raises(Refused, match="not signed"):
        judge(replace(forged, start=made.start))
    with pytest.raises(Refused, match="not on the permit's roster"):
        judge(forged, roster=[made.start.fingerprint])
    with pytest.raises(Refused, match="not signed"):
        judge(replace(made, start=replace(forged.start, identity=made.start.identity)))


def test_an_empty_roster_admits_nobody() -> None:
    with pytest.raises(Refused, match="roster"):
        judge(site().claim, roster=[])


def test_a_claim_of_another_run_or_after_its_time_is_refused() -> None:
    with pytest.raises(Refused, match="another run"):
        judge(site(run="4712").claim)
    with pytest.raises(Refused, match="expired"):
        judge(site().claim, now=UNTIL + 1)


def test_one_site_does_not_count_twice() -> None:
    one = site()
    with pytest.raises(Refused, match="twice"):
        verify_all([one.claim, one.claim], run=RUN, roster=[one.fingerprint], now=NOW)


def test_a_site_whose_committee_approved_other_terms_is_in_no_sum_of_ours() -> None:
    sites = [site(terms="a" * 64), site(terms="a" * 64), site(terms="b" * 64)]
    roster, claims = [one.fingerprint for one in sites], [one.claim for one in sites]
    with pytest.raises(Refused, match="different terms"):
        verify_all(claims, run=RUN, roster=roster, now=NOW, terms="a" * 64)
    agreed = verify_all(claims[:2], run=RUN, roster=roster, now=NOW, terms="a" * 64)
    assert [*agreed] == roster[:2]


def test_nobody_but_the_site_says_under_which_terms_it_is() -> None:
    made = site(terms="a" * 64).claim
    with pytest.raises(Refused, match="not signed"):
        judge(replace(made, start=replace(made.start, terms="b" * 64)))


def test_two_sites_with_one_key_are_refused() -> None:
    one, other, third = site(), site(), site()
    claims = {s.fingerprint: s.claim for s in (one, other, third)}
    claims[other.fingerprint] = replace(other.claim, public=one.claim.public)
    with pytest.raises(Refused, match="one key"):
        masking.begin(claims, me=one.fingerprint, secret=one.secret, run=RUN, needed=3)


@pytest.mark.parametrize(
    "record",
    [
        None, 3, [], {}, {"start": 1}, {"start": {}, "run": "1"},
        {"start": {"identity": "", "key": "", "until": "x"}, "run": "1", "public": ""},
        {"start": {"identity": "z", "key": "z", "until": 1}, "run": 5, "public": ""},
    ],
)  # fmt: skip
def test_what_is_no_claim_is_refused(record: object) -> None:
    with pytest.raises(Refused, match="malformed"):
        Claim.of_record(record)


@pytest.mark.parametrize("member", ["identity", "key", "signature"])
def test_a_claim_of_other_letters_is_refused(member: str) -> None:
    made = site().claim
    start = replace(made.start, **{member: "zz"})  # type: ignore[arg-type]  # one text for another
    with pytest.raises(Refused, match="not signed"):
        verify(replace(made, start=start), run=RUN, roster=["0" * 64], now=NOW)
