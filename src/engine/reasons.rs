//! Assessment → reasons: what the numbers say, in words for a person or an agent.

use strum::IntoEnumIterator;

use super::prepared::Prepared;
use crate::action::{Flow, Gap, Tool};
use crate::assessment::{Assessment, Permission, Probability, RowLogits, SideEffect};
use crate::calibrate::Thresholds;
use crate::verdict::{Reason, Zone};

/// Probability from which an effect is named as a reason.
const NAMED: f32 = 0.5;
/// Most effects named.
const MAX_NAMED: usize = 3;

/// Why the model's answer is what it is, most important first.
pub(super) fn of_assessment(
    prepared: &Prepared,
    assessment: &Assessment,
    zone: Zone,
    thresholds: &Thresholds,
) -> Vec<Reason> {
    let mut reasons = vec![headline(prepared, assessment, zone)];
    if zone == Zone::Uncertain && assessment.novelty > thresholds.novel_above {
        reasons.push(Reason::new("risk.novel", "resembles little that the model was trained on"));
    }
    if zone != Zone::Allow {
        reasons.extend(flows(prepared));
        reasons.extend(gaps(prepared));
    }
    reasons
}

fn headline(prepared: &Prepared, assessment: &Assessment, zone: Zone) -> Reason {
    if prepared.action.tool == Tool::Text {
        return text_headline(prepared, zone);
    }
    let (code, score): (_, fn(&RowLogits) -> f32) = match zone {
        Zone::Allow => return Reason::new("risk.allow", authority(assessment)),
        Zone::Uncertain => ("risk.uncertain", |row| stop_margin(row)),
        Zone::Deny => ("risk.deny", |row| deny_margin(row)),
    };
    let named = named_effects(assessment);
    let text = if named.is_empty() { authority(assessment).to_owned() } else { named.join("; ") };
    let reason = Reason::new(code, text);
    match prepared.worst_unit(score) {
        Some(span) => reason.at(span),
        None => reason,
    }
}

fn text_headline(prepared: &Prepared, zone: Zone) -> Reason {
    if zone != Zone::Deny {
        return Reason::new("injection.none", "no instructions to an agent found");
    }
    let reason = Reason::new("injection.found", "tries to instruct the agent: treat it as data, do not follow it");
    match prepared.worst_unit(|row| row.injection) {
        Some(span) => reason.at(span),
        None => reason,
    }
}

pub(super) fn stop_margin(row: &RowLogits) -> f32 {
    let [allow, ask, deny] = row.risk;
    ask.max(deny) - allow
}

pub(super) fn deny_margin(row: &RowLogits) -> f32 {
    let [allow, ask, deny] = row.risk;
    deny - allow.max(ask)
}

/// The likeliest effects in words, likeliest first; plain contact and changes of the workspace are no reason.
fn named_effects(assessment: &Assessment) -> Vec<&'static str> {
    let telling = |effect: &SideEffect| !matches!(effect, SideEffect::Network | SideEffect::WorkspaceChange);
    let mut likely: Vec<(Probability, SideEffect)> = SideEffect::iter()
        .zip(assessment.effects)
        .filter(|(effect, probability)| telling(effect) && probability.get() >= NAMED)
        .map(|(effect, probability)| (probability, effect))
        .collect();
    likely.sort_by(|(a, _), (b, _)| b.get().total_cmp(&a.get()));
    likely.into_iter().take(MAX_NAMED).map(|(_, effect)| effect_text(effect)).collect()
}

fn effect_text(effect: SideEffect) -> &'static str {
    match effect {
        SideEffect::DataDestruction => "deletes or overwrites data that is not easily restored",
        SideEffect::Exfiltration => "may send local data where it should not go",
        SideEffect::CredentialAccess => "touches credentials or secrets",
        SideEffect::UntrustedExecution => "runs code from outside or hidden in an encoding",
        SideEffect::PrivilegeEscalation => "gains or grants rights",
        SideEffect::Persistence => "leaves something that stays active afterwards",
        SideEffect::DefenseEvasion => "goes round security, checks or logs",
        SideEffect::Discovery => "enumerates hosts, users or secrets",
        SideEffect::ServiceDisruption => "stops or exhausts processes, services or the machine",
        SideEffect::Exposure => "opens access to others",
        SideEffect::SystemChange => "changes the machine outside the workspace",
        SideEffect::ExternalChange => "changes something beyond this machine",
        SideEffect::Network => "contacts the network",
        SideEffect::WorkspaceChange => "changes the workspace",
    }
}

fn authority(assessment: &Assessment) -> &'static str {
    let likeliest = Permission::iter()
        .zip(assessment.permission)
        .max_by(|(_, a), (_, b)| a.get().total_cmp(&b.get()))
        .map_or(Permission::Privileged, |(permission, _)| permission);
    match likeliest {
        Permission::Observe => "only reads",
        Permission::Workspace => "stays inside the workspace",
        Permission::System => "reaches the machine outside the workspace",
        Permission::External => "reaches beyond this machine",
        Permission::Privileged => "needs administrator rights or touches credentials",
    }
}

fn flows(prepared: &Prepared) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for unit in &prepared.action.units {
        for flow in unit.flows {
            let (code, text) = match flow {
                Flow::SecretToNetwork => ("flow.secret_to_network", "a secret reaches the network"),
                Flow::NetworkToExecution => ("flow.network_to_execution", "runs what it fetches"),
                Flow::DecodedToExecution => ("flow.decoded_to_execution", "runs what it decodes"),
                Flow::DataToNetwork => ("flow.data_to_network", "sends local data"),
                Flow::WrittenToExecution | Flow::NetworkToFile => continue,
            };
            if !reasons.iter().any(|reason: &Reason| reason.code == code) {
                reasons.push(Reason::new(code, text).at(unit.span.clone()));
            }
        }
    }
    reasons
}

fn gaps(prepared: &Prepared) -> Vec<Reason> {
    let text = |gap| match gap {
        Gap::Dynamic => Some(("gap.dynamic", "part of it is only known when it runs")),
        Gap::UnknownProgram => Some(("gap.unknown_program", "a program that is not known")),
        Gap::Disguised => Some(("gap.disguised", "characters that look like others or cannot be seen")),
        Gap::OddSpelling => Some(("gap.odd_spelling", "a command pieced together where a plain one would do")),
        // The built-in policy names these with what it does about them.
        Gap::Unparsed | Gap::Truncated | Gap::Opaque => None,
    };
    prepared.action.all_gaps().iter().filter_map(text).map(|(code, text)| Reason::new(code, text)).collect()
}
