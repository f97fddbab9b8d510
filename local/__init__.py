"""The programs that run on your own machine, never in Lambda."""

import sys
from pathlib import Path

# The function is not installed: it runs from its folder, as it does in Lambda.
sys.path.insert(0, str(Path(__file__).parents[1] / "functions"))
