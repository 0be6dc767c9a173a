//! Cuts the tokens of a unit into windows.

use crate::manifest::Manifest;

/// How long units are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowRule {
    /// Most tokens in one window.
    pub window: usize,
    /// Most windows of one action.
    pub max_windows: usize,
    /// Body tokens that two neighbouring windows share.
    pub overlap: usize,
}

impl WindowRule {
    /// The rule that a manifest declares.
    pub fn from_manifest(manifest: &Manifest) -> Self {
        Self {
            window: manifest.window,
            max_windows: manifest.max_windows,
            overlap: manifest.window.saturating_sub(manifest.stride),
        }
    }

    /// Most tokens of the user's request: a quarter of the window.
    pub(super) fn max_request(&self) -> usize {
        self.window / 4
    }

    /// The windows of a unit: `prefix` and a slice of `body` each, at least one, the last one ending with the body.
    pub(super) fn cut(&self, prefix: &[u32], body: &[u32]) -> Vec<Vec<u32>> {
        // A prefix may fill three quarters at most, so that every window brings the body forward.
        let kept = prefix.len().min(self.window * 3 / 4);
        let prefix = prefix.get(..kept).unwrap_or(prefix);
        let room = self.window - prefix.len();
        let step = room.saturating_sub(self.overlap).max(8);
        let mut windows = Vec::with_capacity(body.len() / step + 1);
        let mut start = 0;
        loop {
            let end = body.len().min(start + room);
            let slice = body.get(start..end).unwrap_or_default();
            windows.push([prefix, slice].concat());
            if end >= body.len() {
                return windows;
            }
            start += step;
        }
    }
}

impl Default for WindowRule {
    /// The rule of the bundled models.
    fn default() -> Self {
        Self { window: 128, max_windows: 32, overlap: 16 }
    }
}

/// Keeps the first and the last half of a list that is too long. Whether anything was dropped.
pub(super) fn keep_ends<T>(items: &mut Vec<T>, max: usize) -> bool {
    let excess = items.len().saturating_sub(max);
    let first = max.div_ceil(2);
    if excess > 0 {
        items.drain(first..first + excess);
    }
    excess > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: WindowRule = WindowRule { window: 64, max_windows: 4, overlap: 16 };

    #[test]
    fn a_short_body_is_one_window() {
        assert_eq!(RULE.cut(&[1, 2], &[3, 4]), [vec![1, 2, 3, 4]]);
    }

    #[test]
    fn an_empty_body_still_gives_a_window() {
        assert_eq!(RULE.cut(&[1, 2], &[]), [vec![1, 2]]);
    }

    #[test]
    fn windows_overlap_and_cover_the_whole_body() {
        let body: Vec<u32> = (100..300).collect();
        let windows = RULE.cut(&[1, 2, 3, 4], &body);
        assert!(windows.iter().all(|window| window.len() <= 64 && window.starts_with(&[1, 2, 3, 4])));
        let mut covered: Vec<u32> = windows.iter().flat_map(|window| window.iter().skip(4).copied()).collect();
        covered.dedup();
        covered.sort_unstable();
        covered.dedup();
        assert_eq!(covered, body);
        assert_eq!(windows.first().map(|window| &window[48..]), windows.get(1).map(|window| &window[4..20]));
    }

    #[test]
    fn a_prefix_never_fills_a_window() {
        let prefix: Vec<u32> = (0..500).collect();
        let windows = RULE.cut(&prefix, &[7; 100]);
        assert!(windows.iter().all(|window| window.len() <= 64));
        assert!(windows.len() < 20);
    }

    #[test]
    fn the_middle_goes_when_there_are_too_many() {
        let mut items: Vec<u32> = (0..10).collect();
        assert!(keep_ends(&mut items, 4));
        assert_eq!(items, [0, 1, 8, 9]);
        assert!(!keep_ends(&mut items, 4));
    }
}
