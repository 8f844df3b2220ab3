"""What runs inside the engine's own environment, at the sites and at the coordinator.

Self-contained: it is copied next to each run and imported there as `federated`, so it imports
nothing of ours, and only `site`, `rounds`, `node`, `link`, `serverapp` and `control` import the
engine.
"""
