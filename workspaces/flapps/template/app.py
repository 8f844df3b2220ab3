"""Hands the model to the engine; runs in the engine's environment only."""

from federated.rounds import server_app
from federated.site import client_app

from workspaces.flapps.template.study import Own

client = client_app(Own())
server = server_app(Own())
