"""GA4GH service-info 1.0.0: what a service says of itself, whatever it serves."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class ServiceType(TypedDict):
    group: str
    artifact: str
    version: str


class ServiceOrganization(TypedDict):
    name: str
    url: str


class ServiceInfo(TypedDict):
    id: str
    name: str
    type: ServiceType
    organization: ServiceOrganization
    version: str
    description: NotRequired[str]
    environment: NotRequired[Literal["prod", "test", "dev", "staging"]]
