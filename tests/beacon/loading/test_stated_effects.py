"""Whether a dataset states effects, so that a filter on them may be answered «no»."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from beacon import manifest
from beacon.catalog import Affecting, InGene
from beacon.effect_rules import EVERY, EffectRule
from beacon.errors import UnsupportedQuestion
from beacon.loading.load import DatasetSource, load
from beacon.segments import SegmentCatalog, SqliteSegment
from tests.support import bff
from tests.support.sources import HEADER, write_vcf

STOP = EffectRule((("SO:0001587",),), "01")
FORMAT = '##INFO=<ID={},Number=.,Type=String,Description="{}">\n'
CSQ = FORMAT.format("CSQ", "Format: Allele|Consequence|SYMBOL")
ANN = FORMAT.format("ANN", "Functional annotations: 'Allele | Annotation | Gene_Name'")
SAMPLES = ("P1", "P2")


def vcf(folder: Path, name: str, header: str, *lines: str) -> Path:
    return write_vcf(folder / name, lines, samples=SAMPLES, header=HEADER + header)


def stating(folder: Path, *files: Path, **more: Any) -> SqliteSegment:
    source = DatasetSource("d", "D", "", "GRCh38", files, **more)
    load(source, folder / "catalog")
    path = folder / "catalog" / manifest.read(folder / "catalog")["d"].file
    return SqliteSegment(path)


def stopping(segment: Any) -> int:
    found = segment.carriers(Affecting(STOP))
    return len(found)


@pytest.mark.parametrize(
    ("header", "info"),
    [
        (CSQ, "CSQ=G|stop_gained|G1"),
        (ANN, "ANN=G|stop_gained|G1"),
        (ANN, "ANN=G|stop_gained&exon_loss_variant|G1"),  # which SnpEff alone states
        (ANN, "ANN=G|not_of_this_world&stop_gained|G1"),
    ],
)
def test_an_annotated_file_states_effects(tmp_path: Path, header: str, info: str) -> None:
    file = vcf(tmp_path, "a.vcf.gz", header, f"101 . A G {info} 0/1 0/0", "201 . A G . 0/0 0/1")
    segment = stating(tmp_path, file)
    assert segment.facts.effects
    assert stopping(segment) == 1


def test_effects_of_one_file_alone_would_make_a_no_of_what_is_not_said(tmp_path: Path) -> None:
    stated = vcf(tmp_path, "a.vcf.gz", CSQ, "101 . A G CSQ=G|stop_gained|G1 0/1 0/0")
    silent = vcf(tmp_path, "b.vcf.gz", "", "201 . A G . 0/1 0/0")
    segment = stating(tmp_path, stated, silent)
    assert not segment.facts.effects
    assert not segment.supports(Affecting(EVERY))
    with pytest.raises(UnsupportedQuestion):
        stopping(segment)


def molecular(**stated: Sequence[Any]) -> dict[str, Any]:
    return bff.legacy(100, "A", "G", molecularAttributes=stated)


@pytest.mark.parametrize(
    ("record", "people"),
    [
        (molecular(molecularEffects=[{"id": "SO:0001587", "label": "stop_gained"}]), 1),
        (molecular(molecularEffects=[{"id": "X:1", "label": "Stop gained&intron variant"}]), 1),
        (molecular(molecularEffects=[{"id": "SO:0001992"}], geneIds=["G1"]), 0),
        (molecular(geneIds=["G1"]), None),
        (molecular(molecularEffects=[{"id": "X:1", "label": "made up"}]), None),
        (bff.legacy(100, "A", "G"), None),
    ],
)
def test_records_in_bff_state_effects_where_one_does(
    tmp_path: Path, record: dict[str, Any], people: int | None
) -> None:
    segment = bff.loaded(bff.source(tmp_path, [record]), tmp_path)
    assert segment.facts.effects == (people is not None)
    assert not segment.facts.effects or stopping(segment) == people


def test_a_gene_beside_which_all_effects_lie_is_not_counted(tmp_path: Path) -> None:
    file = vcf(
        tmp_path, "a.vcf.gz", ANN,
        "101 . A G ANN=G|conserved_intergenic_variant|G1 0/1 0/0",
        "201 . A G ANN=G|conserved_intron_variant|G2 0/1 0/0",
    )  # fmt: skip
    segment = stating(tmp_path, file)
    assert [len(segment.carriers(InGene(gene))) for gene in ("G1", "G2")] == [0, 1]


def test_a_dataset_of_an_earlier_release_answers_all_but_effects(tmp_path: Path) -> None:
    """Its file has no such fact; what it found before it finds."""
    file = vcf(tmp_path, "a.vcf.gz", CSQ, "101 . A G CSQ=G|stop_gained|G1 0/1 0/0")
    stating(tmp_path, file).close()
    path = tmp_path / "catalog" / manifest.read(tmp_path / "catalog")["d"].file
    with closing(sqlite3.connect(path)) as db:
        ((text,),) = db.execute("SELECT value FROM facts WHERE name = 'facts'").fetchall()
        facts = json.loads(text)
        assert facts.pop("effects") is True
        shorter = json.dumps(facts).ljust(len(text))
        db.execute("UPDATE facts SET value = ? WHERE name = 'facts'", (shorter,))
        db.commit()
    earlier = SqliteSegment(path)
    assert not earlier.supports(Affecting(EVERY))
    assert len(earlier.carriers(InGene("G1"))) == 1
    earlier.close()


def test_a_version_with_effects_is_served_with_them(tmp_path: Path) -> None:
    file = vcf(tmp_path, "a.vcf.gz", CSQ, "101 . A G CSQ=G|stop_gained|G1 0/1 0/0")
    stating(tmp_path, file).close()
    assert SegmentCatalog(tmp_path / "catalog").snapshot()["d"].supports(Affecting(STOP))
