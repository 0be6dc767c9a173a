//! What may be typed: flags and subcommands, nothing resolved yet. The help texts are the reference of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Judges the actions of coding agents on this machine: allow, ask or deny.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110, propagate_version = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: CommandArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum CommandArguments {
    /// Show exactly what the model sees: action records in, texts and token ids out.
    Encode(EncodeArguments),
}

/// Where records come from and where answers go.
#[derive(Debug, Args)]
pub(super) struct StreamArguments {
    /// Action records, one JSON object a line; `-` is the standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(super) input: PathBuf,
    /// Where the answers go, one JSON object a line; `-` is the standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(super) output: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct EncodeArguments {
    #[command(flatten)]
    pub(super) stream: StreamArguments,
    /// The bundle whose tokenizer is used, by name or folder.
    #[arg(long, value_name = "BUNDLE", env = "RISKGATE_MODEL")]
    pub(super) model: Option<String>,
    /// A tokenizer file instead of a bundle's, with the default window rule.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    pub(super) tokenizer: Option<PathBuf>,
    /// Give the texts alone: needs no tokenizer.
    #[arg(long, conflicts_with_all = ["model", "tokenizer"])]
    pub(super) no_tokens: bool,
    /// List the markers of the text template as a JSON array and leave.
    #[arg(long)]
    pub(super) markers: bool,
}
