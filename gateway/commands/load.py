"""`skerry load` as typed: its options, read into what `holding.load` does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.printed import AsJson, Folder, show
from gateway.holding import load as load_command
from gateway.home import existing


def load(
    folder: Folder,
    *,
    dataset: Annotated[str, typer.Option(help="the dataset's id")],
    name: Annotated[str | None, typer.Option(help="its name; the id when left out")] = None,
    description: str = "",
    assembly: Annotated[str, typer.Option(help="GRCh37 or GRCh38")] = "GRCh38",
    vcf: Annotated[list[Path] | None, typer.Option(help="VCF or BCF; repeatable")] = None,
    genomic_variations: Annotated[
        list[Path] | None,
        typer.Option(help="BFF genomicVariations, JSON array or lines, plain or gz"),
    ] = None,
    individuals: Annotated[Path | None, typer.Option(help="BFF JSON, plain or gz")] = None,
    biosamples: Path | None = None,
    runs: Path | None = None,
    analyses: Path | None = None,
    cohorts: Path | None = None,
    phenopackets: Annotated[
        list[Path] | None, typer.Option(help="JSON, protobuf, or a folder of them; repeatable")
    ] = None,
    without_interpretations: Annotated[
        bool, typer.Option(help="leave out, and count, the variants that phenopackets state")
    ] = False,
    tables: Annotated[Path | None, typer.Option(help="a CSV or TSV file, or their folder")] = None,
    mapping: Annotated[Path | None, typer.Option(help="YAML: what the tables mean")] = None,
    omop: Annotated[Path | None, typer.Option(help="folder of OMOP CDM 5.4 tables")] = None,
    metadata: Annotated[Path | None, typer.Option(help="the dataset's record, JSON")] = None,
    hierarchy: Annotated[
        list[Path] | None, typer.Option(help="OBO, OWL, obographs JSON or TSV; repeatable")
    ] = None,
    seal: Annotated[list[Path] | None, typer.Option(help="a file to seal for release")] = None,
    per_chromosome: Annotated[
        bool, typer.Option(help="seal each chromosome of an indexed file under a key of its own")
    ] = False,
    seal_to: Annotated[
        str | None, typer.Option(help="s3://BUCKET/PREFIX for sealed bodies; else the vault")
    ] = None,
    adopt: Annotated[
        list[str] | None,
        typer.Option(help="a Crypt4GH file or s3://BUCKET/KEY to release from where it lies"),
    ] = None,
    adopt_export: Annotated[
        Path | None, typer.Option(help="CSV of an archive's bodies and headers")
    ] = None,
    archive: Annotated[
        str | None, typer.Option(help="where they lie: a folder or s3://BUCKET/PREFIX")
    ] = None,
    adopt_key: Annotated[
        Path | None, typer.Option(help="the archive's secret key, if headers are for it")
    ] = None,
    adopt_passphrase_file: Annotated[Path | None, typer.Option(help="of that key")] = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(help="a file or s3://BUCKET/KEY to offer unsealed; its index beside it"),
    ] = None,
    sequences: Annotated[
        str | None, typer.Option(help="FASTA or collection that REF is compared with")
    ] = None,
    genes: Annotated[
        Path | None, typer.Option(help="GTF, GFF3 or BED, for variants without annotation")
    ] = None,
    max_rejected: Annotated[int, typer.Option(min=0, help="records that may be left out")] = 0,
    report: Annotated[Path | None, typer.Option(help="CSV of what was rejected or lost")] = None,
    check: Annotated[bool, typer.Option(help="only check")] = False,
    as_json: AsJson = False,
) -> None:
    """Loads a dataset version and switches to it when whole; seals files for release."""
    given = {
        "individuals": individuals,
        "biosamples": biosamples,
        "runs": runs,
        "analyses": analyses,
        "cohorts": cohorts,
    }
    summary = load_command.run(
        existing(folder),
        load_command.Wanted(
            dataset=dataset,
            name=name or dataset,
            description=description,
            assembly=assembly,
            vcfs=tuple(vcf or ()),
            genomic_variations=tuple(genomic_variations or ()),
            people={name: path for name, path in given.items() if path is not None},
            phenopackets=tuple(phenopackets or ()),
            interpretations=not without_interpretations,
            tables=tables,
            mapping=mapping,
            omop=omop,
            metadata=metadata,
            hierarchies=tuple(hierarchy or ()),
            seal=tuple(seal or ()),
            per_chromosome=per_chromosome,
            seal_to=seal_to,
            adopted=load_command.Adopted(
                tuple(adopt or ()), adopt_export, archive, adopt_key, adopt_passphrase_file
            )
            if adopt or adopt_export
            else None,
            clear=tuple(clear or ()),
            sequences=sequences,
            genes=genes,
            max_rejected=max_rejected,
            report=report,
        ),
        check_only=check,
    )
    show(summary, as_json=as_json)
