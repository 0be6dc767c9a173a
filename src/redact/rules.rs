//! The shapes of secrets.
//!
//! Prefixes and lengths are those that the issuers document for secret scanning; the catalogue of kinds follows the rule
//! names of gitleaks 8 (github.com/gitleaks/gitleaks, MIT) and GitHub's list of supported secret-scanning patterns. The
//! expressions are our own. A rule's expression is compiled when one of its keywords is first seen: most processes never
//! compile any.

use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::Regex;

use super::OPENING;

/// The groups that hold the secret: as it stands, in single quotes, without quotes.
const GROUPS: [&str; 3] = ["s", "q", "u"];

/// One shape.
pub(super) struct Rule {
    kind: &'static str,
    /// Lower-case literals, one of which every match contains.
    keywords: &'static [&'static str],
    /// The secret is one of [`GROUPS`] where there is one, else the whole match.
    pattern: &'static str,
    /// What else the secret must look like.
    plausible: fn(&str) -> bool,
    compiled: OnceLock<Option<Regex>>,
}

impl Rule {
    const fn new(
        kind: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
        plausible: fn(&str) -> bool,
    ) -> Self {
        Self { kind, keywords, pattern, plausible, compiled: OnceLock::new() }
    }

    /// Where the rule finds a secret.
    pub(super) fn find(&self, text: &str) -> Vec<(Range<usize>, &'static str)> {
        let Some(regex) = self.compiled.get_or_init(|| Regex::new(self.pattern).ok()) else { return Vec::new() };
        let secret = |found: regex::Captures<'_>| {
            let secret = GROUPS.iter().find_map(|group| found.name(group)).or_else(|| found.get(0))?;
            let wanted = !secret.as_str().starts_with(OPENING) && (self.plausible)(secret.as_str());
            wanted.then(|| (secret.range(), self.kind))
        };
        regex.captures_iter(text).filter_map(secret).collect()
    }
}

/// All keywords, found in one pass over a text.
struct Keywords {
    /// None when it cannot be made: then every rule is possible.
    searcher: Option<AhoCorasick>,
    /// The place of the rule that each keyword is of.
    rules: Vec<usize>,
}

static KEYWORDS: LazyLock<Keywords> = LazyLock::new(|| {
    let keywords = || RULES.iter().enumerate().flat_map(|(at, rule)| rule.keywords.iter().map(move |word| (at, *word)));
    Keywords {
        searcher: AhoCorasick::builder().ascii_case_insensitive(true).build(keywords().map(|(_, word)| word)).ok(),
        rules: keywords().map(|(at, _)| at).collect(),
    }
});

/// The rules of which a keyword stands in a text, in their order.
pub(super) fn possible(text: &str) -> impl Iterator<Item = &'static Rule> {
    let Keywords { searcher, rules } = &*KEYWORDS;
    let mut is_possible = [searcher.is_none(); RULES.len()];
    for found in searcher.iter().flat_map(|searcher| searcher.find_overlapping_iter(text)) {
        let rule = rules.get(found.pattern().as_usize()).and_then(|at| is_possible.get_mut(*at));
        rule.into_iter().for_each(|is_possible| *is_possible = true);
    }
    RULES.iter().zip(is_possible).filter_map(|(rule, is_possible)| is_possible.then_some(rule))
}

#[cfg(test)]
impl Rule {
    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    pub(super) fn has_keyword_in(&self, text: &str) -> bool {
        self.keywords.iter().any(|keyword| text.to_ascii_lowercase().contains(keyword))
    }

    pub(super) fn compiles(&self) -> bool {
        Regex::new(self.pattern).is_ok()
    }
}

/// The prefix alone is proof.
fn always(_: &str) -> bool {
    true
}

/// A literal of some length that is neither a common word of code nor a reference to something else.
pub(super) fn is_literal(value: &str) -> bool {
    const WORDS: [&str; 22] = [
        "true",
        "false",
        "null",
        "none",
        "nil",
        "undefined",
        "string",
        "str",
        "bytes",
        "boolean",
        "bool",
        "required",
        "optional",
        "self",
        "this",
        "input",
        "secret",
        "password",
        "token",
        "value",
        "example",
        "changeme",
    ];
    let lower = value.to_ascii_lowercase();
    let is_reference = value.contains('.') && value.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '.' | '_'));
    value.len() >= 4
        && !value.contains(char::is_whitespace)
        && !value.starts_with(OPENING)
        && !WORDS.contains(&lower.as_str())
        && !is_reference
}

/// Random-looking: letters and digits together, and not short.
fn is_random(value: &str) -> bool {
    let has = |test: fn(&char) -> bool| value.chars().any(|c| test(&c));
    value.len() >= 8 && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic) && is_literal(value)
}

/// Whether a key or variable of this name holds a secret.
pub(super) fn names_secret(name: &str) -> bool {
    static NAME: OnceLock<Option<Regex>> = OnceLock::new();
    let pattern = r"(?i)(?:passw(?:or)?d|passphrase|secret|token|api_?-?key|access_?-?key|secret_?-?key|private_?-?key|credentials?)$";
    let compiled = NAME.get_or_init(|| Regex::new(pattern).ok());
    compiled.as_ref().is_some_and(|regex| regex.is_match(name))
}

/// The rules. Those with a prefix of their own come first; those that go by a name beside the value come last.
pub(super) static RULES: [Rule; 54] = [
    Rule::new(
        "private-key",
        &["private key"],
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?:\s|\\[nr])*(?:(?:Proc-Type|DEK-Info): ?[A-Za-z0-9,-]{1,80}(?:\s|\\[nr])+)*[A-Za-z0-9+/=]{16,})*(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{1,15})?(?:(?:\s|\\[nr])*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
        always,
    ),
    Rule::new("age-key", &["age-secret-key-1"], r"AGE-SECRET-KEY-1[0-9A-Z]{30,}", always),
    Rule::new("aws-access-key", &["akia", "asia", "abia", "acca"], r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", always),
    Rule::new("aws-bedrock-key", &["absk"], r"\bABSK[A-Za-z0-9+/]{60,}={0,2}", always),
    Rule::new("github-token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], r"\bgh[pousr]_[A-Za-z0-9_]{20,255}", always),
    Rule::new("github-token", &["github_pat_"], r"\bgithub_pat_[A-Za-z0-9_]{20,255}", always),
    Rule::new(
        "gitlab-token",
        &["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glimt-", "glsoat-", "glagent-", "glft-"],
        r"\bgl(?:pat|dt|rt|ptt|cbt|imt|soat|agent|ft)-[A-Za-z0-9_.=-]{16,}",
        always,
    ),
    Rule::new("slack-token", &["xox", "xapp-"], r"\bx(?:ox[abceoprs]|app)-[A-Za-z0-9-]{10,}", always),
    Rule::new(
        "slack-webhook",
        &["hooks.slack.com"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[A-Za-z0-9+/]{20,})",
        always,
    ),
    Rule::new(
        "discord-webhook",
        &["/api/webhooks/"],
        r"discord(?:app)?\.com/api/webhooks/[0-9]+/(?P<s>[A-Za-z0-9_-]{20,})",
        always,
    ),
    Rule::new("anthropic-key", &["sk-ant-"], r"\bsk-ant-[A-Za-z0-9_-]{12,}", always),
    Rule::new("openai-key", &["sk-"], r"\bsk-[A-Za-z0-9][A-Za-z0-9_-]{19,}", is_random),
    Rule::new(
        "stripe-key",
        &["k_live_", "k_test_", "k_prod_"],
        r"\b[srp]k_(?:live|test|prod)_[A-Za-z0-9]{10,}",
        always,
    ),
    Rule::new("webhook-secret", &["whsec_"], r"\bwhsec_[A-Za-z0-9+/=]{20,}", always),
    Rule::new("google-key", &["aiza"], r"\bAIza[A-Za-z0-9_-]{30,}", always),
    Rule::new(
        "google-oauth",
        &["gocspx-", "ya29."],
        r"\b(?:GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_.-]{20,})",
        always,
    ),
    Rule::new("npm-token", &["npm_"], r"\bnpm_[A-Za-z0-9]{30,}", always),
    Rule::new("pypi-token", &["pypi-"], r"\bpypi-[A-Za-z0-9_-]{40,}", always),
    Rule::new("rubygems-key", &["rubygems_"], r"\brubygems_[a-f0-9]{40,}", always),
    Rule::new("crates-token", &["cio"], r"\bcio[A-Za-z0-9]{32}\b", is_random),
    Rule::new("docker-token", &["dckr_"], r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}", always),
    Rule::new("huggingface-token", &["hf_"], r"\bhf_[A-Za-z0-9]{30,}", always),
    Rule::new("replicate-token", &["r8_"], r"\br8_[A-Za-z0-9]{30,}", always),
    Rule::new("groq-key", &["gsk_"], r"\bgsk_[A-Za-z0-9]{40,}", always),
    Rule::new("xai-key", &["xai-"], r"\bxai-[A-Za-z0-9]{60,}", always),
    Rule::new("perplexity-key", &["pplx-"], r"\bpplx-[A-Za-z0-9]{40,}", always),
    Rule::new("sendgrid-key", &["sg."], r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}", always),
    Rule::new("twilio-key", &["sk"], r"\bSK[0-9a-f]{32}\b", always),
    Rule::new("mailgun-key", &["key-"], r"\bkey-[0-9a-f]{32}\b", always),
    Rule::new("telegram-token", &[":aa"], r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}", always),
    Rule::new("digitalocean-token", &["_v1_"], r"\bdo[opr]_v1_[a-f0-9]{60,}", always),
    Rule::new("heroku-key", &["hrku-"], r"\bHRKU-[A-Za-z0-9_-]{30,}", always),
    Rule::new("atlassian-token", &["atatt3", "atctt3"], r"\bAT[AC]TT3[A-Za-z0-9_=-]{50,}", always),
    Rule::new("linear-key", &["lin_api_", "lin_oauth_"], r"\blin_(?:api|oauth)_[A-Za-z0-9]{30,}", always),
    Rule::new("notion-token", &["ntn_", "secret_"], r"\b(?:ntn|secret)_[A-Za-z0-9]{40,}", always),
    Rule::new("figma-token", &["figd_"], r"\bfigd_[A-Za-z0-9_-]{30,}", always),
    Rule::new("databricks-token", &["dapi"], r"\bdapi[a-f0-9]{32}(?:-\d)?\b", always),
    Rule::new("vault-token", &["hvs.", "hvb.", "hvr."], r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}", always),
    Rule::new("terraform-token", &[".atlasv1."], r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,}", always),
    Rule::new("doppler-token", &["dp."], r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,}", always),
    Rule::new("grafana-token", &["glsa_", "glc_"], r"\bgl(?:sa|c)_[A-Za-z0-9_+/=]{30,}", always),
    Rule::new("newrelic-key", &["nrak-", "nrii-"], r"\bNR(?:AK|II)-[A-Za-z0-9_-]{20,}", always),
    Rule::new("sentry-token", &["sntrys_", "sntryu_"], r"\bsntry[su]_[A-Za-z0-9_+/=-]{40,}", always),
    Rule::new(
        "shopify-token",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}",
        always,
    ),
    Rule::new("planetscale-token", &["pscale_"], r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{30,}", always),
    Rule::new("postman-key", &["pmak-"], r"\bPMAK-[A-Za-z0-9]{20,}-[A-Za-z0-9]{30,}", always),
    Rule::new("tailscale-key", &["tskey-"], r"\btskey-[a-z]+-[A-Za-z0-9-]{16,}", always),
    Rule::new("jwt", &["eyj"], r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", always),
    Rule::new(
        "azure-key",
        &["accountkey=", "sharedaccesskey=", "sig="],
        r"(?i)(?:\bAccountKey=|\bSharedAccessKey=|[?&]sig=)(?P<s>[A-Za-z0-9+/=%]{20,})",
        always,
    ),
    Rule::new(
        "url-password",
        &["://"],
        r#"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@'"`$(){}<>|;]*:(?P<s>[^\s/@'"`$(){}<>|;]{1,200})@"#,
        |value| !value.starts_with(OPENING),
    ),
    Rule::new(
        "authorization",
        &["bearer", "basic", "authorization"],
        r"(?i)(?:\b(?:bearer|basic)\s+|\bauthorization\s*[:=]\s*(?:token\s+)?)(?P<s>[A-Za-z0-9+/_=.~-]{8,})",
        |value| is_random(value) || (value.len() >= 16 && value.contains('=')),
    ),
    Rule::new(
        "flag-secret",
        &["--", "sshpass", "mysql", "curl"],
        r#"(?i)(?:(?:^|\s)--(?:[a-z-]+-)?(?:password|passwd|pass|passphrase|token|api-?key|secret|access-key|secret-key|auth-token|client-secret)(?:=|\s+)|\bsshpass\s+-p\s*|\bmysql(?:dump|admin)?\b[^|;&\n]*\s-p|\bcurl\b[^|;&\n]*\s(?:-u|--user)(?:=|\s*)['"]?[^\s:'"]+:)(?:'(?P<q>[^'\s]{3,200})'|["']?(?P<s>[^\s'"`$(){}<>|;&\\-][^\s'"`$(){}<>|;&\\]{3,200}))"#,
        is_literal,
    ),
    Rule::new(
        "assigned-password",
        &["passw", "passphrase", "pwd", "secret", "passwd"],
        r#"(?i)\b[a-z0-9_.-]*(?:passw(?:or)?d|passphrase|_pwd|secret(?:_?-?(?:access)?_?-?key)?)["']?\s*(?:=|:|=>|:=)\s*(?:["'](?P<s>[^\s'"`$(){}<>|;&\\]{4,200})["']|(?P<u>[^\s'"`$(){}<>|;&\\,]{4,200}))"#,
        is_literal,
    ),
    Rule::new(
        "assigned-token",
        &["token", "key", "credential", "auth"],
        r#"(?i)\b[a-z0-9_.-]*(?:token|api_?-?key|access_?-?key|auth_?-?key|private_?-?key|account_?-?key|credentials?)["']?\s*(?:=|:|=>|:=)\s*["']?(?P<s>[^\s'"`$(){}<>|;&\\,]{8,200})"#,
        is_random,
    ),
];
