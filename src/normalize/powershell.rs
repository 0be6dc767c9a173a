//! PowerShell → units: statements, pipelines, cmdlets, `-EncodedCommand`.

use enumset::EnumSet;

use crate::action::{Gap, Unit};
use crate::normalize::paths::Place;

/// The units of a PowerShell script and what of it was not understood.
pub(super) fn units(script: &str, place: &Place) -> (Vec<Unit>, EnumSet<Gap>) {
    let _ = (script, place);
    (Vec::new(), EnumSet::empty())
}

/// Whether a script that came as Bash is PowerShell by its looks.
pub(super) fn looks_like(script: &str) -> bool {
    let _ = script;
    false
}
