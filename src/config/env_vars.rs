//! The environment variables that riskgate reads; each mirrors the flag of the same name.

/// The model bundle, by name or folder.
pub const MODEL: &str = "RISKGATE_MODEL";
/// The ONNX Runtime library.
pub const RUNTIME: &str = "RISKGATE_RUNTIME";
/// Where the model runs.
pub const DEVICE: &str = "RISKGATE_DEVICE";
/// The bundle's operating point.
pub const OPERATING_POINT: &str = "RISKGATE_OPERATING_POINT";
/// The highest share of dangerous actions that may come out `allow`.
pub const MAX_MISS_RATE: &str = "RISKGATE_MAX_MISS_RATE";
/// The highest share of harmless actions that may come out `deny`.
pub const MAX_FALSE_BLOCK_RATE: &str = "RISKGATE_MAX_FALSE_BLOCK_RATE";
/// Nobody can be asked.
pub const NO_ASK: &str = "RISKGATE_NO_ASK";
/// Milliseconds until a hook call that is not judged is stopped.
pub const DEADLINE_MS: &str = "RISKGATE_DEADLINE_MS";
/// Which actions are reviewed remotely.
pub const REVIEW: &str = "RISKGATE_REVIEW";
/// The reviewing model.
pub const REVIEW_MODEL: &str = "RISKGATE_REVIEW_MODEL";
/// Longest time of one review, in milliseconds.
pub const REVIEW_TIMEOUT_MS: &str = "RISKGATE_REVIEW_TIMEOUT_MS";
/// The key for the reviewing model; before [`ANTHROPIC_API_KEY`].
pub const REVIEW_API_KEY: &str = "RISKGATE_REVIEW_API_KEY";
/// Anthropic's own variable for a key.
pub const ANTHROPIC_API_KEY: &str = "ANTHROPIC_API_KEY";
/// Anthropic's own variable for a gateway's token.
pub const ANTHROPIC_AUTH_TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";
/// Every command judges in its own process.
pub const NO_DAEMON: &str = "RISKGATE_NO_DAEMON";
/// The daemon's socket.
pub const SOCKET: &str = "RISKGATE_SOCKET";
/// Where the daemon speaks HTTP.
pub const HTTP: &str = "RISKGATE_HTTP";
/// The file with the token that HTTP requests must bear.
pub const HTTP_TOKEN_FILE: &str = "RISKGATE_HTTP_TOKEN_FILE";
/// The daemon's workers.
pub const WORKERS: &str = "RISKGATE_WORKERS";
/// Decisions that the daemon remembers.
pub const CACHE_ENTRIES: &str = "RISKGATE_CACHE_ENTRIES";
/// Seconds without a call after which the daemon leaves.
pub const IDLE_EXIT: &str = "RISKGATE_IDLE_EXIT";
/// The system's folder for what lives as long as a user's session.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// The user's data folder.
pub const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
/// The user's settings folder.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// The user's folder for state.
pub const XDG_STATE_HOME: &str = "XDG_STATE_HOME";
/// The project's folder, as Claude Code tells its hooks.
pub const CLAUDE_PROJECT_DIR: &str = "CLAUDE_PROJECT_DIR";
/// ONNX Runtime's own variable for its library, after [`RUNTIME`].
pub const ORT_DYLIB_PATH: &str = "ORT_DYLIB_PATH";

/// Certificates that are trusted in the place of the system's; read by what connects to a reviewer.
const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
/// The same, as a folder.
const SSL_CERT_DIR: &str = "SSL_CERT_DIR";

/// Whether a variable decides how riskgate judges: how strictly, with which files, and whom it asks and believes.
pub fn decides(name: &str) -> bool {
    const PLACES: [&str; 5] = [ORT_DYLIB_PATH, XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR];
    // Windows does not tell the case of names apart.
    let name = name.to_ascii_uppercase();
    name.starts_with("RISKGATE_")
        || PLACES.contains(&name.as_str())
        || [SSL_CERT_FILE, SSL_CERT_DIR].contains(&name.as_str())
}
