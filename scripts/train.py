"""Fine-tunes the encoder on all questions at once.

python train.py --run run --start run/pretrained.pt --output run/finetuned.pt
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer

from riskpipe import SEED
from riskpipe.checkpoints import Checkpoint, prepare_cpu
from riskpipe.dataset import load_examples
from riskpipe.early_exit import Rows, fit_early_exit
from riskpipe.finetuning import FinetuneConfig, Material, finetune_pairs, finetune_transformer
from riskpipe.mixing import mix, part_logits, short_actions
from riskpipe.model import Encoder, ModelConfig
from riskpipe.novelty import NoveltyTable
from riskpipe.tokenizer import PAD_MARKER, TEXT_MARKER, marker_id
from riskpipe.tokens import TokenRows
from riskpipe.transfer import load_into


def run(run_folder: Path, start: Path | None, output: Path, config: FinetuneConfig, threads: int = 2) -> None:
    """Trains from a pre-trained checkpoint, or from scratch without one."""
    prepare_cpu(threads)
    torch.manual_seed(config.seed)
    tokenizer = Tokenizer.from_file(str(run_folder / "tokenizer.json"))
    text_marker = marker_id(tokenizer, TEXT_MARKER)
    model = Encoder(ModelConfig(vocabulary=tokenizer.get_vocab_size(), text_marker=text_marker))
    if start is not None:
        load_into(model, start)
    examples, rows = load_examples(run_folder, "train")
    material = Material.of(examples, rows, marker_id(tokenizer, PAD_MARKER))
    seen = [rows, *([TokenRows.load(run_folder / "rows/pretrain.npz")] if start is not None else [])]
    model.novelty.copy_(torch.from_numpy(NoveltyTable.count(seen, model.config).entries))
    finetune_pairs(model, material, config)
    finetune_transformer(model, material.listened(model), config, output)
    held_out = short_actions(*load_examples(run_folder, "calibration"), material.pad_id)
    transformer, pairs = part_logits(model, held_out)
    shares = mix(model, held_out, transformer, pairs)
    targets = [example.target for example in held_out.examples]
    settled = fit_early_exit(model.early_exit, Rows.of(transformer, pairs, held_out.rows.action_starts, targets))
    Checkpoint.of(model, {**Checkpoint.load(output).notes, "pair_shares": shares, "settled_early": settled}).save(output)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=FinetuneConfig.epochs)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = FinetuneConfig(epochs=options.epochs, seed=SEED)
    run(options.run, options.start, options.output, config, options.threads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
