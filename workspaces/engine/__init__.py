"""Federated runs on an engine that exists, behind one port (`port`).

From code, whole (what `skerry federation` and `skerry fl` do; see tests/support/federation.py):

    environment = workspaces.engine.environment.find()
    of = federation.create(folder, Described(name=..., host=..., port=...), identities)
    federation.admit(of, bundle.bundle("gwas"))
    async with coordinator_api.serving(of, environment, listen="127.0.0.1") as link:
        node = await FlowerEngine(environment).start_node(SiteNode(...))      # at every site
        token = federation.new_token(of, "researcher")
        coordinator = RemoteCoordinator(joined.registrar, token=token, certificate=of.authority)
        run = await coordinator.submit(Path("gwas"), config={"trait": ..., "covariates": [...]})
        status = await remote.wait(coordinator, run)
        candidates = await coordinator.results(run)
        await engine.stop_node(node)

`link` is a `Coordinator` too, for code in the coordinator's own process.
"""
