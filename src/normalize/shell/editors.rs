//! What editors are told to run: commands of `ed` and `ex` on the standard input or in a file that the script wrote, and
//! calls in the commands of `vim`. `facts::hooks` finds the plain `-c '!command'`.

use crate::action::{Gap, Layer, Shell};
use crate::normalize::facts::hooks;
use crate::normalize::shell::code;
use crate::normalize::shell::decode::Literal;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::stdin::Stdin;
use crate::normalize::shell::walk::Walker;

/// Lines of one script that are looked at.
const MAX_LINES: usize = 1024;
/// What ends the text that is typed into `vim`.
const ESCAPE: char = '\u{1b}';

impl Walker {
    /// Opens what an editor is given to run.
    pub(super) fn editor(&mut self, program: &str, fields: &[Field], stdin: &Stdin) {
        let is_ed = matches!(program, "ed" | "red");
        if self.evaluating || !(is_ed || is_vi(program)) {
            return;
        }
        for field in fields.iter().filter(|field| field.text.contains(['"', '\'', '('])) {
            self.editor_calls(&field.text);
        }
        if !(is_ed || self.files.is_empty()) {
            self.editor_files(fields);
        }
        if !(is_ed || program == "ex" || fields.iter().any(|field| is_ex_mode(&field.text))) {
            return;
        }
        // What is piped in stays a text beside what it runs: much of it is no command.
        if let Some(literal) = self.piped_commands(stdin) {
            self.editor_script(&literal, true);
        }
    }

    /// Scripts of `-S` and `-s` that were written before.
    fn editor_files(&mut self, fields: &[Field]) {
        for pair in fields.windows(2) {
            let [flag, file] = pair else { continue };
            if !matches!(flag.text.as_str(), "-S" | "-s" | "-u") {
                continue;
            }
            let path = self.scope.place.shown_as(&file.text);
            for literal in self.written_scripts(&path) {
                // What `-s` names is typed, not read line by line.
                self.editor_script(&literal, flag.text != "-s");
            }
        }
    }

    /// Commands of an editor, one a line or, where they are typed, behind an escape as well.
    ///
    /// `in_lines` says that text which is put in ends with a dot: up to there nothing is a command.
    fn editor_script(&mut self, literal: &Literal, in_lines: bool) {
        let Some(text) = self.text_of(literal) else { return };
        let lines = || text.split(['\n', '\r', ESCAPE]);
        if lines().nth(MAX_LINES).is_some() {
            self.gap(Gap::Truncated);
        }
        let mut inserts = false;
        for line in lines().take(MAX_LINES) {
            if inserts {
                inserts = line != ".";
                continue;
            }
            // With other addresses the command may fail, and what follows would be commands.
            inserts = in_lines && matches!(line.trim(), "a" | "i" | "$a" | "0a" | ".a");
            if let Some(script) = hooks::editor(line).and_then(|at| line.get(at..)) {
                self.script(script, &[Layer::Script], Shell::Bash, literal.decoded);
            } else {
                self.editor_calls(line);
            }
        }
    }

    /// `call system("…")`, `exe "!…"`, `py3 import os; os.system("…")`, `lua os.execute("…")`.
    fn editor_calls(&mut self, command: &str) {
        for script in code::editor_calls(command) {
            self.script(&script, &[Layer::Script], Shell::Bash, false);
        }
    }
}

/// Whether a program is `vi` or one like it.
fn is_vi(program: &str) -> bool {
    matches!(program, "vi" | "vim" | "nvim" | "view" | "gvim" | "vimdiff" | "ex" | "nvi" | "rvim" | "rview")
}

/// Whether a flag makes `vim` read commands from the standard input: `-es`, `-E`.
fn is_ex_mode(flag: &str) -> bool {
    let letters = flag.strip_prefix('-').unwrap_or_default();
    letters.len() <= 6 && letters.contains(['e', 'E']) && letters.bytes().all(|letter| letter.is_ascii_alphabetic())
}
