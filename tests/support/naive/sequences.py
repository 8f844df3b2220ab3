"""Names of sequences and assemblies: RefSeq accessions, refget digests, what people write."""

from __future__ import annotations

from collections.abc import Mapping

ACCESSIONS: Mapping[str, Mapping[str, str]] = {
    "GRCh38": {"1": "NC_000001.11", "X": "NC_000023.11", "Y": "NC_000024.10", "MT": "NC_012920.1"},
    "GRCh37": {"1": "NC_000001.10", "X": "NC_000023.10", "Y": "NC_000024.9", "MT": "NC_012920.1"},
}
_RCRS = "k3grVkjY-hoWcCUojHw6VU6GE3MZ8Sct"
DIGESTS: Mapping[str, Mapping[str, str]] = {
    "GRCh38": {
        "1": "Ya6Rs7DHhDeg7YaOSg1EoNi3U_nQ9SvO",
        "X": "w0WZEvgJF0zf_P4yyTzjjv9oW1z61HHP",
        "Y": "8_liLu1aycC0tPQPFmUaGXJLDs5SbPZ5",
        "MT": _RCRS,
    },
    "GRCh37": {
        "1": "S_KjnFVz-FE7M0W6yoaUDgYxLPc1jyWU",
        "X": "v7noePfnNpK8ghYXEqZ9NukMXW7YeNsm",
        "Y": "BT7QyW5iXaX_1PSX-msSGYsqRdMKqkj-",
        "MT": _RCRS,
    },
}
ASSEMBLIES: Mapping[str, str] = {
    **dict.fromkeys(("GRCh38", "hg38", "GRCh38.p13", "GCF_000001405.39", "grch38"), "GRCh38"),
    **dict.fromkeys(("GRCh37", "hg19", "GRCh37.p13", "GCF_000001405.25", "b37"), "GRCh37"),
}


def spelt_names(assembly: str) -> dict[str, str]:
    """Every usual way to write a sequence's name."""
    names = {}
    for chrom, accession in ACCESSIONS[assembly].items():
        plain = (chrom, f"chr{chrom}", f"Chr{chrom}", f"CHR{chrom}")
        for name in (*plain, *exact_names(assembly, chrom), accession.lower()):
            names[name] = chrom
    return names | {"M": "MT", "chrM": "MT", "x": "X", "chrx": "X", "y": "Y"}


def exact_names(assembly: str, chrom: str) -> list[str]:
    """Names that say which assembly it is, or of the mitochondrion that both have the same."""
    accession, digest = ACCESSIONS[assembly][chrom], DIGESTS[assembly][chrom]
    return [
        *(accession, f"refseq:{accession}"),
        *(f"{before}SQ.{digest}" for before in ("", "ga4gh:", "refget:")),
    ]


def spelt_assembly(name: str) -> str | None:
    return ASSEMBLIES.get(name)
