//! What earlier calls of a session wrote to files: paths and texts, plain values.

/// A file that an earlier call of the session wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KnownFile {
    /// Its path, absolute where the folder of the call was known.
    pub path: String,
    /// What may stand in it, oldest first; nothing when only its origin is known.
    pub versions: Vec<FileVersion>,
    /// Whether it came from the network.
    pub fetched: bool,
}

/// A text that may stand in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileVersion {
    /// The text.
    pub text: String,
    /// Whether an encoding was undone to get it.
    pub decoded: bool,
    /// How much of the file it is.
    pub extent: FileExtent,
}

/// How much of a file a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileExtent {
    /// All of it.
    Whole,
    /// A passage that was put into a file of unknown text.
    Passage,
    /// A beginning: the rest is not known.
    Beginning,
}
