"""The options of `skerry load` by what they bring: variants, people, files to release, or how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# The dataset
Dataset = Annotated[str, typer.Option(help="the dataset's id")]
Name = Annotated[str | None, typer.Option(help="its name; the id when left out")]
Assembly = Annotated[str, typer.Option(help="GRCh37 or GRCh38")]
Metadata = Annotated[Path | None, typer.Option(help="the dataset's record, JSON")]

# Variants
_V = "Variants"
Vcf = Annotated[list[Path] | None, typer.Option(help="VCF or BCF; repeatable", rich_help_panel=_V)]
GenomicVariations = Annotated[
    list[Path] | None,
    typer.Option(
        help="BFF genomicVariations, JSON array or lines, plain or gz", rich_help_panel=_V
    ),
]
Sequences = Annotated[
    str | None,
    typer.Option(help="FASTA or collection that REF is compared with", rich_help_panel=_V),
]
Genes = Annotated[
    Path | None,
    typer.Option(help="GTF, GFF3 or BED, for variants without annotation", rich_help_panel=_V),
]

# People
_P = "People"
Bff = Annotated[Path | None, typer.Option(help="BFF JSON, plain or gz", rich_help_panel=_P)]
Phenopackets = Annotated[
    list[Path] | None,
    typer.Option(help="JSON, protobuf, or a folder of them; repeatable", rich_help_panel=_P),
]
WithoutInterpretations = Annotated[
    bool,
    typer.Option(
        "--without-interpretations",
        help="leave out, and count, the variants that phenopackets state",
        rich_help_panel=_P,
    ),
]
Tables = Annotated[
    Path | None, typer.Option(help="a CSV or TSV file, or their folder", rich_help_panel=_P)
]
Mapping = Annotated[
    Path | None, typer.Option(help="YAML: what the tables mean", rich_help_panel=_P)
]
Omop = Annotated[
    Path | None, typer.Option(help="folder of OMOP CDM 5.4 tables", rich_help_panel=_P)
]
Hierarchy = Annotated[
    list[Path] | None,
    typer.Option(help="OBO, OWL, obographs JSON or TSV; repeatable", rich_help_panel=_P),
]

# Files to release
_R = "Files to release"
Seal = Annotated[
    list[Path] | None, typer.Option(help="a file to seal for release", rich_help_panel=_R)
]
PerChromosome = Annotated[
    bool,
    typer.Option(
        help="seal each chromosome of an indexed file under a key of its own", rich_help_panel=_R
    ),
]
SealTo = Annotated[
    str | None,
    typer.Option(help="s3://BUCKET/PREFIX for sealed bodies; else the vault", rich_help_panel=_R),
]
Adopt = Annotated[
    list[str] | None,
    typer.Option(
        help="a Crypt4GH file or s3://BUCKET/KEY to release from where it lies", rich_help_panel=_R
    ),
]
AdoptExport = Annotated[
    Path | None,
    typer.Option(help="CSV of an archive's bodies and headers", rich_help_panel=_R),
]
Archive = Annotated[
    str | None,
    typer.Option(help="where they lie: a folder or s3://BUCKET/PREFIX", rich_help_panel=_R),
]
AdoptKey = Annotated[
    Path | None,
    typer.Option(help="the archive's secret key, if headers are for it", rich_help_panel=_R),
]
AdoptPassphraseFile = Annotated[Path | None, typer.Option(help="of that key", rich_help_panel=_R)]
Clear = Annotated[
    list[str] | None,
    typer.Option(
        help="a file or s3://BUCKET/KEY to offer unsealed; its index beside it", rich_help_panel=_R
    ),
]

# How
MaxRejected = Annotated[int, typer.Option(min=0, help="records that may be left out")]
Report = Annotated[Path | None, typer.Option(help="CSV of what was rejected or lost")]
Check = Annotated[bool, typer.Option(help="only check")]
