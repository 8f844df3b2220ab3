"""The `skerry` command: parses, calls one function, prints one useful line.

Errors say the next step on stderr, exit codes are `gateway.errors.Exit`, `--json` is for machines.
Imports stand in the commands, because the base install has only what `skerry fetch` needs.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, cast

import typer

from gateway.command_groups import CommandGroups
from gateway.errors import Exit, LoadRefused
from gateway.extras import need
from schemas.errors import SkerryError

app = typer.Typer(
    cls=CommandGroups,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Ask many genome archives at once; the data stays on its island.",
)

Folder = Annotated[Path, typer.Argument(help="the node's folder")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document for machines")]


def main() -> None:
    """Runs a command; every error of ours becomes one clear line and an exit code."""
    try:
        app(standalone_mode=True)
    except SkerryError as error:
        for line in (error.public, *getattr(error, "problems", ())):
            print(f"skerry: {line}", file=sys.stderr)
        raise SystemExit(_exit_code(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(Exit.INTERRUPTED) from None


def _version(*, asked: bool) -> None:
    if asked:
        try:
            print(f"skerry {version('skerry')}")
        except PackageNotFoundError:
            print("skerry, from a checkout that is not installed")
        raise typer.Exit


@app.callback()
def skerry(
    *,
    _shown: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="its version, no more"),
    ] = False,
) -> None:
    """Ask many genome archives at once; the data stays on its island."""


def _exit_code(error: SkerryError) -> Exit:
    named = {
        "config_error": Exit.CONFIG,
        "policy_invalid": Exit.CONFIG,
        "bad_trust_file": Exit.CONFIG,
        "port_taken": Exit.PORT_TAKEN,
        "missing_extra": Exit.NOT_RUN,
        "engine_absent": Exit.NOT_RUN,
        "sandbox_refused": Exit.NOT_RUN,
    }
    families = {400: Exit.BAD_INPUT, 401: Exit.REFUSED, 403: Exit.REFUSED, 404: Exit.REFUSED,
                502: Exit.UNREACHABLE, 503: Exit.UNREACHABLE}  # fmt: skip
    return named.get(error.code, families.get(error.status, Exit.FAILED))


@app.command()
def demo(
    *,
    nodes: Annotated[int, typer.Option(min=1, max=64)] = 3,
    countries: Annotated[
        bool, typer.Option("--countries", help="six nodes and a federated study over them")
    ] = False,
    port: Annotated[int, typer.Option(min=1024, max=65000)] = 8080,
    data: Annotated[Path | None, typer.Option(help="BFF JSON and VCF/BCF of your own")] = None,
    smoke: Annotated[bool, typer.Option(help="walk the journeys, print a line each")] = False,
    keep: Annotated[bool, typer.Option(help="keep the data when it ends")] = False,
    seed: Annotated[str, typer.Option(help="of the questions --smoke asks; or RANDOM")] = "1",
) -> None:
    """A whole federation on this machine: nodes, portal, sign-in and a workspace."""
    if seed != "RANDOM" and not seed.isdecimal():
        raise typer.BadParameter("a whole number or RANDOM", param_hint="--seed")
    need("msprime", extra="demo")
    from gateway import demo_command, logs

    logs.set_up(level=logging.WARNING)
    if smoke:
        folder = Path(tempfile.mkdtemp(prefix="skerry-"))
    else:
        folder = Path.cwd() / "skerry-demo" if keep else Path(tempfile.mkdtemp(prefix="skerry-"))
    try:
        ended = demo_command.run(
            folder,
            nodes=nodes,
            countries=countries,
            port=port,
            data=data,
            smoke=smoke,
            seed=seed,
            say=print,
        )
    finally:
        if keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if ended is not Exit.OK:
        raise SystemExit(ended)


@app.command()
def init(
    folder: Folder,
    *,
    node_id: Annotated[
        str | None, typer.Option("--id", help="needed: reverse domain, e.g. org.example.node")
    ] = None,
    name: Annotated[str | None, typer.Option(help="needed: what people call the node")] = None,
    public_url: Annotated[
        str | None, typer.Option(help="needed: its address; https, or http on loopback")
    ] = None,
    organization: Annotated[str | None, typer.Option(help="needed: who runs it")] = None,
    signin_issuer: Annotated[
        str | None, typer.Option(help="needed: your OpenID Connect provider")
    ] = None,
    signin_client: str = "skerry",
    port: int = 8081,
) -> None:
    """Writes a node's settings and keys; policies and trust start empty, so it refuses all."""
    given = _all_given({"id": node_id, "name": name, "public-url": public_url,
                        "organization": organization, "signin-issuer": signin_issuer})  # fmt: skip
    from pydantic import ValidationError

    from gateway import config, home
    from gateway.errors import ConfigError

    need("uvicorn", extra="node")
    try:
        settings = config.NodeSettings(
            id=given["id"],
            name=given["name"],
            public_url=given["public-url"],
            organization_id=given["organization"],
            organization_name=given["organization"],
            port=port,
            signin=config.SignInSettings(issuer=given["signin-issuer"], client_id=signin_client),
        )
    except ValidationError as error:
        wrong = [
            "--" + "-".join(str(part) for part in one["loc"]).replace("_", "-") + f": {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigError("; ".join(wrong)) from error
    home.create(folder, settings)
    print(f"{folder}: node written; next: edit policies.yaml and trust.yaml, then `skerry load`")


def _all_given(options: Mapping[str, str | None]) -> Mapping[str, str]:
    """All that is missing is named at once; click would name one after the other."""
    given = {name: value for name, value in options.items() if value is not None}
    missing = [f"--{name}" for name in options if name not in given]
    if missing:
        raise typer.BadParameter(f"missing {', '.join(missing)}; see `skerry init --help`")
    return given


@app.command()
def check_config(folder: Folder, *, as_json: AsJson = False) -> None:
    """Prints the effective rules in words; refuses what `skerry serve` would refuse."""
    from gateway import rules_in_words
    from gateway.home import NodeHome

    rules = rules_in_words.of(NodeHome(folder))
    print(json.dumps(rules, indent=1) if as_json else rules_in_words.text(rules))


@app.command()
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
    need("cyvcf2", extra="node")
    from gateway import load_command
    from gateway.home import NodeHome

    given = {
        "individuals": individuals,
        "biosamples": biosamples,
        "runs": runs,
        "analyses": analyses,
        "cohorts": cohorts,
    }
    summary = load_command.run(
        NodeHome(folder),
        load_command.Wanted(
            dataset=dataset,
            name=name or dataset,
            description=description,
            assembly=assembly,
            vcfs=tuple(vcf or ()),
            genomic_variations=tuple(genomic_variations or ()),
            people={name: path for name, path in given.items() if path is not None},
            phenopackets=tuple(phenopackets or ()),
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
    _print(summary, as_json=as_json)


@app.command()
def serve(
    folder: Folder,
    *,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="processes that answer; else what the settings say"),
    ] = None,
) -> None:
    """Runs a node, with its key agent beside it."""
    need("uvicorn", extra="node")
    from gateway import logs, serve_command
    from gateway.home import NodeHome

    logs.set_up()
    serve_command.run(NodeHome(folder), workers=workers)


@app.command(hidden=True)
def demo_signin(settings: Path) -> None:
    """The demo's sign-in provider; no real node may use it."""
    from gateway import logs, serve_command

    logs.set_up()
    serve_command.run_signin(settings)


@app.command()
def demo_passport(
    account: Annotated[str, typer.Argument(help="rosa, grace, dora or adam")],
    *,
    node: Annotated[str, typer.Option(help="the node's address")],
    demo_folder: Annotated[Path, typer.Option("--demo", help="the running demo's folder")],
) -> None:
    """Prints a Passport of a demo account, for a token file or a curl header."""
    need("authlib", extra="demo")
    from gateway import demo_people

    print(demo_people.passport_from(demo_folder / "signin.json", account, node))


@app.command()
def login(
    *,
    issuer: Annotated[str, typer.Option(help="the OpenID Connect provider")],
    client_id: Annotated[str, typer.Option(help="what this command is registered as there")],
    token_file: Annotated[Path, typer.Option(help="where the token is kept, readable by you")],
    node: Annotated[
        str | None, typer.Option(help="exchange it for a Passport of this node")
    ] = None,
    client_secret_file: Annotated[Path | None, typer.Option(help="if it has a secret")] = None,
) -> None:
    """Signs you in by a code that you enter in a browser; for `skerry fetch` and curl."""
    from gateway import login_command

    login_command.run(
        issuer,
        client_id=client_id,
        client_secret=None if client_secret_file is None else _token(client_secret_file),
        node=node,
        token_file=token_file,
        say=print,
    )


@app.command()
def fetch(
    object_id: str,
    *,
    workspace_folder: Annotated[Path, typer.Option("--workspace", help="its folder")],
    node: Annotated[str, typer.Option(help="the node's public URL")],
    kind: Annotated[str, typer.Option(help="reads, variants or file")] = "reads",
    region: Annotated[
        list[str] | None, typer.Option(help="only these records: NAME or NAME:FIRST-LAST")
    ] = None,
    token_file: Annotated[Path, typer.Option(help="holds a Passport for that node")],
    out: Annotated[
        Path | None, typer.Option(help="another file name, in the workspace's folder data")
    ] = None,
    insecure_plaintext_path: Annotated[
        bool, typer.Option("--insecure-plaintext-path", help="let --out lie outside that folder")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Pulls a sealed release, verifies it against the node's signature, opens it inside."""
    from gateway.fetch_progress import FetchLine
    from workspaces import inbox
    from workspaces.regions import read_region
    from workspaces.settings import data_folder

    if kind not in {"reads", "variants", "file"}:
        raise LoadRefused("--kind is reads, variants or file")
    with FetchLine(sys.stderr) as line:
        delivery = inbox.fetch(
            folder=workspace_folder,
            node_url=node,
            object_id=object_id,
            kind=cast("inbox.Kind", kind),
            token=_token(token_file),
            regions=[read_region(text) for text in region or ()],
            out=out,
            insecure_plaintext_path=insecure_plaintext_path,
            progress=line,
        )
    said = {
        "path": str(data_folder(workspace_folder) / delivery.path),
        "bytes": delivery.plain_size,
        "sha256": delivery.plain_sha256,
    }
    if delivery.regions is not None and not region:
        said["regions"] = "those of the grant: " + ", ".join(
            f"{name}:{start0}-{end0}" for name, start0, end0 in delivery.regions
        )
    _print(said, as_json=as_json)


@app.command()
def verify_audit(
    folder: Folder,
    *,
    checkpoint: Annotated[
        Path | None, typer.Option(help="a checkpoint kept elsewhere, which the record must hold")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Checks the node's record: names any entry altered, removed or reordered."""
    need("uvicorn", extra="node")
    from gateway import record_command
    from gateway.home import NodeHome

    found = record_command.run_verify(NodeHome(folder), checkpoint)
    _print(found, as_json=as_json)
    if not found["ok"]:
        raise SystemExit(Exit.FAILED)


@app.command()
def follow(
    folder: Folder,
    permit: Annotated[str, typer.Argument(help="the permit's id, as in the manifest")],
    *,
    as_json: AsJson = False,
) -> None:
    """Shows one release as the record has it, from the workspace's key to the last byte."""
    need("uvicorn", extra="node")
    from gateway import follow_command
    from gateway.home import NodeHome

    trail = follow_command.run(NodeHome(folder), permit)
    if as_json:
        print(json.dumps(follow_command.as_json(trail)))
        return
    for line in follow_command.in_lines(trail):
        print(line)


@app.command()
def checkpoint(folder: Folder) -> None:
    """Prints a signed checkpoint of the record, for a third party to keep."""
    need("uvicorn", extra="node")
    from gateway import record_command
    from gateway.home import NodeHome

    print(record_command.make_checkpoint(NodeHome(folder)), end="")


@app.command()
def explain(
    folder: Folder,
    *,
    dataset: Annotated[str, typer.Option(help="the dataset's id")],
    action: Annotated[str, typer.Option(help="discover, stream or train")] = "discover",
    entry: Annotated[str | None, typer.Option(help="an entry type; left out: any")] = None,
    token_file: Annotated[Path | None, typer.Option(help="left out: an anonymous caller")] = None,
    persona: Annotated[
        str | None, typer.Option(help="anonymous, registered, bona_fide or granted")
    ] = None,
    at: Annotated[str | None, typer.Option(help="a day, YYYY-MM-DD; left out: now")] = None,
    purpose: Annotated[Path | None, typer.Option(help="a data use request to judge too")] = None,
    brief: Annotated[bool, typer.Option(help="only what the caller would be told")] = False,
    as_json: AsJson = False,
) -> None:
    """Shows every rule of a decision and the facts that met it or failed."""
    need("uvicorn", extra="node")
    from gateway import explain_command
    from gateway.home import NodeHome

    token = None if token_file is None else _token(token_file)
    found = explain_command.run(
        NodeHome(folder),
        dataset,
        action,
        token=token,
        persona=persona,
        entry=entry,
        at=at,
        purpose=purpose,
    )
    print(json.dumps(found) if as_json else explain_command.text(found, brief=brief))


def _print(summary: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(summary))
        return
    print("; ".join(f"{key}: {value}" for key, value in summary.items() if value is not None))


def _token(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LoadRefused(f"{path}: cannot be read as a token file") from error
