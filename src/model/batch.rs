//! Token rows, and the padded tensors made of them.

use ndarray::ArrayView2;

/// Rows of token ids that are scored in one run. Reusable: [`Batch::clear`] keeps the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    ids: Vec<u32>,
    ends: Vec<usize>,
    pad_id: u32,
}

impl Batch {
    /// An empty batch whose short rows will be filled with `pad_id`.
    pub fn new(pad_id: u32) -> Self {
        Self { ids: Vec::new(), ends: Vec::new(), pad_id }
    }

    /// Adds a row of token ids.
    pub fn push(&mut self, row: &[u32]) {
        self.ids.extend_from_slice(row);
        self.ends.push(self.ids.len());
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.ends.clear();
    }

    /// The same rows in order, in at most `n` batches of about as many tokens each.
    pub fn split(&self, n: usize) -> Vec<Self> {
        let share = self.n_tokens().div_ceil(n.max(1));
        let mut parts: Vec<Self> = Vec::with_capacity(n);
        for row in self.rows() {
            match parts.last_mut().filter(|part| part.n_tokens() < share) {
                Some(part) => part.push(row),
                None => {
                    let mut part = Self::new(self.pad_id);
                    part.push(row);
                    parts.push(part);
                }
            }
        }
        parts
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Tokens of all rows together, padding not counted.
    pub fn n_tokens(&self) -> usize {
        self.ids.len()
    }

    /// Tokens of the longest row.
    pub fn longest(&self) -> usize {
        self.rows().map(<[u32]>::len).max().unwrap_or(0)
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.ids.get(start..end).unwrap_or_default())
    }
}

/// `input_ids` and `attention_mask` of a batch, int64 `[rows, tokens]`, as long as its longest row. The buffers are
/// filled anew for each run and never shrink.
#[derive(Debug, Default)]
pub struct PaddedBatch {
    input_ids: Vec<i64>,
    attention_mask: Vec<i64>,
    shape: (usize, usize),
}

impl PaddedBatch {
    /// Writes the rows of `batch` into the buffers.
    pub fn fill(&mut self, batch: &Batch) {
        let width = batch.longest();
        self.shape = (batch.n_rows(), width);
        self.input_ids.clear();
        self.attention_mask.clear();
        for row in batch.rows() {
            let end = self.input_ids.len() + width;
            self.attention_mask.resize(self.attention_mask.len() + row.len(), 1);
            self.attention_mask.resize(end, 0);
            self.input_ids.extend(row.iter().map(|&id| i64::from(id)));
            self.input_ids.resize(end, i64::from(batch.pad_id));
        }
    }

    /// Token ids `[rows, tokens]`.
    pub fn input_ids(&self) -> Option<ArrayView2<'_, i64>> {
        ArrayView2::from_shape(self.shape, &self.input_ids).ok()
    }

    /// 1 for a token and 0 for padding, `[rows, tokens]`.
    pub fn attention_mask(&self) -> Option<ArrayView2<'_, i64>> {
        ArrayView2::from_shape(self.shape, &self.attention_mask).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn short_rows_are_padded_and_masked() {
        let mut batch = Batch::new(9);
        batch.push(&[1, 2, 3]);
        batch.push(&[4]);
        let mut padded = PaddedBatch::default();
        padded.fill(&batch);
        assert_eq!(padded.input_ids().unwrap(), array![[1, 2, 3], [4, 9, 9]]);
        assert_eq!(padded.attention_mask().unwrap(), array![[1, 1, 1], [1, 0, 0]]);
    }

    #[test]
    fn buffers_carry_nothing_over_from_the_batch_before() {
        let mut padded = PaddedBatch::default();
        let mut batch = Batch::new(0);
        batch.push(&[7; 20]);
        padded.fill(&batch);
        batch.clear();
        batch.push(&[5, 6]);
        padded.fill(&batch);
        assert_eq!(padded.input_ids().unwrap(), array![[5, 6]]);
        assert_eq!(padded.attention_mask().unwrap(), array![[1, 1]]);
    }

    #[test]
    fn parts_hold_the_rows_in_order_and_about_as_many_tokens_each() {
        let mut batch = Batch::new(0);
        (1..=12).for_each(|length| batch.push(&vec![7; length]));
        for n in 1..16 {
            let parts = batch.split(n);
            assert!(parts.len() <= n && parts.iter().all(|part| !part.is_empty()));
            assert!(parts.iter().all(|part| part.n_tokens() < 78_usize.div_ceil(n) + 12));
            assert!(parts.iter().flat_map(Batch::rows).eq(batch.rows()));
        }
        assert!(Batch::new(0).split(2).is_empty());
    }

    #[test]
    fn rows_come_back_as_they_were_pushed() {
        let mut batch = Batch::new(0);
        for row in [&[1, 2][..], &[], &[3]] {
            batch.push(row);
        }
        assert_eq!(batch.rows().collect::<Vec<_>>(), [&[1, 2][..], &[], &[3]]);
        assert_eq!((batch.n_rows(), batch.n_tokens(), batch.longest()), (3, 3, 2));
    }
}
