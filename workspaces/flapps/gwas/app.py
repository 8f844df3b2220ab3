"""Hands the study to the engine; runs in the engine's environment only."""

from federated.rounds import server_app
from federated.site import client_app

from workspaces.flapps.gwas.study import Study

client = client_app(Study())
server = server_app(Study())
