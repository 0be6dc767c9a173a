//! The sessions of a generation, lent to whichever worker has something to score: as many as cores are to be used, however
//! many workers there are. A worker that waits for something else (a reviewer, say) holds none; one with a long action takes the
//! free ones, too.

use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::model::{Batch, Classifier, Logits, ModelError};

/// Fewest tokens for which one more session is worth a thread: two windows take some 3 ms, a thread a tenth of one.
const SHARE: usize = 128;

/// Sessions that nobody uses at the moment.
pub(super) struct Sessions {
    free: Mutex<Vec<Box<dyn Classifier>>>,
    returned: Condvar,
}

impl Sessions {
    pub(super) fn new(sessions: Vec<Box<dyn Classifier>>) -> Self {
        Self { free: Mutex::new(sessions), returned: Condvar::new() }
    }

    /// Waits for a free one, and takes more of the free ones with it, `wanted` in all. There is always one to come: every loan ends
    /// with its run.
    fn borrow(&self, wanted: usize) -> Vec<Loan<'_>> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while free.is_empty() {
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        let kept = free.len().saturating_sub(wanted.max(1));
        free.drain(kept..).map(|session| Loan { session: Some(session), owner: self }).collect()
    }
}

/// A session in use; it goes back even when the run panics.
struct Loan<'a> {
    session: Option<Box<dyn Classifier>>,
    owner: &'a Sessions,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.owner.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.session.take());
        self.owner.returned.notify_one();
    }
}

impl Loan<'_> {
    fn classify(&mut self, batch: &Batch) -> Result<Logits, ModelError> {
        // A loan holds its session until it ends.
        self.session.as_mut().map_or_else(|| Ok(Logits::default()), |session| session.classify(batch))
    }
}

/// A classifier that borrows a session for each run, and further ones for a long run.
pub(super) struct Borrower(pub(super) Arc<Sessions>);

impl Classifier for Borrower {
    fn classify(&mut self, batch: &Batch) -> Result<Logits, ModelError> {
        let mut loans = self.0.borrow(batch.n_tokens() / SHARE);
        // A row's logits do not depend on the rows beside it.
        let parts = batch.split(loans.len());
        thread::scope(|scope| {
            let mut shares = loans.iter_mut().zip(&parts);
            let own = shares.next();
            let others: Vec<_> = shares.map(|(loan, part)| scope.spawn(|| loan.classify(part))).collect();
            let mut logits = own.map_or_else(|| Ok(Logits::default()), |(loan, part)| loan.classify(part))?;
            for other in others {
                logits.rows.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic))?.rows);
            }
            Ok(logits)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::assessment::RowLogits;
    use crate::model::stub::StubClassifier;

    fn calm() -> RowLogits {
        RowLogits { risk: [1.0, 0.0, 0.0], permission: [0.0; _], effects: [0.0; _], injection: 0.0, novelty: 0.0 }
    }

    fn row() -> Batch {
        let mut batch = Batch::new(0);
        batch.push(&[1]);
        batch
    }

    #[test]
    fn many_workers_share_few_sessions() {
        let slow =
            || Box::new(StubClassifier::fixed(calm()).with_delay(Duration::from_millis(20))) as Box<dyn Classifier>;
        let sessions = Arc::new(Sessions::new(vec![slow(), slow()]));
        let started = Instant::now();
        thread::scope(|scope| {
            for _ in 0..6 {
                let mut borrower = Borrower(Arc::clone(&sessions));
                scope.spawn(move || assert_eq!(borrower.classify(&row()).unwrap().rows.len(), 1));
            }
        });
        // Three after one another on each of two.
        assert!(started.elapsed() >= Duration::from_millis(60), "{:?}", started.elapsed());
        assert_eq!(sessions.free.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_long_run_takes_the_free_sessions_and_keeps_the_order_of_its_rows() {
        let numbered = || {
            let answer = |row: &[u32]| RowLogits { injection: row.len() as f32, ..calm() };
            Box::new(StubClassifier::from_fn(answer).with_delay(Duration::from_millis(20))) as Box<dyn Classifier>
        };
        let sessions = Arc::new(Sessions::new(vec![numbered(), numbered(), numbered()]));
        let mut batch = Batch::new(0);
        (100..110).for_each(|length| batch.push(&vec![1; length]));
        let answers = Borrower(Arc::clone(&sessions)).classify(&batch).unwrap().rows;
        let lengths: Vec<f32> = answers.iter().map(|row| row.injection).collect();
        assert_eq!(lengths, (100..110).map(|length| length as f32).collect::<Vec<_>>());
        assert_eq!(sessions.free.lock().unwrap().len(), 3);
    }

    #[test]
    fn a_share_that_fails_fails_the_run() {
        let broken = |row: &[u32]| if row.len() == 109 { panic!("a stub that panics") } else { calm() };
        let stub = || Box::new(StubClassifier::from_fn(broken)) as Box<dyn Classifier>;
        let sessions = Arc::new(Sessions::new(vec![stub(), stub()]));
        let mut batch = Batch::new(0);
        (100..110).for_each(|length| batch.push(&vec![1; length]));
        let mut borrower = Borrower(Arc::clone(&sessions));
        assert!(catch_unwind(AssertUnwindSafe(|| borrower.classify(&batch))).is_err());
        assert_eq!(sessions.free.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_session_comes_back_from_a_run_that_panics() {
        let panicking = StubClassifier::from_fn(|_| panic!("a stub that panics"));
        let sessions = Arc::new(Sessions::new(vec![Box::new(panicking)]));
        for _ in 0..3 {
            let mut borrower = Borrower(Arc::clone(&sessions));
            assert!(catch_unwind(AssertUnwindSafe(|| borrower.classify(&row()))).is_err());
        }
        assert_eq!(sessions.free.lock().unwrap().len(), 1);
    }
}
