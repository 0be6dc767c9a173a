//! From the arguments that every judging command shares to an [`App`].

use std::path::PathBuf;
use std::{env, fs};

use super::args::EngineArguments;
use super::printer::Printer;
use crate::action::Context;
use crate::app::App;
use crate::calibrate::Rates;
use crate::config::Settings;
use crate::engine::Asking;

/// The settings that the arguments make.
pub(super) fn settings(arguments: &EngineArguments) -> Settings {
    Settings {
        model: arguments.model.clone(),
        runtime: arguments.runtime.clone(),
        device: arguments.device,
        operating_point: arguments.operating_point.clone(),
        rates: Rates {
            max_miss_rate: arguments.max_miss_rate,
            max_false_block_rate: arguments.max_false_block_rate,
        },
        asking: if arguments.no_ask { Asking::Impossible } else { Asking::Possible },
    }
}
