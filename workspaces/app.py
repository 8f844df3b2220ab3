"""The workspace's own small server: what it is, that it lives, and what it has received.

GA4GH service-info 1.0.0. Answers contain no data of a delivery and no key but the public one;
jobs are not part of this version.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from schemas.errors import SkerryError
from schemas.service_info import ServiceInfo
from streams.keys import thumbprint
from workspaces import deliveries, keys, openings, settings
from workspaces.deliveries import DeliveryList


def create_app(folder: Path, *, release: str = "unstated") -> FastAPI:
    """Opens the folder first: raises FolderInvalid before anything listens. Plaintext that a crash
    left half open is removed."""
    held = keys.load(folder)
    openings.sweep(settings.data_folder(folder))
    app = FastAPI(title="Skerry workspace", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(SkerryError)
    async def refused(_: Request, error: SkerryError) -> JSONResponse:
        return JSONResponse({"error": error.code, "message": error.public}, error.status)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/service-info", response_model=None)
    async def service_info() -> ServiceInfo:
        return {
            "id": f"skerry.workspace.{thumbprint(held.public_key)[:16]}",
            "name": held.settings.name,
            "type": {"group": "skerry", "artifact": "workspace", "version": "1.0.0"},
            "organization": {"name": held.settings.name, "url": "about:blank"},
            "version": release,
        }

    @app.get("/deliveries")
    def received() -> DeliveryList:
        return DeliveryList(deliveries=deliveries.listed(folder))

    return app
