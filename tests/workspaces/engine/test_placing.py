"""The engine's programs read their own library and the environment, never what a run wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workspaces.engine import placing
from workspaces.engine.environment import Environment
from workspaces.engine.superlink import _write_programs

READS = "import sys\nimport {}\nsys.stdout.write(sys.modules[{!r}].__file__)\n"


@pytest.mark.parametrize(
    ("module", "found"), [("planted", ""), ("federated.frames", "frames.py"), ("numpy", "numpy")]
)
def test_a_module_where_the_program_works_is_not_imported(
    tmp_path: Path, module: str, found: str
) -> None:
    library, work = placing.place(tmp_path), tmp_path / "work"
    (library / "federated" / "reads.py").write_text(READS.format(module, module))
    work.mkdir()
    for planted in ("planted.py", "federated.py", "numpy.py"):
        (work / planted).write_text("")
    ran = subprocess.run(
        placing.program(Environment(Path(sys.prefix), ""), "reads"),
        env={**os.environ, "PYTHONPATH": str(library)}, cwd=work,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if found:
        assert found in ran.stdout, ran.stderr
        assert str(work) not in ran.stdout
    else:
        assert "No module named 'planted'" in ran.stderr


def test_nor_by_the_program_that_stands_in_for_the_engine_s_own(tmp_path: Path) -> None:
    library, work = placing.place(tmp_path), tmp_path / "work"
    _write_programs(tmp_path / "bin", Environment(Path(sys.prefix), ""))
    (library / "federated" / "serverapp.py").write_text(READS.format("numpy", "numpy"))
    work.mkdir()
    (work / "numpy.py").write_text("")
    ran = subprocess.run(
        [tmp_path / "bin" / "flwr-serverapp"], env={**os.environ, "PYTHONPATH": str(library)},
        cwd=work, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert "numpy" in ran.stdout, ran.stderr
    assert str(work) not in ran.stdout
