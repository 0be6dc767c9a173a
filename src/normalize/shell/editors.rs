//! What editors are told to run: commands of `ed` and `ex` on the standard input or in a file that the script wrote, and
//! calls in the commands of `vim`. `facts::hooks` finds the plain `-c '!command'`.

use std::rc::Rc;

use crate::action::{Gap, Layer, Shell};
use crate::normalize::facts::hooks;
use crate::normalize::shell::code;
use crate::normalize::shell::decode::Output;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::input::Source;
use crate::normalize::shell::stdin::Stdin;
use crate::normalize::shell::walk::Walker;

/// Lines of one script that are looked at.
const MAX_LINES: usize = 1024;

impl Walker {
    /// Opens what an editor is given to run.
    pub(super) fn editor(&mut self, program: &str, fields: &[Field], stdin: &mut Stdin) {
        let is_ed = matches!(program, "ed" | "red");
        if self.evaluating || !(is_ed || is_vi(program)) {
            return;
        }
        for field in fields.iter().filter(|field| !field.dynamic && field.text.contains(['"', '\'', '('])) {
            self.editor_calls(&field.text);
        }
        if !self.files.is_empty() {
            self.editor_files(fields);
        }
        if !(is_ed || program == "ex" || fields.iter().any(|field| is_ex_mode(&field.text))) {
            return;
        }
        let input = Rc::clone(&stdin.input);
        match &input.output {
            Output::Known(literal) => {
                if literal.partial {
                    self.gap(Gap::Opaque);
                }
                match literal.as_text() {
                    Some(text) => self.editor_script(text, literal.decoded),
                    None => self.gap(Gap::Opaque),
                }
            }
            Output::Undecodable => self.gap(Gap::Opaque),
            Output::Unknown if matches!(input.source, Source::Unclear) => self.gap(Gap::Opaque),
            Output::Unknown => {}
        }
    }

    /// Scripts of `-S` and `-s` that were written before.
    fn editor_files(&mut self, fields: &[Field]) {
        for pair in fields.windows(2) {
            let [flag, file] = pair else { continue };
            if !matches!(flag.text.as_str(), "-S" | "-s" | "-u") {
                continue;
            }
            let path = self.scope.place.locate(&file.text).text;
            for literal in self.files.versions(&path) {
                match literal.as_text() {
                    Some(text) if self.files.spend(text.len()) => self.editor_script(text, literal.decoded),
                    Some(_) => self.gap(Gap::Truncated),
                    None => self.gap(Gap::Opaque),
                }
            }
        }
    }

    /// Commands of an editor, one a line; text that is put in up to a line with a dot is no command.
    fn editor_script(&mut self, text: &str, decoded: bool) {
        if text.lines().nth(MAX_LINES).is_some() {
            self.gap(Gap::Truncated);
        }
        let mut inserts = false;
        for line in text.lines().take(MAX_LINES) {
            if inserts {
                inserts = line != ".";
                continue;
            }
            // With other addresses the command may fail, and what follows would be commands.
            inserts = matches!(line.trim(), "a" | "i" | "$a" | "0a" | ".a");
            if let Some(at) = hooks::editor(line) {
                let script = line.get(at..).unwrap_or_default().to_owned();
                self.script(&script, &[Layer::Script], Shell::Bash, decoded);
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
