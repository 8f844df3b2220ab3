"""Hands the regression to the engine; runs in the engine's environment only."""

from federated.rounds import server_app
from federated.site import client_app

from workspaces.flapps.vertical.joining import Vertical

client = client_app(Vertical())
server = server_app(Vertical())
