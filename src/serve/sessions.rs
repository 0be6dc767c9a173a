//! The sessions of a generation, lent to whichever worker has something to score: as many as cores are to be used, however
//! many workers there are. A worker that waits for something else (a reviewer, say) holds none.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::model::{Batch, Classifier, Logits, ModelError};

/// Sessions that nobody uses at the moment.
pub(super) struct Sessions {
    free: Mutex<Vec<Box<dyn Classifier>>>,
    returned: Condvar,
}

impl Sessions {
    pub(super) fn new(sessions: Vec<Box<dyn Classifier>>) -> Self {
        Self { free: Mutex::new(sessions), returned: Condvar::new() }
    }

    /// Waits for a free one. There is always one to come: every loan ends with its run.
    fn borrow(&self) -> Loan<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(session) = free.pop() {
                return Loan { session: Some(session), owner: self };
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
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

/// A classifier that borrows a session for each run.
pub(super) struct Borrower(pub(super) Arc<Sessions>);

impl Classifier for Borrower {
    fn classify(&mut self, batch: &Batch) -> Result<Logits, ModelError> {
        match &mut self.0.borrow().session {
            Some(session) => session.classify(batch),
            // A loan holds its session until it ends.
            None => Ok(Logits::default()),
        }
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
