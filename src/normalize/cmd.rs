//! `cmd.exe` command lines and batch files → units.

use enumset::EnumSet;

use crate::action::{Gap, Unit};
use crate::normalize::paths::Place;

/// The units of a command line and what of it was not understood.
pub(super) fn units(script: &str, place: &Place) -> (Vec<Unit>, EnumSet<Gap>) {
    let _ = (script, place);
    (Vec::new(), EnumSet::empty())
}

/// Whether a script that came as Bash is `cmd` by its looks.
pub(super) fn looks_like(script: &str) -> bool {
    let _ = script;
    false
}
