"""Signs a person in from a terminal: a code shown here is typed in at the provider (RFC 8628).

For command lines, which have no browser to be sent back to. The access token is all that is taken:
who it stands for is told by the node it is shown to, so no ID token is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from passports.compact import text
from passports.errors import BadToken, ProviderFailed, ProviderRefused, Reason, SignInFailed
from passports.outbound import is_safe_url
from passports.provider import Provider

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "openid ga4gh_passport_v1"
MAX_TOKEN_CHARS = 16 * 1024
MAX_WAIT_SECONDS = 15 * 60
MIN_INTERVAL_SECONDS = 1
MAX_INTERVAL_SECONDS = 60
SLOW_DOWN_SECONDS = 5  # RFC 8628 3.5


@dataclass(frozen=True, slots=True)
class Code:
    """What the person is shown (`user_code`, `address`), and what is asked with meanwhile."""

    user_code: str
    address: str
    device_code: str = field(repr=False)
    interval_seconds: int
    lifetime_seconds: int


async def begin(provider: Provider) -> Code:
    """Raises `ProviderFailed` where the provider offers no sign-in of this kind."""
    url = (await provider.endpoints()).device_authorization
    if url is None:
        raise ProviderFailed("the sign-in provider offers no sign-in by code (RFC 8628)")
    answer = await provider.post(url, {"scope": SCOPE})
    address = answer.get("verification_uri")
    if not isinstance(address, str) or not is_safe_url(address) or not address.isprintable():
        raise ProviderFailed("the sign-in provider names no safe address to go to")
    try:
        return Code(
            user_code=text(answer.get("user_code"), reason=Reason.BAD_CLAIM, cap=64),
            address=address,
            device_code=text(answer.get("device_code"), reason=Reason.BAD_CLAIM, cap=4096),
            interval_seconds=_number(answer, "interval", otherwise=5, most=MAX_INTERVAL_SECONDS),
            lifetime_seconds=_number(answer, "expires_in", otherwise=600, most=MAX_WAIT_SECONDS),
        )
    except BadToken as error:
        raise ProviderFailed("the sign-in provider gave no code") from error


async def wait(provider: Provider, code: Code, *, sleep: Callable[[float], Awaitable[None]]) -> str:
    """The access token, once the person has agreed; `SignInFailed` when she has not."""
    form = {"grant_type": GRANT, "device_code": code.device_code}
    url, interval, waited = (await provider.endpoints()).token, code.interval_seconds, 0
    while waited < code.lifetime_seconds:
        await sleep(interval)
        waited += interval
        try:
            answer = await provider.post(url, form)
        except ProviderRefused as refusal:
            match refusal.error:
                case "authorization_pending":
                    continue
                case "slow_down":
                    interval += SLOW_DOWN_SECONDS
                case "access_denied":
                    raise SignInFailed("the sign-in was refused at the provider") from refusal
                case _:
                    raise
        else:
            return _access_token(answer)
    raise SignInFailed("nobody signed in in time; start again")


def _access_token(answer: Mapping[str, object]) -> str:
    try:
        return text(answer.get("access_token"), reason=Reason.BAD_CLAIM, cap=MAX_TOKEN_CHARS)
    except BadToken as error:
        raise ProviderFailed("the sign-in provider gave no access token") from error


def _number(answer: Mapping[str, object], name: str, *, otherwise: int, most: int) -> int:
    value = answer.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int) or value < MIN_INTERVAL_SECONDS:
        return otherwise
    return min(value, most)
