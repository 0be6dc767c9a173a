//! The memory on disk: what is counted, what is bounded, what expires, and what breaks.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use proptest::prelude::*;
use tempfile::TempDir;

use super::kept::Kept;
use super::state::{MAX_DENIED, MAX_FILES, MAX_TEXT, MAX_TEXTS, SECRET_SECONDS};
use super::*;
use crate::action::FileExtent;
use crate::engine::{FileMark, LostFiles, Operation};

const LIMITS: DenialLimits = DenialLimits { in_a_row: 3, total: 20 };
const EXPIRY: Duration = Duration::from_secs(24 * 3_600);

struct World {
    folder: TempDir,
    now: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        let now = system_clock()();
        Self { folder: tempfile::tempdir().unwrap(), now: Arc::new(AtomicU64::new(now)) }
    }

    /// As another process would have it.
    fn sessions(&self) -> Sessions {
        self.sessions_under(DenialLimits { in_a_row: u32::MAX, total: u32::MAX })
    }

    fn sessions_under(&self, project: DenialLimits) -> Sessions {
        let options = Options { state: Some(self.folder.path().to_owned()), limits: LIMITS, expiry: EXPIRY };
        let now = Arc::clone(&self.now);
        Sessions::new(options, Arc::new(move |_| Ok(project)), Arc::new(move || now.load(Ordering::Relaxed)))
    }

    fn wait(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    fn recall(&self) -> Recollection {
        self.sessions().recall(&call("c")).unwrap()
    }

    fn note(&self, notes: &[Note]) {
        self.note_of("c", notes);
    }

    fn note_of(&self, id: &str, notes: &[Note]) {
        self.sessions().note(&call(id), notes).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        Store::new(self.folder.path(), "s", EXPIRY, &Kept::default()).path(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.file("")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}

fn call(id: &str) -> Context {
    Context {
        session_id: Some("s".into()),
        call_id: Some(id.into()),
        workspace: Some("/w".into()),
        ..Context::default()
    }
}

fn operation(n: usize) -> Operation {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    Operation(id)
}

fn denied(n: usize) -> Note {
    Note::Denied(vec![operation(n)])
}

fn wrote(path: &str, text: &str, extent: FileExtent, may_stand: bool) -> Note {
    let versions = vec![FileVersion { text: text.into(), decoded: false, extent }];
    Note::Wrote { files: vec![KnownFile { path: path.into(), versions, fetched: false }], may_stand }
}

fn texts(world: &World, path: &str) -> Vec<(String, FileExtent)> {
    let files = world.sessions().files(&call("c"), &[path]).unwrap();
    files.into_iter().flat_map(|file| file.versions).map(|version| (version.text, version.extent)).collect()
}

#[test]
fn what_one_process_has_learnt_the_next_knows() {
    let world = World::new();
    world.note(&[denied(1), Note::ReadSecret("a secret"), Note::Limited(vec!["do not push".into()])]);
    world.note(&[wrote("/w/x.sh", "ls\n", FileExtent::Whole, false)]);
    let recalled = world.recall();
    assert_eq!((recalled.denials.in_a_row, recalled.denials.total), (1, 1));
    assert_eq!(recalled.denied, [operation(1)]);
    assert_eq!(
        (recalled.secret.as_deref(), recalled.boundaries.as_slice()),
        (Some("a secret"), &["do not push".into()][..])
    );
    assert_eq!(recalled.files, ["/w/x.sh"]);
    assert_eq!(texts(&world, "/w/x.sh"), [("ls\n".to_owned(), FileExtent::Whole)]);
    let other = Context { session_id: Some("other".into()), ..call("c") };
    assert_eq!(world.sessions().recall(&other).unwrap(), Recollection::default());
}

#[test]
fn three_denials_in_a_row_are_too_many_until_somebody_agreed_to_what_was_asked_because_of_them() {
    let world = World::new();
    for n in 0..3 {
        assert!(!world.recall().denials.are_too_many);
        world.note(&[denied(n)]);
    }
    assert!(world.recall().denials.are_too_many);
    // One that was allowed, or asked about for another reason, does not end it.
    world.note_of("a", &[Note::Ran]);
    world.note_of("b", &[Note::Asked { escalated: false }]);
    world.note_of("b", &[Note::Ran]);
    assert!(world.recall().denials.are_too_many);
    world.note_of("d", &[Note::Asked { escalated: true }]);
    assert!(world.recall().denials.are_too_many);
    world.note_of("d", &[Note::Ran]);
    let denials = world.recall().denials;
    assert_eq!((denials.in_a_row, denials.total, denials.are_too_many), (0, 0, false));
    assert_eq!(world.recall().denied.len(), 3, "what was denied stays denied");
}

#[test]
fn a_call_that_ran_ends_a_row_and_the_total_goes_on() {
    let world = World::new();
    for n in 0..10 {
        world.note(&[denied(2 * n)]);
        world.note(&[denied(2 * n + 1)]);
        assert_eq!(world.recall().denials.are_too_many, n == 9);
        world.note(&[Note::Ran]);
    }
    let denials = world.recall().denials;
    assert_eq!((denials.total, denials.are_too_many), (20, true));
}

#[test]
fn a_project_can_only_lower_the_limits() {
    let world = World::new();
    world.note(&[denied(0)]);
    let are_too_many = |in_a_row| {
        let sessions = world.sessions_under(DenialLimits { in_a_row, total: u32::MAX });
        sessions.recall(&call("c")).unwrap().denials.are_too_many
    };
    assert!(are_too_many(1) && !are_too_many(2));
    (1..3).for_each(|n| world.note(&[denied(n)]));
    assert!(are_too_many(u32::MAX));
    let options = Options { state: Some(world.folder.path().to_owned()), limits: LIMITS, expiry: EXPIRY };
    let broken = Sessions::new(options, Arc::new(|_| Err("line 1".to_owned())), system_clock());
    assert_eq!(broken.recall(&call("c")), Err(SessionError("line 1".to_owned())));
}

#[test]
fn a_secret_is_thought_of_for_half_an_hour_and_a_session_for_a_day() {
    let world = World::new();
    world.note(&[Note::ReadSecret("a secret"), denied(1)]);
    world.wait(SECRET_SECONDS);
    assert!(world.recall().secret.is_some());
    world.wait(1);
    let recalled = world.recall();
    assert!(recalled.secret.is_none() && recalled.denials.total == 1);
    // Looking at it counts as use.
    world.wait(EXPIRY.as_secs() - 7_200);
    assert_eq!(world.recall().denials.total, 1);
    world.wait(EXPIRY.as_secs() - 60);
    assert_eq!(world.recall().denials.total, 1);
    world.wait(EXPIRY.as_secs() + 1);
    assert_eq!(world.recall(), Recollection::default());
    world.note(&[denied(2)]);
    assert_eq!(world.recall().denied, [operation(2)]);
}

#[test]
fn what_is_left_of_old_sessions_goes_when_a_new_one_begins() {
    let world = World::new();
    world.note(&[denied(1)]);
    let old = world.file("state.json");
    let in_use = world.file("");
    let long_ago = SystemTime::now() - EXPIRY - Duration::from_secs(60);
    fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    let new = Context { session_id: Some("new".into()), ..call("c") };
    let lock = fs::File::options().write(true).open(world.file("lock")).unwrap();
    lock.lock().unwrap();
    world.sessions().note(&new, &[denied(1)]).unwrap();
    assert!(in_use.exists(), "somebody has its lock");
    drop(lock);
    let newer = Context { session_id: Some("newer".into()), ..call("c") };
    world.sessions().note(&newer, &[denied(1)]).unwrap();
    assert!(!in_use.exists());
    assert_eq!(world.sessions().recall(&new).unwrap().denials.total, 1);
}

#[test]
fn a_write_that_may_not_happen_leaves_what_stood_there() {
    let world = World::new();
    world.note(&[wrote("/w/x.sh", "one", FileExtent::Whole, false)]);
    world.note(&[wrote("/w/x.sh", "two", FileExtent::Whole, true)]);
    assert_eq!(texts(&world, "/w/x.sh").len(), 2);
    world.note(&[wrote("/w/x.sh", "three", FileExtent::Whole, false)]);
    assert_eq!(texts(&world, "/w/x.sh"), [("three".to_owned(), FileExtent::Whole)]);
    // Texts that nothing names are gone.
    assert_eq!(world.names().iter().filter(|name| name.len() == 32).count(), 1, "{:?}", world.names());
    world.note(&[wrote("/w/x.sh", "four", FileExtent::Passage, false)]);
    assert_eq!(texts(&world, "/w/x.sh").len(), 2);
}

#[test]
fn files_are_bounded_and_those_that_are_dropped_leave_a_mark() {
    let world = World::new();
    let notes: Vec<Note> =
        (0..MAX_FILES + 2).map(|n| wrote(&format!("/w/{n}.sh"), &format!("{n}"), FileExtent::Whole, false)).collect();
    world.note(&notes);
    let recalled = world.recall();
    assert_eq!(recalled.files.len(), MAX_FILES);
    let dropped = vec![FileMark::of("/w/0.sh"), FileMark::of("/w/1.sh")];
    assert_eq!(recalled.lost_files, LostFiles::Named(dropped));
    assert!(recalled.lost_files.may_contain("/w/0.sh") && !recalled.lost_files.may_contain("/w/2.sh"));
    // Written anew, it is known again.
    world.note(&[wrote("/w/0.sh", "new", FileExtent::Whole, false)]);
    assert!(!world.recall().lost_files.may_contain("/w/0.sh"));
    // Too many to name: then it may be any.
    let more: Vec<Note> =
        (0..MAX_FILES * 4).map(|n| wrote(&format!("/w/m{n}.sh"), "x", FileExtent::Whole, false)).collect();
    world.note(&more);
    assert_eq!(world.recall().lost_files, LostFiles::Any);
}

#[test]
fn passages_make_room_for_whole_texts_and_leave_no_mark() {
    let world = World::new();
    world.note(&[wrote("/w/whole.sh", "x", FileExtent::Whole, false)]);
    let notes: Vec<Note> =
        (0..MAX_FILES + 2).map(|n| wrote(&format!("/w/{n}.py"), "x", FileExtent::Passage, false)).collect();
    world.note(&notes);
    let recalled = world.recall();
    assert!(recalled.files.contains(&"/w/whole.sh".to_owned()));
    assert_eq!(recalled.lost_files, LostFiles::None);
}

#[test]
fn texts_are_bounded_one_by_one_and_together() {
    let world = World::new();
    world.note(&[wrote("/w/x.sh", &"\u{e9}".repeat(MAX_TEXT), FileExtent::Whole, false)]);
    let [(text, extent)] = &texts(&world, "/w/x.sh")[..] else { panic!("one text") };
    assert!(text.len() <= MAX_TEXT && text.len() > MAX_TEXT - 4);
    assert_eq!(*extent, FileExtent::Beginning);
    let n = MAX_TEXTS / MAX_TEXT + 2;
    let text = |n: usize| format!("{n:08}{}", "y".repeat(MAX_TEXT - 8));
    let notes: Vec<Note> = (0..n).map(|n| wrote(&format!("/w/{n}.sh"), &text(n), FileExtent::Whole, false)).collect();
    world.note(&notes);
    assert!(world.recall().files.len() <= MAX_TEXTS / MAX_TEXT);
    assert!(world.recall().lost_files.may_contain("/w/x.sh"));
    let sizes: u64 = world.names().iter().map(|name| fs::metadata(world.file(name)).unwrap().len()).sum();
    assert!(sizes < 3 * 1024 * 1024, "{sizes}");
    for n in 0..6 {
        world.note(&[wrote("/w/v.sh", &format!("v{n}"), FileExtent::Whole, true)]);
    }
    assert_eq!(texts(&world, "/w/v.sh").len(), 4);
    assert!(world.recall().lost_files.may_contain("/w/v.sh"));
}

#[test]
fn more_denials_than_can_be_remembered_are_too_many_for_good() {
    let world = World::new();
    let notes: Vec<Note> = (0..=MAX_DENIED).map(denied).collect();
    world.note(&notes);
    world.note_of("d", &[Note::Asked { escalated: true }]);
    world.note_of("d", &[Note::Ran]);
    let recalled = world.recall();
    assert_eq!((recalled.denied.len(), recalled.denials.total), (MAX_DENIED, 0));
    assert!(recalled.denials.are_too_many);
    let size = fs::metadata(world.file("state.json")).unwrap().len();
    assert!(size < 16 * 1024, "{size}");
}

#[test]
fn a_broken_memory_is_an_error_and_not_an_empty_one() {
    let world = World::new();
    world.note(&[denied(1)]);
    for broken in ["", "{", "{\"version\":1}", "{\"version\":99,\"used\":1}", "\u{fffd}"] {
        fs::write(world.file("state.json"), broken).unwrap();
        assert!(world.sessions().recall(&call("c")).is_err(), "{broken}");
        assert!(world.sessions().note(&call("c"), &[denied(2)]).is_err(), "{broken}");
    }
    // It is out of date at some time, as any other.
    let file = fs::File::options().write(true).open(world.file("state.json")).unwrap();
    file.set_modified(SystemTime::now() - EXPIRY - Duration::from_secs(60)).unwrap();
    assert_eq!(world.recall(), Recollection::default());
    world.note(&[denied(3)]);
    assert_eq!(world.recall().denied, [operation(3)]);
}

#[test]
fn a_text_that_is_gone_is_an_error() {
    let world = World::new();
    world.note(&[wrote("/w/x.sh", "ls", FileExtent::Whole, false)]);
    let name = world.names().into_iter().find(|name| name.len() == 32).unwrap();
    fs::remove_file(world.file(&name)).unwrap();
    assert!(world.sessions().files(&call("c"), &["/w/x.sh"]).is_err());
    assert_eq!(world.sessions().files(&call("c"), &["/w/other.sh"]), Ok(Vec::new()));
}

#[test]
fn where_nothing_can_be_written_only_what_has_to_be_written_fails() {
    let world = World::new();
    // A folder in the lock's place: no process can take it, whoever it runs as.
    fs::create_dir_all(world.file("lock")).unwrap();
    assert_eq!(world.recall(), Recollection::default());
    assert_eq!(world.sessions().note(&call("c"), &[Note::Ran]), Ok(()));
    assert!(world.sessions().note(&call("c"), &[denied(1)]).is_err());
    let nowhere = Options { state: None, limits: LIMITS, expiry: EXPIRY };
    let sessions = Sessions::new(nowhere, Arc::new(|_| Ok(LIMITS)), system_clock());
    assert!(sessions.recall(&call("c")).is_err());
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let world = World::new();
    world.note(&[Note::Ran]);
    world.recall();
    assert!(!world.folder.path().join("sessions").exists());
    world.note(&[denied(1)]);
    let before = fs::metadata(world.file("state.json")).unwrap().modified().unwrap();
    world.recall();
    world.note(&[Note::Limited(Vec::new())]);
    assert_eq!(fs::metadata(world.file("state.json")).unwrap().modified().unwrap(), before);
}

#[test]
fn nothing_is_lost_between_writers() {
    let world = World::new();
    thread::scope(|scope| {
        for writer in 0..4 {
            let world = &world;
            scope.spawn(move || {
                for n in 0..25 {
                    world.note(&[
                        denied(writer * 100 + n),
                        wrote(&format!("/w/{writer}.sh"), &format!("{n}"), FileExtent::Whole, false),
                    ]);
                    world.sessions().files(&call("c"), &["/w/0.sh", "/w/1.sh"]).unwrap();
                }
            });
        }
    });
    let recalled = world.recall();
    assert_eq!((recalled.denials.total, recalled.denied.len(), recalled.files.len()), (100, 100, 4));
    assert_eq!(texts(&world, "/w/3.sh"), [("24".to_owned(), FileExtent::Whole)]);
}

// ── What is kept ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[cfg(unix)]
#[test]
fn a_state_is_parsed_once_until_somebody_else_writes() {
    let world = World::new();
    world.note(&[denied(1)]);
    let [here, elsewhere] = [world.sessions(), world.sessions()];
    let read = |sessions: &Sessions| sessions.store(&call("c")).unwrap().read(1).unwrap();
    let first = read(&here);
    assert!(Arc::ptr_eq(&first, &read(&here)));
    here.note(&call("c"), &[denied(2)]).unwrap();
    let own = read(&here);
    assert!(!Arc::ptr_eq(&first, &own) && Arc::ptr_eq(&own, &read(&here)), "what was written is known");
    elsewhere.note(&call("c"), &[denied(3)]).unwrap();
    assert_eq!((read(&here), own == read(&here)), (read(&elsewhere), false));
    let other = Context { session_id: Some("other".into()), ..call("c") };
    here.note(&other, &[denied(4)]).unwrap();
    assert_eq!(here.recall(&other).unwrap().denied, [operation(4)]);
    assert!(Arc::ptr_eq(&read(&here), &read(&here)), "one session does not push out another");
}

/// Equally long states that follow each other faster than any clock ticks, so that a number is given to a new file at once.
#[test]
fn a_replaced_file_is_seen_at_once() {
    let world = World::new();
    let [here, elsewhere] = [world.sessions(), world.sessions()];
    for n in 0..200 {
        let boundary = |word: &str| vec![Note::Limited(vec![format!("{word} {n:03}")])];
        elsewhere.note(&call("c"), &boundary("push")).unwrap();
        assert_eq!(here.recall(&call("c")).unwrap().boundaries.last(), Some(&format!("push {n:03}")));
        elsewhere.note(&call("c"), &boundary("pull")).unwrap();
        elsewhere.note(&call("c"), &boundary("poll")).unwrap();
        assert_eq!(here.recall(&call("c")).unwrap().boundaries.last(), Some(&format!("poll {n:03}")));
    }
}

#[test]
fn what_is_kept_does_not_hide_a_file_that_was_spoiled_or_taken_away() {
    let world = World::new();
    let sessions = world.sessions();
    sessions.note(&call("c"), &[denied(1)]).unwrap();
    assert_eq!(sessions.recall(&call("c")).unwrap().denied, [operation(1)]);
    let whole = fs::read(world.file("state.json")).unwrap();
    fs::write(world.file("state.json"), "{").unwrap();
    assert!(sessions.recall(&call("c")).is_err());
    assert!(sessions.note(&call("c"), &[denied(2)]).is_err());
    fs::write(world.file("state.json"), whole).unwrap();
    assert_eq!(sessions.recall(&call("c")).unwrap().denied, [operation(1)]);
    fs::remove_dir_all(world.file("")).unwrap();
    assert_eq!(sessions.recall(&call("c")).unwrap(), Recollection::default());
    sessions.note(&call("c"), &[denied(3)]).unwrap();
    assert_eq!(sessions.recall(&call("c")).unwrap().denied, [operation(3)]);
    world.wait(EXPIRY.as_secs() + 1);
    assert_eq!(sessions.recall(&call("c")).unwrap(), Recollection::default());
}

#[test]
fn nothing_is_lost_between_processes_that_keep_what_they_read() {
    let world = World::new();
    let (processes, n_each) = ([world.sessions(), world.sessions()], 40);
    thread::scope(|scope| {
        for writer in 0..4 {
            let sessions = &processes[writer % processes.len()];
            scope.spawn(move || {
                for n in 0..n_each {
                    sessions.note(&call("c"), &[denied(writer * 50 + n)]).unwrap();
                    let recalled = sessions.recall(&call("c")).unwrap();
                    assert!(recalled.denied.contains(&operation(writer * 50 + n)));
                }
            });
        }
    });
    for sessions in processes.iter().chain([&world.sessions()]) {
        let recalled = sessions.recall(&call("c")).unwrap();
        assert_eq!((recalled.denials.total, recalled.denied.len()), (4 * 40, 4 * 40));
    }
}

#[test]
fn a_state_that_grows_is_added_to_and_replaced_when_it_has_grown() {
    let world = World::new();
    let sessions = world.sessions();
    let (mut n_shrunk, mut before, mut most) = (0, 0, 0);
    for n in 0..1_500 {
        let text = format!("{n}");
        sessions
            .note(
                &call("c"),
                &[wrote(&format!("/w/{}/{}.sh", "x".repeat(150), n % 90), &text, FileExtent::Whole, false)],
            )
            .unwrap();
        let size = fs::metadata(world.file("state.json")).unwrap().len();
        (n_shrunk, before, most) = (n_shrunk + usize::from(size < before), size, most.max(size));
    }
    assert!((1..10).contains(&n_shrunk) && (150 * 1024..=256 * 1024).contains(&most), "{n_shrunk} {most}");
    assert_eq!(world.recall(), sessions.recall(&call("c")).unwrap());
    assert_eq!(world.recall().files.len(), 90);
}

#[test]
fn a_change_that_was_not_written_to_its_end_was_not_made() {
    let world = World::new();
    world.note(&[denied(1)]);
    let one = fs::read(world.file("state.json")).unwrap();
    world.note(&[denied(2)]);
    let two = fs::read(world.file("state.json")).unwrap();
    assert!(two.starts_with(&one) && two.len() > one.len());
    for end in one.len() + 1..two.len() {
        fs::write(world.file("state.json"), &two[..end]).unwrap();
        assert_eq!(world.recall().denied, [operation(1)], "{end}");
    }
    // What is written then stands where it stood.
    world.note(&[denied(3)]);
    assert_eq!(world.recall().denied, [operation(1), operation(3)]);
    // Anything else that cannot be read is no memory at all.
    for broken in [
        [&one[..], b"\n{}"].concat(),
        [&one[..], b"\nx"].concat(),
        [&one[..], b"\n\0\0"].concat(),
        [&two[..two.len() - 1], b"\n", &two[one.len() + 1..]].concat(),
        [&two[..], b"\n{\"used\":1,\"in_a_row\":0,\"total\":0,\"denied\":{\"gone\":[7],\"put\":[]}}"].concat(),
        two[..one.len() - 1].to_vec(),
    ] {
        fs::write(world.file("state.json"), &broken).unwrap();
        assert!(world.sessions().recall(&call("c")).is_err(), "{}", String::from_utf8_lossy(&broken));
        assert!(world.sessions().note(&call("c"), &[denied(9)]).is_err());
    }
}

/// What a process, or the world around them, does next.
#[derive(Debug, Clone)]
enum Step {
    Note { process: usize, call: usize, note: Note },
    Recall { process: usize },
    Spoil(&'static str),
    TakeAway,
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let path = prop::sample::select(&["/w/a.sh", "/w/b.py", "/w/c.sh"]);
    let extent = prop::sample::select(&[FileExtent::Whole, FileExtent::Passage]);
    let note = prop_oneof![
        (0..6_usize).prop_map(denied),
        any::<bool>().prop_map(|escalated| Note::Asked { escalated }),
        Just(Note::Ran),
        (path, "[a-c]{0,3}", extent, any::<bool>())
            .prop_map(|(path, text, extent, may)| wrote(path, &text, extent, may)),
        Just(Note::ReadSecret("a secret")),
        "[ab]".prop_map(|word| Note::Limited(vec![word])),
    ];
    prop_oneof![
        12 => (0..2_usize, 0..3_usize, note).prop_map(|(process, call, note)| Step::Note { process, call, note }),
        6 => (0..2_usize).prop_map(|process| Step::Recall { process }),
        1 => prop::sample::select(&["", "{", "null"]).prop_map(Step::Spoil),
        1 => Just(Step::TakeAway),
        1 => prop_oneof![Just(60), Just(SECRET_SECONDS), Just(EXPIRY.as_secs())].prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever writes, and whatever becomes of the file: a process that keeps what it read or wrote knows what one knows that
    /// has just begun.
    #[test]
    fn what_is_kept_and_the_file_never_disagree(steps in prop::collection::vec(any_step(), 1..24)) {
        let world = World::new();
        let processes = [world.sessions(), world.sessions()];
        for step in &steps {
            match step {
                Step::Note { process, call: id, note } => {
                    let outcome = processes[*process].note(&call(&id.to_string()), std::slice::from_ref(note));
                    prop_assert_eq!(outcome.is_ok(), world.sessions().recall(&call("c")).is_ok());
                }
                Step::Recall { process } => drop(processes[*process].recall(&call("c"))),
                Step::Spoil(text) if world.file("state.json").exists() => fs::write(world.file("state.json"), text).unwrap(),
                Step::TakeAway => drop(fs::remove_dir_all(world.file(""))),
                Step::Wait(seconds) => world.wait(*seconds),
                Step::Spoil(_) => {}
            }
            let known = world.sessions().recall(&call("c"));
            for process in &processes {
                prop_assert_eq!(process.recall(&call("c")), known.clone(), "after {:?}", step);
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    world.note(&[wrote("/w/x.sh", "ls", FileExtent::Whole, false)]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&world.folder.path().join("sessions")), mode(&world.file(""))), (0o700, 0o700));
    for name in world.names() {
        assert_eq!(mode(&world.file(&name)), 0o600, "{name}");
    }
}

#[test]
fn what_it_costs_is_shown() {
    let world = World::new();
    world.note(&[denied(1), denied(2), Note::ReadSecret("a secret")]);
    let files: Vec<Note> =
        (0..5).map(|n| wrote(&format!("/w/src/{n}.py"), &"x = 1\n".repeat(200), FileExtent::Whole, false)).collect();
    world.note(&files);
    let sessions = world.sessions();
    let timed = |what: &str, run: &dyn Fn(usize)| {
        let started = std::time::Instant::now();
        (0..200).for_each(run);
        println!("{what}: {:?}", started.elapsed() / 200);
    };
    timed("recalled", &|_| drop(sessions.recall(&call("c")).unwrap()));
    timed("nothing to write down", &|_| sessions.note(&call("c"), &[Note::Limited(Vec::new())]).unwrap());
    timed("written down", &|n| {
        sessions.note(&call("c"), &[wrote("/w/x.sh", &n.to_string(), FileExtent::Whole, false)]).unwrap()
    });
    timed("one text read", &|_| drop(sessions.files(&call("c"), &["/w/src/0.py"]).unwrap()));
    assert!(fs::metadata(world.file("state.json")).unwrap().len() < 128 * 1024);
}
