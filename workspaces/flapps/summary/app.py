"""Hands the statistics to the engine; runs in the engine's environment only."""

from federated.rounds import server_app
from federated.site import client_app

from workspaces.flapps.summary.statistics import Statistics

client = client_app(Statistics())
server = server_app(Statistics())
