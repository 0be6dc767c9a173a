"""Training pipeline of the riskgate model: from labelled actions to a checked model bundle."""

from pathlib import Path

CODE_VERSION = "0.1.0"
SEED = 20261120
# Actions written and labels given for this project that are not in the data folder; laid out like it.
OWN_DATA = Path(__file__).resolve().parent.parent / "data"
