//! Where results and remarks go, and how they look there.

use std::fmt::Display;
use std::io::{self, Write};

use owo_colors::{OwoColorize, Stream, Style};

use crate::verdict::Verdict;

/// Results to the standard output, everything else to the standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printer;

impl Printer {
    /// One line of result. A reader that has gone away is no error.
    pub(super) fn result(&self, line: impl Display) -> io::Result<()> {
        match writeln!(io::stdout(), "{line}") {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }

    /// One line for the person at the terminal.
    pub(super) fn remark(&self, line: impl Display) {
        // There is nowhere left to complain to when even this fails.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// The verdict in its colour, where the standard output shows colours.
pub(super) fn verdict(verdict: Verdict) -> String {
    let style = match verdict {
        Verdict::Allow => Style::new().green(),
        Verdict::Ask => Style::new().yellow(),
        Verdict::Deny => Style::new().red().bold(),
    };
    styled(<&str>::from(verdict), style)
}

/// Text in a style, where the standard output shows colours.
pub(super) fn styled(text: impl Display, style: Style) -> String {
    let text = text.to_string();
    text.if_supports_color(Stream::Stdout, |text| text.style(style)).to_string()
}
