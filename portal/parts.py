"""What a portal is made of, built once from its settings: calls, nodes, visitors, what pages show.

The only place that knows which class stands behind each of them. Nothing is contacted here; the
application around them is `app`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi.templating import Jinja2Templates

from passports.login import Login
from passports.sessions import Sessions
from passports.tokens import SigningKey
from portal import languages
from portal.asking.calls import Calls
from portal.asking.fanout import Fanout
from portal.coordinators import Coordinators
from portal.errors import SettingsError
from portal.metrics import Metrics
from portal.nodes.doors import NodeDoors
from portal.nodes.health import HealthBook
from portal.nodes.joining import JoinBook
from portal.nodes.registry import Registry
from portal.passport_issuer import PassportIssuer
from portal.questions.liftover import Liftover
from portal.questions.prospects import Prospects
from portal.questions.saved import SavedSearches
from portal.questions.vocabulary import Vocabulary
from portal.requests.applications import Applications
from portal.requests.enquiries import Enquiries
from portal.results.kept import Results
from portal.searches import Searches
from portal.settings import PortalSettings
from portal.site import Portal
from portal.standing import Standings
from portal.visitors import Visitors
from portal.workspaces import Workspaces

PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True, slots=True)
class Parts:
    """`portal` is what its pages share; the others are what that stands on."""

    portal: Portal
    calls: Calls
    metrics: Metrics
    issuer: PassportIssuer | None
    http: httpx.AsyncClient

    async def close(self) -> None:
        await self.calls.close()
        await self.portal.coordinators.close()
        await self.http.aclose()


def build(
    settings: PortalSettings, *, clock: Callable[[], float], sessions: Sessions | None
) -> Parts:
    """Raises `SettingsError`, and the errors of the files that the settings name."""
    limits, metrics = settings.limits, Metrics()
    calls = Calls(limits)
    joining = JoinBook(settings.nodes_file, clock=clock) if settings.nodes_file else None
    registry = Registry(
        settings.nodes, calls, limits=limits, clock=clock, beacons=settings.beacons,
        own_id=settings.network_id,
        book=HealthBook(settings.health_file) if settings.health_file is not None else None,
        joining=joining, held=joining.keys if joining is not None else None,
        named=settings.node_keys,
    )  # fmt: skip
    issuer = _issuer(settings, clock)
    http = httpx.AsyncClient(timeout=limits.deadline_seconds, follow_redirects=False)
    visitors = Visitors(
        settings,
        _login(settings, http),
        sessions=sessions or Sessions(clock),
        clock=clock,
        limits=limits,
        issuer=issuer,
    )
    doors = NodeDoors(calls, visitors, limits=limits)
    applications = Applications(doors, visitors)
    saved, templates = settings.searches_file, languages.templates(PAGES)
    portal = Portal(
        settings=settings,
        registry=registry,
        fanout=Fanout(calls, limits, metrics),
        visitors=visitors,
        searches=Searches(limits=limits, clock=clock),
        results=Results(limits=limits, clock=clock),
        applications=applications,
        standings=Standings(doors),
        workspaces=Workspaces(doors, applications),
        enquiries=Enquiries(doors),
        coordinators=Coordinators(settings.coordinators, limits=limits),
        prospects=Prospects(doors, look_seconds=limits.look_seconds),
        vocabulary=Vocabulary(registry),
        liftover=Liftover(settings.chain_files),
        saved=None if saved is None else SavedSearches(saved, clock=clock),
        joining=joining,
        pages={code: Jinja2Templates(env=made) for code, made in templates.items()},
    )
    return Parts(portal, calls, metrics, issuer, http)


def _login(settings: PortalSettings, http: httpx.AsyncClient) -> Login | None:
    if settings.signin_issuer is None:
        return None
    secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
    callback = f"{settings.public_url}/auth/callback"
    return Login(settings.signin_issuer, settings.client_id, secret, callback, http)


def _issuer(settings: PortalSettings, clock: Callable[[], float]) -> PassportIssuer | None:
    if settings.passport_key is None:
        return None
    try:
        key = SigningKey.load(settings.passport_key)
    except (OSError, ValueError) as error:
        raise SettingsError("passport_key: expected the file of a P-256 key in PEM") from error
    return PassportIssuer(settings.public_url, key, clock)
