"""Federated applications that ship with Skerry: thin, over `workspaces.analysis`.

Each folder is one application: its `pyproject.toml` for the engine, `app.py` that hands it over,
and one file with both of its sides. A bundle takes these files and all of `analysis` with it.
"""
