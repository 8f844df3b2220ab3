"""What may be offered to the airlock: one closed shape per output class, with caps.

Anything that fits none of them is an `Other`, which only people can release.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from schemas.wire import Wire
from workspaces.errors import CandidateUnreadable

MAX_BYTES = 256 * 1024 * 1024
MAX_SIDE = 1_000
MAX_VARIANTS = 10_000_000
MAX_PARAMETERS = 1_000_000
MAX_LINES = 10_000

Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Table(Wire):
    """Counts of people by two properties: `cells` has a row per label of `rows`; None is a cell
    that is not shown."""

    kind: Literal["table"]
    rows: Annotated[tuple[Label, ...], Field(min_length=1, max_length=MAX_SIDE)]
    columns: Annotated[tuple[Label, ...], Field(min_length=1, max_length=MAX_SIDE)]
    cells: tuple[tuple[Count | None, ...], ...]

    @model_validator(mode="after")
    def _is_rectangular(self) -> Table:
        if len(self.cells) != len(self.rows) or any(
            len(row) != len(self.columns) for row in self.cells
        ):
            raise ValueError("cells must have a row per label of rows, as long as columns")
        return self


class Variant(Wire):
    """One line of a summary; `allele` is CHROM-POS-REF-ALT, `minor_count` copies of the rarer
    allele among the `people` genotyped."""

    allele: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9._]{1,40}-\d{1,10}-[ACGTN]{1,200}-[ACGTN]{1,200}$"),
    ]
    people: Count
    minor_count: Count
    beta: Finite
    standard_error: Annotated[Finite, Field(ge=0)]
    p: Annotated[Finite, Field(ge=0, le=1)]
    frequency: Annotated[Finite, Field(ge=0, le=1)] | None = None


class GwasSummary(Wire):
    """Associations pooled over `sites`; there is no member for a single site's figures."""

    kind: Literal["gwas-summary"]
    trait: Label
    sites: Annotated[int, Field(ge=1, le=1_000)]
    variants: Annotated[tuple[Variant, ...], Field(max_length=MAX_VARIANTS)]


class AggregateModel(Wire):
    """Named coefficients of one model fitted on `people` of `sites`."""

    kind: Literal["aggregate-model"]
    people: Count
    sites: Annotated[int, Field(ge=1, le=1_000)]
    coefficients: Annotated[
        dict[Label, tuple[Finite, ...]], Field(min_length=1, max_length=MAX_PARAMETERS)
    ]


LogField = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Log(Wire):
    """Lines of named values; which names may leave is the permit's."""

    kind: Literal["log"]
    lines: Annotated[
        tuple[dict[LogField, str | int | Finite | bool | None], ...], Field(max_length=MAX_LINES)
    ]


class Plot(Wire):
    """A drawing made of released outputs, which it names by digest; the drawing is made from them
    again, so no picture of the workspace's own leaves."""

    kind: Literal["plot"]
    form: Literal["manhattan", "qq", "bars", "survival"]
    of: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Other(Wire):
    """Whatever has no checker: its bytes in base64, and what its maker says it is."""

    kind: Literal["other"]
    description: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    content: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


Candidate = Table | GwasSummary | AggregateModel | Log | Plot | Other
_MEMBERS = frozenset(
    name
    for model in (Table, Variant, GwasSummary, AggregateModel, Log, Plot, Other)
    for name in model.model_fields
)
_ADAPTER: TypeAdapter[Candidate] = TypeAdapter(Annotated[Candidate, Field(discriminator="kind")])


def read(raw: bytes) -> Candidate:
    """Raises `CandidateUnreadable`, naming the member and never its value."""
    if len(raw) > MAX_BYTES:
        raise CandidateUnreadable(f"An output may have {MAX_BYTES} bytes.")
    try:
        return _ADAPTER.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        # A key of the document's own could be anybody's name: only our members are named.
        where = ".".join(str(part) for part in first["loc"] if part in _MEMBERS) or "the document"
        raise CandidateUnreadable(f"{where}: {first['type']}.") from error
