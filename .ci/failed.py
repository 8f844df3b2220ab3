"""Prints the ids of the tests that failed last, from the cache of pytest whose folder is named."""

import json
import sys
from pathlib import Path

found = Path(sys.argv[1], "v", "cache", "lastfailed")
if found.exists():
    sys.stdout.writelines(f"{test}\n" for test in json.loads(found.read_text("utf-8")))
