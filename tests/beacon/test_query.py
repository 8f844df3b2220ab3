"""Beacon v2.2 requests, read leniently and refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.policies.policy import Granularity
from beacon.catalog import Allele, ById, HasTerm, InGene, Span
from beacon.errors import BadQuestion, BodyTooLarge, UnsupportedQuestion
from beacon.query import Query, Target, from_body, from_get
from beacon.request_body import MAX_BODY_BYTES
from beacon.variation.shorthand import Asked
from schemas.entries import ENTRY_TYPES
from schemas.errors import InvalidInput, TooLarge

VARIANTS = Target("genomicVariant")
PEOPLE = Target("individual")
EXACT = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}


def get(target: Target = VARIANTS, /, **params: str) -> Query:
    return from_get(target, list(params.items()))


def post(query: dict[str, Any], *, target: Target = VARIANTS, **beside: Any) -> Query:
    body = {"meta": {"apiVersion": "v2.2.0"}, "query": query, **beside}
    return from_body(target, json.dumps(body).encode())


def variant(**params: Any) -> Query:
    return post({"requestParameters": {"g_variant": params}})


@pytest.mark.parametrize("name", ["1", "chr1", "refseq:NC_000001.11", "NC_000001.11"])
@pytest.mark.parametrize("assembly", ["GRCh38", "hg38", "GRCh38.p13", "GCF_000001405.39"])
def test_names_of_sequence_and_assembly_are_read_in_every_spelling(
    name: str, assembly: str
) -> None:
    asked = get(**{**EXACT, "referenceName": name, "assemblyId": assembly}).asked
    assert asked is not None
    assert (asked.question, asked.assembly) == (Allele("1", 100, "A", "G"), "GRCh38")


def test_an_accession_says_its_assembly() -> None:
    asked = get(**{**EXACT, "referenceName": "NC_000001.10"}).asked
    assert asked is not None
    assert asked.assembly == "GRCh37"


def test_flat_nested_and_get_ask_the_same_and_the_echo_is_nested() -> None:
    flat = {**EXACT, "start": [100]}
    queries = [get(**EXACT), post({"requestParameters": flat}), variant(**flat)]
    assert len({query.asked for query in queries}) == 1
    for query in queries:
        assert query.echo["requestParameters"] == {"g_variant": flat}


def test_one_start_and_one_end_are_a_range() -> None:
    asked = variant(referenceName="1", start=[10], end=[20], variantType="DEL").asked
    assert asked is not None
    assert asked.question == Span("1", 10, 20, variant_type="DEL")


@pytest.mark.parametrize("style", ["10,20|30,40"])
def test_two_starts_and_two_ends_are_a_bracket_joined_or_repeated(style: str) -> None:
    start, end = style.split("|")
    joined = get(referenceName="1", start=start, end=end)
    pairs = [("referenceName", "1")]
    pairs += [("start", part) for part in start.split(",")]
    pairs += [("end", part) for part in end.split(",")]
    assert joined.asked == from_get(VARIANTS, pairs).asked
    assert joined.asked is not None
    assert joined.asked.question == Span("1", 10, 40, starts=(10, 20), ends=(30, 40))


def test_an_allele_without_its_reference_bases_is_asked_at_that_start_only() -> None:
    asked = variant(referenceName="1", start=[100], alternateBases="G").asked
    assert asked is not None
    assert isinstance(asked.question, Span)
    assert (asked.question.alt, asked.question.starts) == ("G", (100, 101))


@pytest.mark.parametrize(
    "params",
    [
        {"start": [1, 2], "end": [3]},
        {"start": [1], "end": [2, 3]},
        {"start": [1, 2]},
        {"start": [1, 2, 3], "end": [4]},
        {"start": [], "end": [3]},
        {"start": [20], "end": [20]},
        {"start": [20], "end": [10]},
        {"start": [20, 10], "end": [30, 40]},
        {"start": [1]},
        {"start": [-1], "end": [2]},
        {"start": [2**31], "end": [2**32]},
        {"start": [1.5], "end": [2]},
        {"start": [True], "end": [2]},
        {"start": ["1;2"], "end": [2]},
        {"start": "", "end": [2]},
        {"start": "1,2,3", "end": [4]},
        {"start": "-1", "end": [4]},
        {"start": ["1.5"], "end": [4]},
        {"start": {"a": 1}, "end": [2]},
        {"start": [1], "referenceBases": "A", "alternateBases": "A"},
        {"start": [1], "referenceBases": 7, "alternateBases": "A"},
        {"start": [1], "alternateBases": ""},
        {"start": [1], "referenceBases": "A", "alternateBases": "C", "variantType": "DEL"},
        {"start": [1], "referenceBases": "AC", "alternateBases": "A", "variantType": "EFO:0030068"},
        {"start": [1], "referenceBases": "A", "alternateBases": "C", "variantMaxLength": 1},
        {"start": [1], "end": [9], "variantMinLength": 5, "variantMaxLength": 4},
        {"start": [1], "end": [9], "variantMinLength": "5,6"},
        {"start": [1], "end": [9], "referenceName": 1},
        {"start": [1], "end": [9], "colour": "red"},
        {"start": [1], "end": [9], "referenceName": "NC_000001.10", "assemblyId": "hg38"},
    ],
)
def test_a_genomic_query_that_contradicts_itself_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(BadQuestion):
        variant(**{"referenceName": "1", **params})


@pytest.mark.parametrize(
    "params",
    [
        {"genomicAlleleShortForm": "hello there"},
        {"mateName": "2"},
        {"referenceName": "NC_000017.12", "start": [1], "end": [2]},
        {"assemblyId": "GRCh38"},
        {"referenceName": "1"},
        {"referenceName": "17_random", "start": [1], "end": [2]},
        {"referenceName": "1", "start": [1], "end": [2], "assemblyId": "T2T-CHM13"},
        {"referenceName": "1", "start": [1], "end": [2], "variantType": "SO:9"},
        {"referenceName": "1", "start": [1], "alternateBases": "<DEL>"},
    ],
)
def test_what_is_not_served_is_refused_naming_what_is(params: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedQuestion) as refused:
        variant(**params)
    assert "upported" in refused.value.public


@pytest.mark.parametrize(
    ("start", "end"),
    [("100", "200"), (100, 200), ([100], [200]), (["100"], ["200"])],
)
def test_positions_are_read_as_numbers_texts_and_lists(start: object, end: object) -> None:
    asked = variant(referenceName="1", start=start, end=end, variantMinLength="2")
    assert asked == variant(referenceName="1", start=[100], end=[200], variantMinLength=2)
    assert asked.echo["requestParameters"]["g_variant"]["start"] == [100]


@pytest.mark.parametrize("start", ["10,20", ["10", "20"], ["10,20"], [10, "20"]])
def test_a_bracket_is_read_from_texts_too(start: object) -> None:
    placed = {"referenceName": "1", "end": [30, 40]}
    assert variant(**placed, start=start) == variant(**placed, start=[10, 20])


@pytest.mark.parametrize(
    ("ref", "alt", "kind"),
    [
        *(("A", "C", name) for name in ("SNP", "SNV", "SO:0001483", "SO:0001059")),
        *(("A", "AT", name) for name in ("INS", "INDEL", "SO:0000667")),
        *(("", "T", "INS"), ("AT", "", "DEL"), ("AT", "A", "EFO:0030067"), ("AT", "GC", "MNP")),
        *(("AT", "GCC", "INDEL"), ("A", "N", "SNP")),
    ],
)
def test_an_allele_may_say_its_own_type(ref: str, alt: str, kind: str) -> None:
    allele = {"referenceName": "1", "start": 9, "referenceBases": ref, "alternateBases": alt}
    assert variant(**allele, variantType=kind).asked == variant(**allele).asked


def test_a_type_narrows_an_allele_without_its_reference_bases() -> None:
    asked = variant(referenceName="1", start=9, alternateBases="C", variantType="SNV").asked
    assert asked is not None
    assert isinstance(asked.question, Span)
    assert (asked.question.exact, asked.question.variant_type) == (True, "SNP")


@pytest.mark.parametrize("name", ["geneid", "geneId"])
def test_both_spellings_of_the_gene_parameter_are_known(name: str) -> None:
    asked = get(**{name: "BRCA1"}).asked
    assert asked is not None
    assert asked.question == InGene("BRCA1")


@pytest.mark.parametrize("name", ["allele", "genomicAlleleShortForm", "variantId"])
def test_every_spelling_of_the_short_form_parameter_is_known(name: str) -> None:
    asked = get(**{name: "NC_000001.10:g.101A>G"}).asked
    assert asked == Asked(Allele("1", 100, "A", "G"), "GRCh37")


@pytest.mark.parametrize(
    "params",
    [
        {"colour": "red"},
        {"skip": "-1"},
        {"skip": "1.0"},
        {"skip": "९"},
        {"skip": "999999999999"},
        {"limit": "x"},
        {"testMode": "maybe"},
        {"requestedGranularity": "aggregated"},
        {"includeResultsetResponses": "SOME"},
        {"includeResultsetResponses": "hit"},
        {"start": "1;2"},
    ],
)
def test_an_unknown_or_malformed_get_parameter_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(BadQuestion):
        get(**params)


def test_a_repeated_parameter_that_holds_one_value_is_refused() -> None:
    with pytest.raises(BadQuestion, match="more than once"):
        from_get(VARIANTS, [("skip", "1"), ("skip", "2")])


def test_the_refusal_names_the_unknown_parameter() -> None:
    with pytest.raises(BadQuestion, match="colour"):
        get(colour="red")
    with pytest.raises(BadQuestion, match=r"query\.colour"):
        post({"colour": "red"})


def test_test_mode_is_asked_for_in_so_many_words_and_echoed() -> None:
    for query, asked in ((get(testMode="true"), True), (post({"testMode": True}), True),
                         (get(testMode="false"), False), (get(), False)):  # fmt: skip
        assert (query.test_mode, query.echo["testMode"]) == (asked, asked)
    for wrong in ("1", "yes", ""):
        with pytest.raises(BadQuestion, match="testMode"):
            get(testMode=wrong)


def test_defaults_are_those_of_the_standard() -> None:
    for query in (get(), from_body(VARIANTS, b""), from_body(VARIANTS, b"{}"), post({})):
        assert (query.skip, query.limit, query.include) == (0, 10, "HIT")
        assert query.granularity is Granularity.BOOLEAN


def test_a_limit_of_nought_is_everything_allowed_and_the_echo_says_how_much() -> None:
    for asked in ("0", "5000"):
        query = get(limit=asked)
        assert query.limit == 1000
        assert query.echo["pagination"] == {"skip": 0, "limit": 1000}


def test_a_granularity_beside_the_query_may_only_lower() -> None:
    lowered = post({"requestedGranularity": "record"}, requestedGranularity="count")
    assert (lowered.granularity, lowered.warnings) == (Granularity.COUNT, ())
    raised = post({"requestedGranularity": "count"}, requestedGranularity="record")
    assert raised.granularity is Granularity.COUNT
    assert raised.warnings
    assert post({}, requestedGranularity="record").granularity is Granularity.BOOLEAN


def test_genomic_parameters_are_refused_where_they_would_not_narrow() -> None:
    for target in (
        Target("cohort"),
        Target("dataset", parent="run", parent_id="R1"),
        Target("individual", entry_id="P1"),
    ):
        with pytest.raises(UnsupportedQuestion):
            get(target, **EXACT)


@pytest.mark.parametrize(
    "parameters",
    [
        {"g_variant": {"allele": "rs1", "genomicAlleleShortForm": "rs2"}},
        {"g_variant": {"geneId": "A1"}, "geneid": "B2"},
        {"g_variant": {"geneId": "A1"}, "genomicVariation": {"geneId": "B2"}},
    ],
)
def test_a_parameter_given_in_two_spellings_is_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(BadQuestion, match="more than once"):
        post({"requestParameters": parameters})


def test_filters_are_refused_where_they_would_not_narrow() -> None:
    for target in (
        Target("dataset", entry_id="D"),
        Target("dataset", parent="run", parent_id="R1"),
        Target("run", entry_id="R1"),
    ):
        with pytest.raises(UnsupportedQuestion):
            get(target, filters="NCIT:C16576")


def test_an_address_may_name_the_variant() -> None:
    assert get(Target("genomicVariant", entry_id="v1")).by_id == ById("v1")
    nested = Target("individual", parent="genomicVariant", parent_id="v1")
    assert get(nested).by_id == ById("v1")
    assert get(PEOPLE).by_id is None


def test_filters_and_dataset_ids_may_be_repeated_or_joined() -> None:
    pairs = [("filters", "A:11,B:22"), ("filters", "C:33"), ("datasetIds", "a,b")]
    query = from_get(PEOPLE, pairs)
    assert [f.predicate for f in query.filters] == [
        HasTerm("A:11"),
        HasTerm("B:22"),
        HasTerm("C:33"),
    ]
    assert query.datasets == ("a", "b")
    assert query.echo["requestParameters"] == {"datasets": {"datasetIds": ["a", "b"]}}


@pytest.mark.parametrize(
    "name",
    [
        *("ga4gh-beacon-variant-v2.0.0", "./ga4gh-beacon-variant-v2.0.0", "beacon-v2-default"),
        *("ga4gh-beacon-variant-v2.1.0", "beacon-g_variant-v2.0.0", "ga4gh-beacon-variant-v2"),
        ENTRY_TYPES["genomicVariant"].schema_url,
        ENTRY_TYPES["genomicVariant"].schema_url.replace("/v2.2.0/", "/main/"),
    ],
)
@pytest.mark.parametrize("entity", ["genomicVariation", "genomicVariant", None])
def test_a_default_schema_is_served_by_each_of_its_names(name: str, entity: str | None) -> None:
    asked = {"schema": name} | ({} if entity is None else {"entityType": entity})
    body = {"meta": {"apiVersion": "2.0", "requestedSchemas": [asked]}}
    query = from_body(VARIANTS, json.dumps(body).encode())
    assert query.schema == ENTRY_TYPES["genomicVariant"].schema_id
    assert query.echo["requestedSchemas"] == [
        {"entityType": entity or "genomicVariant", "schema": name}
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("phenopackets-v2", "ga4gh-phenopacket-v2", "ga4gh-beacon-individual-v2.0.0"),
        *("ga4gh-beacon-variant-v99", "ga4gh-beacon-variantfoo", "ga4gh-beacon-variant-v3.0.0"),
        "ga4gh-beacon-variant-v2.0.0.0",
        "ga4gh-beacon-variant-v2.0.0\n",
        "https://example.org/genomicVariations/defaultSchema.json",
        ENTRY_TYPES["run"].schema_url,
    ],
)
def test_another_schema_is_refused_whatever_it_begins_with(name: str) -> None:
    with pytest.raises(UnsupportedQuestion, match="schema"):
        get(requestedSchema=name)


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b'{"meta": {"apiVersion": NaN}}',
        b'{"query": {"pagination": {"limit": Infinity}}}',
        b'{"query": {"pagination": {"limit": ' + b"9" * 5000 + b"}}}",
        b'{"query": {"pagination": {"skip": ' + b"9" * 4000 + b"}}}",
        b'{"query": {"pagination": {"limit": true}}}',
        b'{"query": {"pagination": {"limit": "10"}}}',
        b'{"query": {"pagination": {"nextPage": "abc"}}}',
        b'{"query": {"testMode": "false"}}',
        b'{"query": {"filters": {"id": "A:1"}}}',
        b'{"query": {"requestParameters": []}}',
        b'{"query": {"requestParameters": {"individual": {}}}}',
        b'{"query": {"requestParameters": {"datasets": {"datasetIds": "a"}}}}',
        b'{"query": {"requestParameters": {"datasets": {"ids": ["a"]}}}}',
        b'{"query": {"filters": ["\\ud800"]}}',
        b'{"meta": {}, "meta": {}}',
        b'{"query": {"filters": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
        b'{"query": {"filters": ' + b"[" * 30_000 + b"]" * 30_000 + b"}}",
        b'{"colour": 1}',
        b'{"meta": {"apiVersion": 2}}',
    ],
)
def test_hostile_bodies_are_refused_as_bad_input(raw: bytes) -> None:
    with pytest.raises(BadQuestion):
        from_body(VARIANTS, raw)


def test_a_body_above_the_cap_is_too_large() -> None:
    with pytest.raises(BodyTooLarge):
        from_body(VARIANTS, b" " * (MAX_BODY_BYTES + 1))


_MEMBERS = ("filters", "pagination", "requestParameters", "testMode")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


# The first draw builds tables of characters, which a busy machine takes seconds for.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "meta": _JSON,
            "query": st.fixed_dictionaries(
                {},
                optional=dict.fromkeys(
                    ("filters", "pagination", "requestParameters", "testMode"), _JSON
                ),
            ),
        },
    )
)
def test_any_json_is_read_or_refused(document: dict[str, Any]) -> None:
    """No document raises anything but an error of ours."""
    try:
        from_body(VARIANTS, json.dumps(document).encode())
    except (InvalidInput, TooLarge):
        return


# The first draw builds tables of characters, which a busy machine takes seconds for.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from([*EXACT, "filters", "end", "skip"]), st.text())))
def test_any_query_string_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    """No query string raises anything but an error of ours."""
    try:
        from_get(VARIANTS, pairs)
    except InvalidInput:
        return


def test_a_member_that_is_null_is_one_that_is_absent() -> None:
    """As programs send it whose records have a place for every member."""
    allele = {"referenceName": "1", "start": [100], "referenceBases": "A", "alternateBases": "G"}
    term = {"id": "A:11", "scope": None, "similarity": None, "includeDescendantTerms": None}
    body = {
        "$schema": None,
        "meta": {"apiVersion": "2.0", "requestedSchemas": None},
        "query": {
            "requestParameters": {"g_variant": {**allele, "end": None}, "datasets": None},
            "filters": [{**term, "operator": None, "value": None}],
            "pagination": {"skip": 1, "limit": None, "nextPage": None},
            "includeResultsetResponses": None,
            "testMode": None,
        },
    }
    query = from_body(VARIANTS, json.dumps(body).encode())
    assert query.asked == Asked(Allele("1", 100, "A", "G"), None)
    assert [each.predicate for each in query.filters] == [HasTerm("A:11")]
    assert (query.skip, query.limit, query.test_mode) == (1, 10, False)
    assert from_body(VARIANTS, b'{"meta": null, "query": null}').asked is None


@pytest.mark.parametrize(
    "filters",
    [[None], [{"id": None}], [{"not": None}], [{"id": "A:1", "operator": ">", "value": None}]],
)
def test_null_is_no_filter(filters: list[object]) -> None:
    with pytest.raises(BadQuestion):
        post({"filters": filters})
