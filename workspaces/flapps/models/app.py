"""Hands the models to the engine; runs in the engine's environment only."""

from federated.rounds import server_app
from federated.site import client_app

from workspaces.flapps.models.fitting import Models

client = client_app(Models())
server = server_app(Models())
