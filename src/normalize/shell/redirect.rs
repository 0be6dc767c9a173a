//! Redirections and here-documents: their effects, and how they are shown.

use enumset::EnumSet;

use crate::action::{Effect, Fact, Gap, Layer, PathScope, Scope, Target};
use crate::normalize::hosts;
use crate::normalize::shell::decode::Output;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::pipeline::Step;
use crate::normalize::shell::syntax::{self, RedirectTarget, Stage};
use crate::normalize::shell::text;
use crate::normalize::shell::walk::Walker;
use crate::normalize::shell::words::{MAX_INLINE_CODE, MAX_INLINE_DATA, push_word};

/// Redirections of one command that are looked at, head and tail.
const MAX_REDIRECTS: usize = 512;

impl Walker {
    /// Adds a stage's redirections to its text and effects.
    ///
    /// `file` is the one that was expanded before, with its index.
    pub(super) fn redirections(
        &mut self,
        stage: &Stage<'_>,
        own: Option<&Field>,
        file: Option<&(usize, Field)>,
        executed: bool,
        step: &mut Step,
    ) {
        let n_redirects = stage.redirects.len();
        if n_redirects > MAX_REDIRECTS {
            self.gap(Gap::Truncated);
        }
        for (index, redirect) in stage.redirects.iter().enumerate() {
            if index >= MAX_REDIRECTS / 2 && index + MAX_REDIRECTS / 2 < n_redirects {
                continue;
            }
            let operator = redirect.operator;
            if operator.starts_with("<<") {
                continue;
            }
            let RedirectTarget::Word(word) = &redirect.target else {
                continue;
            };
            if word.raw.is_empty() {
                self.gap(Gap::Unparsed);
                continue;
            }
            let field = match file {
                Some((at, field)) if *at == index => field.clone(),
                _ => self.expand_whole(word),
            };
            if is_output(redirect)
                && let Output::Known(literal) = &step.output
            {
                self.wrote(&field.text, literal, operator.contains(">>"));
            }
            let duplicates =
                operator.ends_with('&') && (field.text == "-" || field.text.bytes().all(|byte| byte.is_ascii_digit()));
            let space = if duplicates { "" } else { " " };
            push_word(&mut step.text, &format!("{}{operator}{space}{}", redirect.descriptor, field.shown()));
            if !duplicates {
                step.trivial &= !self.redirect_effects(operator, &field, step);
            }
        }
        if let Some(own) = own {
            push_word(&mut step.text, &format!("<<< {}", shown_input(own, executed)));
        }
    }

    /// The effects of one redirection; whether there are any.
    fn redirect_effects(&mut self, operator: &str, field: &Field, step: &mut Step) -> bool {
        let path = field.text.as_str();
        if path.is_empty()
            || matches!(path, "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty" | "/dev/zero")
            || field.process.is_some()
        {
            return false;
        }
        if path.starts_with(">(") || path.starts_with("<(") {
            return false;
        }
        let mut found = Vec::new();
        if let Some(address) = path.strip_prefix("/dev/tcp/").or_else(|| path.strip_prefix("/dev/udp/")) {
            let host = address.split('/').next().unwrap_or_default();
            let scope = Scope::Host(hosts::classify(host));
            found.push((Fact::Contact, Target { text: address.replace('/', ":"), scope }));
        } else {
            let target = self.scope.place.locate(path);
            if operator.contains('>') {
                found.push((Fact::Write, target.clone()));
            }
            if operator.contains('<') {
                found.push((Fact::Read, target));
            }
        }
        for (fact, target) in found {
            if let Some(follows) = follows(fact, target.scope) {
                step.effects.push(Effect { fact: follows, modifiers: EnumSet::empty(), target: Some(target.clone()) });
            }
            step.effects.push(Effect { fact, modifiers: EnumSet::empty(), target: Some(target) });
        }
        true
    }

    /// A unit for a here-document that nothing executes.
    pub(super) fn heredoc_data(&mut self, own: &Field, used: bool) {
        if !used && (own.text.chars().nth(MAX_INLINE_DATA).is_some() || own.text.trim_end().contains('\n')) {
            self.data(&own.text, &[Layer::Heredoc]);
        }
    }
}

/// What follows from writing or reading in a place.
fn follows(fact: Fact, scope: Scope) -> Option<Fact> {
    match (fact, scope) {
        (Fact::Read, Scope::Path(PathScope::Secret | PathScope::EnvFile)) => Some(Fact::Credentials),
        (Fact::Write, Scope::Path(PathScope::Device)) => Some(Fact::Device),
        (Fact::Write, Scope::Path(PathScope::Startup)) => Some(Fact::Schedule),
        _ => None,
    }
}

/// Whether a redirection is one of the standard output.
fn is_output(redirect: &syntax::Redirect<'_>) -> bool {
    matches!(redirect.operator, ">" | ">>" | ">|" | "&>" | "&>>") && matches!(redirect.descriptor, "" | "1")
}

/// Whether a stage's standard output goes to a file.
pub(super) fn writes_file(stage: &Stage<'_>) -> bool {
    stage.redirects.iter().any(|redirect| {
        is_output(redirect) && matches!(&redirect.target, RedirectTarget::Word(word) if !word.raw.starts_with("/dev/"))
    })
}

/// A here-document or here-string as shown.
fn shown_input(own: &Field, executed: bool) -> String {
    let most = if executed { MAX_INLINE_CODE } else { MAX_INLINE_DATA };
    if own.text.chars().nth(most).is_some() {
        return if executed { "⟦code⟧" } else { "⟦data⟧" }.to_owned();
    }
    if own.parts.is_empty() {
        return text::quoted(own.text.trim_end_matches('\n')).into_owned();
    }
    let quoted = text::double_quoted(&own.parts);
    match quoted.strip_suffix("\n\"") {
        Some(body) => format!("{}\"", body.trim_end_matches('\n')),
        None => quoted,
    }
}
