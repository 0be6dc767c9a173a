//! Marks the data flows between the parts of an action that change what it means.

use crate::action::Action;

/// Sets [`Unit::flows`](crate::action::Unit::flows) on every unit of the action.
pub fn mark(action: &mut Action) {
    let _ = action;
}
