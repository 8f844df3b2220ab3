"""Files that name samples, and the records that say whose they are: reads, calls, biosamples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pysam

from tests.support.sources import write_records


def reads(path: Path, *samples: str) -> Path:
    """A BAM with a read group for each sample, and no reads."""
    groups = [{"ID": name, "SM": name} for name in samples]
    header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": "chr1", "LN": 1000}], "RG": groups}
    with pysam.AlignmentFile(path, "wb", header=header):
        pass
    return path


def calls(path: Path, *samples: str) -> Path:
    """A VCF with one variant that each sample carries."""
    header = pysam.VariantHeader()
    header.contigs.add("chr1", length=1000)
    header.formats.add("GT", 1, "String", "Genotype")
    for name in samples:
        header.add_sample(name)
    with pysam.VariantFile(path, "wz", header=header) as file:
        record = file.new_record(contig="chr1", start=9, alleles=("A", "C"))
        for name in samples:
            record.samples[name]["GT"] = (0, 1)
        file.write(record)
    return path


def biosamples(path: Path, owners: Mapping[str, str]) -> Path:
    """Blood of `owners`: the person by the sample."""
    return write_records(
        path,
        [
            {"id": sample, "individualId": person,
             "biosampleStatus": {"id": "EFO:0009654", "label": "x"},
             "sampleOriginType": {"id": "UBERON:0000178", "label": "blood"}}
            for sample, person in owners.items()
        ],
    )  # fmt: skip
