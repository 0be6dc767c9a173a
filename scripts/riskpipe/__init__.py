"""Training pipeline of the riskgate model: from labelled actions to a checked model bundle."""

CODE_VERSION = "0.1.0"
SEED = 20261120
