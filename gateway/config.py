"""A node's settings: one frozen tree, read once, from one TOML file.

Unknown keys refuse to start. Secrets are files of the node's folder (`gateway.home`), never
settings. Every key is described in docs/settings.md, and a test compares the two.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyAddress,
    ValidationError,
    model_validator,
)

from gateway.errors import ConfigError

_MAX_SETTINGS_BYTES = 64 * 1024


def _public_url(value: str) -> str:
    loopback = value.startswith(("http://127.0.0.1:", "http://localhost:", "http://[::1]:"))
    if not (value.startswith("https://") or loopback):
        raise ValueError("must be https://, or http:// on loopback")
    if any(mark in value for mark in "@?#"):
        raise ValueError("must be an address without user, query or fragment")
    if (host := value.split("/")[2]) != host.lower():
        raise ValueError("the host must be in lower case: others compare it byte for byte")
    urlsplit(value).port  # noqa: B018 - raises for a port that is none
    if value.endswith("/"):
        raise ValueError("must not end in a slash: it is the audience of passports, byte for byte")
    return value


PublicUrl = Annotated[str, AfterValidator(_public_url)]
# Nothing that could begin a header of its own or name a second address.
Mailbox = Annotated[str, Field(pattern=r"^[^\s@,;<>\"()]+@[A-Za-z0-9.-]+$", max_length=254)]
MailKey = Annotated[str, Field(min_length=1, max_length=512)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SignInSettings(_Section):
    """The OpenID Connect provider whose accounts sign in to the node's own pages."""

    issuer: PublicUrl
    client_id: str


class NoticeSettings(_Section):
    """To whom steps of access requests are told; the password and the key of the webhooks'
    signatures are files of the node's folder."""

    smtp: str = Field(default="", max_length=300, pattern=r"^$|^smtps?://[^@/?#:\s]+:[0-9]{1,5}$")
    smtp_user: str = Field(default="", max_length=300)
    mail_from: Mailbox | None = None
    mail_to: dict[MailKey, Annotated[tuple[Mailbox, ...], Field(max_length=20)]] = Field(
        default_factory=dict, max_length=1000
    )
    webhooks: Annotated[tuple[PublicUrl, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _mail_has_a_way(self) -> NoticeSettings:
        if bool(self.smtp) != (self.mail_from is not None) or (self.mail_to and not self.smtp):
            raise ValueError("mail_to, smtp and mail_from come together")
        return self


class RateSettings(_Section):
    """Requests per caller; 0 is no limit."""

    public_per_minute: int = Field(default=240, ge=0, le=1_000_000)
    registered_per_minute: int = Field(default=300, ge=0, le=1_000_000)
    registered_per_day: int = Field(default=5_000, ge=0, le=1_000_000_000)
    controlled_per_minute: int = Field(default=1_000, ge=0, le=1_000_000)
    portals: Annotated[tuple[IPvAnyAddress, ...], Field(max_length=1000)] = ()


AbsolutePath = Annotated[str, Field(pattern=r"^/[^\x00]*[^/\x00]$", max_length=1000)]
SourcePrefix = Annotated[str, Field(pattern=r"^(/|s3://)[^\x00]*[^/\x00]$", max_length=1000)]
InternalLocation = Annotated[str, Field(pattern=r"^/[A-Za-z0-9/_-]{1,100}$")]


class NodeSettings(_Section):
    """Everything an admin decides about a node except policies and trust (files of their own)."""

    id: str = Field(pattern=r"^[a-z0-9]+(\.[a-z0-9-]+)+$", description="Beacon id, reverse domain")
    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)
    public_url: PublicUrl
    organization_id: str = Field(min_length=1, max_length=200)
    organization_name: str = Field(min_length=1, max_length=200)
    environment: Literal["prod", "test", "dev", "staging"] = "dev"
    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    slicers: int = Field(default=1, ge=1, le=16)
    register_from: Annotated[tuple[SourcePrefix, ...], Field(max_length=100)] = ()
    accel: dict[AbsolutePath, InternalLocation] = Field(default_factory=dict, max_length=100)
    admins: tuple[str, ...] = ()
    # Without credentials: they are the file keys/clickhouse, USER:PASSWORD.
    clickhouse_url: str = Field(default="", max_length=500, pattern=r"^$|^https?://[^@?#]+$")
    strict_duos: bool = False
    log_requests: bool = False
    decision_facts_days: int = Field(default=90, ge=0, le=3650)
    # Without a password: it stands where libpq looks for it, never in a file of settings.
    control_database: str = Field(default="", max_length=500, pattern=r"^$|^postgresql://[^:@/]*@")
    # The one folder that the admin's pages load files from.
    import_folder: str = Field(default="", max_length=500, pattern=r"^$|^/")
    notices: NoticeSettings = NoticeSettings()
    rate_limits: RateSettings = RateSettings()
    signin: SignInSettings


def load(path: Path) -> NodeSettings:
    """The settings in `path`; `ConfigError` names the file, the key and what was expected."""
    try:
        if path.stat().st_size > _MAX_SETTINGS_BYTES:
            raise ConfigError(f"{path}: larger than {_MAX_SETTINGS_BYTES} bytes; is it the file?")
        with path.open("rb") as file:
            return NodeSettings.model_validate(tomllib.load(file))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; `skerry init DIR` writes one") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {key}: {first['msg']}; see docs/settings.md") from error


def dump(settings: NodeSettings) -> str:
    """The settings as TOML text that `load` reads back."""
    sections = ("notices", "rate_limits", "signin")
    lines = [
        f"{key} = {_toml(value)}"
        for key, value in settings.model_dump(mode="json", exclude=set(sections)).items()
    ]
    for name in sections:
        said = getattr(settings, name).model_dump(mode="json", exclude_defaults=True)
        if said:
            lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in said.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, int):
        return str(value).lower()  # `true` and `false` are integers to Python
    if isinstance(value, dict):
        inside = ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped too.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
