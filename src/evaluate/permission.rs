//! The permission an action needs.

use serde::Serialize;
use strum::IntoEnumIterator;

use super::rate::share;
use super::{Case, Rate};
use crate::assessment::{Assessment, N_PERMISSIONS, Permission};

/// Labelled permissions against the most probable ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PermissionFigures {
    /// Actions with a permission label that the model judged.
    pub actions: usize,
    /// Those whose most probable permission is the labelled one.
    pub right: Rate,
    /// Mean F1 over the permissions that occur among the labels.
    pub permission_macro_f1: Option<f64>,
    /// The names of rows and columns of `confusion`.
    pub names: Vec<&'static str>,
    /// How many actions of each labelled permission (row) were taken for which (column).
    pub confusion: [[usize; N_PERMISSIONS]; N_PERMISSIONS],
}

impl PermissionFigures {
    /// Of the actions among `cases` that have the label.
    pub(super) fn of(cases: &[&Case]) -> Self {
        let mut confusion = [[0; N_PERMISSIONS]; N_PERMISSIONS];
        for (wanted, found) in cases.iter().filter_map(|case| wanted_and_found(case)) {
            let row = confusion.get_mut(wanted as usize);
            if let Some(cell) = row.and_then(|row| row.get_mut(found as usize)) {
                *cell += 1;
            }
        }
        let right = confusion.iter().enumerate().filter_map(|(place, row)| row.get(place)).sum();
        let actions = confusion.iter().flatten().sum();
        Self {
            actions,
            right: Rate::new(right, actions),
            permission_macro_f1: macro_f1(&confusion),
            names: Permission::iter().map(Into::into).collect(),
            confusion,
        }
    }
}

fn wanted_and_found(case: &Case) -> Option<(Permission, Permission)> {
    Some((case.label.permission?, most_probable(case.answer.assessment.as_ref()?)?))
}

/// The most probable permission; the lowest of equal ones.
fn most_probable(assessment: &Assessment) -> Option<Permission> {
    let labelled = Permission::iter().zip(assessment.permission);
    labelled.reduce(|best, next| if next.1.get() > best.1.get() { next } else { best }).map(|(label, _)| label)
}

fn macro_f1(confusion: &[[usize; N_PERMISSIONS]; N_PERMISSIONS]) -> Option<f64> {
    let of_class = |(place, row): (usize, &[usize; N_PERMISSIONS])| {
        let wanted: usize = row.iter().sum();
        let found: usize = confusion.iter().filter_map(|row| row.get(place)).sum();
        let right = row.get(place).copied().unwrap_or_default();
        (wanted > 0).then(|| share(2 * right, wanted + found))
    };
    let known: Vec<f64> = confusion.iter().enumerate().filter_map(of_class).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::samples::case;

    #[test]
    fn macro_f1_by_hand() {
        // All are taken for `observe`; two of three are. F1: observe 2·2/(2+3), system 0; the others do not occur.
        let mut cases = [case("a-1", 0, 0.1, 0.1), case("a-2", 0, 0.1, 0.1), case("a-3", 0, 0.1, 0.1)];
        cases[2].label.permission = Some(Permission::System);
        let found = PermissionFigures::of(&cases.iter().collect::<Vec<_>>());
        assert!(found.permission_macro_f1.is_some_and(|f1| (f1 - 0.4).abs() < 1e-12), "{found:?}");
        assert_eq!((found.confusion[0][0], found.confusion[2][0], found.right.hits), (2, 1, 2));
    }

    #[test]
    fn without_labels_there_is_nothing_to_say() {
        assert_eq!(PermissionFigures::of(&[]).permission_macro_f1, None);
    }
}
