"""`skerry load` as typed: its options, read into what `holding.load` does."""

from __future__ import annotations

from gateway.commands import load_options as options
from gateway.commands.printed import AsJson, Folder, show
from gateway.holding import load as load_command
from gateway.holding.releasing import Adopted
from gateway.home import existing


def load(
    folder: Folder,
    *,
    dataset: options.Dataset,
    name: options.Name = None,
    description: str = "",
    assembly: options.Assembly = "GRCh38",
    metadata: options.Metadata = None,
    vcf: options.Vcf = None,
    genomic_variations: options.GenomicVariations = None,
    sequences: options.Sequences = None,
    genes: options.Genes = None,
    individuals: options.Bff = None,
    biosamples: options.Bff = None,
    runs: options.Bff = None,
    analyses: options.Bff = None,
    cohorts: options.Bff = None,
    phenopackets: options.Phenopackets = None,
    without_interpretations: options.WithoutInterpretations = False,
    tables: options.Tables = None,
    mapping: options.Mapping = None,
    omop: options.Omop = None,
    hierarchy: options.Hierarchy = None,
    seal: options.Seal = None,
    per_chromosome: options.PerChromosome = False,
    seal_to: options.SealTo = None,
    adopt: options.Adopt = None,
    adopt_export: options.AdoptExport = None,
    archive: options.Archive = None,
    adopt_key: options.AdoptKey = None,
    adopt_passphrase_file: options.AdoptPassphraseFile = None,
    clear: options.Clear = None,
    max_rejected: options.MaxRejected = 0,
    report: options.Report = None,
    check: options.Check = False,
    as_json: AsJson = False,
) -> None:
    """Loads a dataset version and switches to it when whole; seals files for release."""
    people = {
        "individuals": individuals,
        "biosamples": biosamples,
        "runs": runs,
        "analyses": analyses,
        "cohorts": cohorts,
    }
    adopted = Adopted(tuple(adopt or ()), adopt_export, archive, adopt_key, adopt_passphrase_file)
    wanted = load_command.Wanted(
        dataset=dataset,
        name=name or dataset,
        description=description,
        assembly=assembly,
        vcfs=tuple(vcf or ()),
        genomic_variations=tuple(genomic_variations or ()),
        people={name: path for name, path in people.items() if path is not None},
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
        adopted=adopted if adopt or adopt_export else None,
        clear=tuple(clear or ()),
        sequences=sequences,
        genes=genes,
        max_rejected=max_rejected,
        report=report,
    )
    show(load_command.run(existing(folder), wanted, check_only=check), as_json=as_json)
