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

    /// Most tokens of what is known of a unit: half a window. More is cut.
    pub(super) fn most_prefix(&self) -> usize {
        self.window / 2
    }

    /// Most tokens of a request: a quarter of the window, its marker included.
    pub(super) fn most_request(&self) -> usize {
        (self.window / 4).saturating_sub(1)
    }

    /// Most tokens of a request before a unit that the request explains more than other units: three eighths.
    pub(super) fn most_wide_request(&self) -> usize {
        (self.window * 3 / 8).saturating_sub(1)
    }

    /// The windows of a unit, at least one, the last one ending with the body.
    pub(super) fn cut(&self, parts: &Parts) -> Vec<Vec<u32>> {
        // Known facts and a request leave an eighth of the window at least, so that every window brings the body forward.
        let prefix = head(&parts.prefix, self.most_prefix());
        let request = head(&parts.request, parts.most_request.min(self.most_wide_request()));
        let mut windows = Vec::with_capacity(parts.body.len() / (self.window / 2) + 1);
        let mut start = 0;
        loop {
            let request = if start == 0 { request } else { &[] };
            let room = self.window - prefix.len() - request.len() - 1;
            let end = parts.body.len().min(start + room);
            let slice = parts.body.get(start..end).unwrap_or_default();
            windows.push([prefix, request, &[parts.mark], slice].concat());
            if end >= parts.body.len() {
                return windows;
            }
            start += room.saturating_sub(self.overlap).max(room / 2).max(1);
        }
    }
}

/// What the windows of a unit are made of, in token ids.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Opens every window.
    pub(super) prefix: Vec<u32>,
    /// Follows it in the first window only.
    pub(super) request: Vec<u32>,
    /// How much of the request there may be.
    pub(super) most_request: usize,
    /// Stands before the body in every window.
    pub(super) mark: u32,
    /// Is cut into the windows.
    pub(super) body: Vec<u32>,
}

impl Default for WindowRule {
    /// The rule of the bundled models.
    fn default() -> Self {
        Self { window: 128, max_windows: 32, overlap: 16 }
    }
}

fn head(tokens: &[u32], most: usize) -> &[u32] {
    tokens.get(..most).unwrap_or(tokens)
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
    const MARK: u32 = 9;

    fn cut(prefix: &[u32], request: &[u32], body: &[u32]) -> Vec<Vec<u32>> {
        let parts = Parts {
            prefix: prefix.into(),
            request: request.into(),
            most_request: RULE.most_request(),
            mark: MARK,
            body: body.into(),
        };
        RULE.cut(&parts)
    }

    #[test]
    fn a_short_body_is_one_window() {
        assert_eq!(cut(&[1, 2], &[], &[3, 4]), [vec![1, 2, MARK, 3, 4]]);
    }

    #[test]
    fn an_empty_body_still_gives_a_window() {
        assert_eq!(cut(&[1, 2], &[], &[]), [vec![1, 2, MARK]]);
    }

    #[test]
    fn windows_overlap_and_cover_the_whole_body() {
        let body: Vec<u32> = (100..300).collect();
        let windows = cut(&[1, 2, 3], &[], &body);
        assert!(windows.iter().all(|window| window.len() <= 64 && window.starts_with(&[1, 2, 3, MARK])));
        let mut covered: Vec<u32> = windows.iter().flat_map(|window| window.iter().skip(4).copied()).collect();
        covered.sort_unstable();
        covered.dedup();
        assert_eq!(covered, body);
        assert_eq!(windows.first().map(|window| &window[48..]), windows.get(1).map(|window| &window[4..20]));
    }

    #[test]
    fn the_request_stands_in_the_first_window_alone() {
        let windows = cut(&[1], &[5, 6], &[7; 100]);
        assert!(windows[0].starts_with(&[1, 5, 6, MARK, 7]));
        assert!(windows.len() > 1 && windows[1..].iter().all(|window| window.starts_with(&[1, MARK, 7])));
    }

    #[test]
    fn a_prefix_and_a_request_never_fill_a_window() {
        let many: Vec<u32> = (0..500).collect();
        let body: Vec<u32> = (1000..1100).collect();
        let windows = cut(&many, &many, &body);
        assert!(windows.iter().all(|window| window.len() <= 64));
        assert!(windows.len() < 20);
        assert!(body.iter().all(|token| windows.iter().any(|window| window.contains(token))));
    }

    #[test]
    fn the_middle_goes_when_there_are_too_many() {
        let mut items: Vec<u32> = (0..10).collect();
        assert!(keep_ends(&mut items, 4));
        assert_eq!(items, [0, 1, 8, 9]);
        assert!(!keep_ends(&mut items, 4));
    }
}
