//! The order of the layers: later ones win, a project only tightens, the administrator has the last word.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

/// Files of every layer in a folder of their own. Files of root's are only made by root, so tests that need a managed file
/// do without one where they do not run as root.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new(user: &str, project: &str, managed: &str) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in
            [("user/config.toml", user), ("app/.riskgate.toml", project), ("managed/config.toml", managed)]
        {
            if !text.is_empty() {
                world.write(name, text);
            }
        }
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn places(&self) -> LayerPlaces {
        LayerPlaces {
            managed: Some(self.path("managed")),
            user: Some(self.path("user")),
            project: Some(self.path("app")),
            home: None,
        }
    }

    fn load(&self, typed: &[TypedValue]) -> Result<Resolved, ConfigError> {
        Resolved::load(&self.places(), typed)
    }

    #[track_caller]
    fn resolved(&self) -> Resolved {
        self.load(&[]).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn flag(key: &'static str, value: impl Into<toml::Value>) -> TypedValue {
    TypedValue { key, value: value.into(), source: "command line".to_owned() }
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    true
}

#[track_caller]
fn source(resolved: &Resolved, key: &str) -> String {
    resolved.provenance.iter().find(|value| value.key == key).unwrap_or_else(|| panic!("no `{key}`")).source.clone()
}

#[test]
fn without_files_the_built_in_settings_hold() {
    let resolved = World::new("", "", "").resolved();
    assert_eq!((resolved.mode, resolved.asking, resolved.device), (Mode::Enforce, Asking::Possible, Device::Auto));
    assert_eq!(resolved.strictness.0.name.as_deref(), Some("balanced"));
    assert_eq!((resolved.rules.len(), source(&resolved, "mode").as_str()), (1, "built in"));
}

#[test]
fn every_layer_beats_the_one_below_and_says_so() {
    let user = "mode = \"monitor\"\nmodel = \"mine\"\n[thresholds]\nname = \"relaxed\"\n";
    let world = World::new(user, "mode = \"enforce\"\n", "");
    let resolved = world.load(&[flag("model", "typed")]).unwrap();
    assert_eq!((resolved.mode, resolved.model.as_deref()), (Mode::Enforce, Some("typed")));
    assert_eq!(resolved.strictness.0.name.as_deref(), Some("relaxed"));
    assert!(source(&resolved, "mode").starts_with("project (") && source(&resolved, "mode").contains(".riskgate.toml"));
    assert_eq!(source(&resolved, "model"), "command line");
    assert!(source(&resolved, "thresholds.name").starts_with("user ("));
}

#[test]
fn a_project_s_looser_values_and_foreign_keys_are_left_out() {
    let project = "mode = \"off\"\nno_ask = false\nmodel = \"theirs\"\ndevice = \"cpu\"\n[policy]\ndisable = [\"protect-ci\"]\nallow = [\"Bash\"]\ndeny = [\"Bash(make *)\"]\n[review]\nmode = \"uncertain\"\nbase_url = \"https://evil.example\"\n";
    let resolved = World::new("no_ask = true\n", project, "").resolved();
    assert_eq!(
        (resolved.mode, resolved.asking, resolved.model, resolved.device),
        (Mode::Enforce, Asking::Impossible, None, Device::Auto)
    );
    assert!(resolved.policy.disabled.is_empty());
    assert_eq!(resolved.remarks.len(), 5, "{:?}", resolved.remarks);
    assert!(resolved.provenance.iter().all(|value| value.key != "review.base_url"));
    let policy = crate::policy::Policy::load(&resolved.rules, &resolved.policy).unwrap();
    assert!(
        policy.rules().all(|rule| rule.origin.layer != Layer::Project || rule.verdict > crate::verdict::Verdict::Allow)
    );
}

#[test]
fn a_project_s_thresholds_hold_beside_the_others() {
    let resolved =
        World::new("[thresholds]\nallow_below = 0.1\n", "[thresholds]\nallow_below = 0.5\nname = \"strict\"\n", "")
            .resolved();
    assert_eq!(resolved.strictness.0.allow_below, Some(0.1));
    assert_eq!(resolved.project_strictness.0.name.as_deref(), Some("strict"));
}

#[test]
fn profiles_fill_in_what_the_file_leaves_out() {
    let headless = World::new("profile = \"headless\"\n", "", "").resolved();
    assert_eq!((headless.mode, headless.asking), (Mode::Enforce, Asking::Impossible));
    let own = World::new("profile = \"headless\"\nno_ask = false\n", "", "").resolved();
    assert_eq!(own.asking, Asking::Possible);
    assert!(World::new("", "profile = \"air-gapped\"\n", "").resolved().air_gapped);
}

#[test]
fn what_is_misspelled_is_an_error_with_its_place() {
    for (text, wanted) in [
        ("modus = \"off\"\n", "modus"),
        ("mode = \"sometimes\"\n", "line 1"),
        ("device = \"abacus\"\n", "abacus"),
        ("[[thresholds.for]]\nscope = \"nowhere\"\n", "nowhere"),
        ("[[thresholds.for]]\nname = \"strict\"\n", "without `tool`"),
        ("locked = [\"mode\"]\n", "managed file alone"),
    ] {
        let message = World::new(text, "", "").load(&[]).unwrap_err().to_string();
        assert!(message.contains(wanted), "{text}: {message}");
    }
}

#[test]
fn rule_files_and_lists_of_every_layer_are_found() {
    let world = World::new("[policy]\nask = [\"Bash(git push *)\"]\n", "[policy]\ndeny = [\"Bash(make *)\"]\n", "");
    world.write("user/policy/b.cedar", "// nothing\n");
    world.write("user/policy/a.cedar", "// nothing\n");
    world.write("user/policy/notes.txt", "not a rule\n");
    world.write("app/.riskgate/policy/c.cedar", "// nothing\n");
    let names: Vec<String> =
        world.resolved().rules.iter().map(|source| source.name.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["riskgate", "config.toml", ".riskgate.toml", "a.cedar", "b.cedar", "c.cedar"]);
}

#[test]
fn the_administrator_has_the_last_word() {
    if !is_root() {
        return;
    }
    let managed = "mode = \"enforce\"\nmodel_sha256 = \"abcdef123456\"\nlocked = [\"thresholds\", \"policy\", \"review\"]\n[policy]\ndeny = [\"Bash(make *)\"]\n";
    let user = "mode = \"off\"\nmodel_sha256 = \"0\"\n[thresholds]\nname = \"relaxed\"\n[policy]\nallow = [\"Bash\"]\ndisable = [\"protect-ci\"]\n[review]\nmode = \"uncertain\"\n";
    let world = World::new(user, "", managed);
    world.write("user/policy/open.cedar", "permit (principal, action, resource);\n");
    let resolved = world.load(&[flag("thresholds.max_miss_rate", 0.5), flag("model", "typed")]).unwrap();
    assert_eq!(
        (resolved.mode, resolved.model_sha256.as_deref(), resolved.model.as_deref()),
        (Mode::Enforce, Some("abcdef123456"), Some("typed"))
    );
    assert_eq!(
        (resolved.strictness.0.name.as_deref(), resolved.strictness.0.rates.max_miss_rate),
        (Some("balanced"), None)
    );
    assert!(resolved.policy.disabled.is_empty());
    let layers: Vec<Layer> = resolved.rules.iter().map(|source| source.layer).collect();
    assert_eq!(layers, [Layer::BuiltIn, Layer::Managed]);
    let locked: Vec<&str> =
        resolved.provenance.iter().filter(|value| value.locked).map(|value| value.key.as_str()).collect();
    assert!(
        ["mode", "model_sha256", "thresholds.name", "review.mode"].iter().all(|key| locked.contains(key)),
        "{locked:?}"
    );
    assert!(!locked.contains(&"model"));
}

#[test]
fn a_stronger_layer_s_strictness_replaces_a_weaker_one_s_in_another_form() {
    let user = "[thresholds]\nallow_below = 0.9\nmax_false_block_rate = 0.4\n";
    let by = |typed: &[TypedValue]| World::new(user, "", "").load(typed).unwrap().strictness.0;
    let own = by(&[]);
    assert_eq!((own.allow_below, own.rates.max_false_block_rate), (Some(0.9), Some(0.4)));
    let rate = by(&[flag("thresholds.max_miss_rate", 0.01)]);
    assert_eq!((rate.allow_below, rate.rates.max_miss_rate), (None, Some(0.01)));
    assert_eq!(rate.rates.max_false_block_rate, Some(0.4));
    let named = by(&[flag("thresholds.name", "strict")]);
    assert_eq!(named, Strictness { name: Some("strict".to_owned()), ..Strictness::default() });
}

#[test]
fn managed_strictness_leaves_nothing_of_anybody_else_s() {
    if !is_root() {
        return;
    }
    let user = "[thresholds]\nallow_below = 0.9\n[[thresholds.for]]\nscope = \"temp\"\nname = \"relaxed\"\n";
    let resolved = World::new(user, "", "[thresholds]\nname = \"strict\"\n").resolved();
    let strict = Strictness { name: Some("strict".to_owned()), ..Strictness::default() };
    assert_eq!(resolved.strictness, (strict, Vec::new()));
}

const MODES: [&str; 3] = ["off", "monitor", "enforce"];

fn mode_line(mode: Option<usize>) -> String {
    mode.map_or_else(String::new, |mode| format!("mode = \"{}\"\n", MODES[mode]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_project_file_never_loosens(user in prop::option::of(0..3_usize), project in prop::option::of(0..3_usize), ask in any::<bool>(), theirs in prop::option::of(any::<bool>())) {
        let user = format!("no_ask = {ask}\n{}", mode_line(user));
        let theirs = theirs.map_or_else(String::new, |theirs| format!("no_ask = {theirs}\n"));
        let without = World::new(&user, "", "").resolved();
        let with = World::new(&user, &format!("# project\n{theirs}{}", mode_line(project)), "").resolved();
        prop_assert!(with.mode >= without.mode);
        prop_assert!(with.asking == without.asking || with.asking == Asking::Impossible);
        prop_assert_eq!(with.strictness, without.strictness);
    }

    #[test]
    fn managed_always_wins(user in prop::option::of(0..3_usize), project in prop::option::of(0..3_usize), managed in 0..3_usize, typed in prop::option::of(any::<bool>())) {
        prop_assume!(is_root());
        let world = World::new(&format!("# user\n{}", mode_line(user)), &mode_line(project), &format!("no_ask = false\n{}", mode_line(Some(managed))));
        let typed: Vec<TypedValue> = typed.map(|typed| flag("no_ask", typed)).into_iter().collect();
        let resolved = world.load(&typed).unwrap();
        prop_assert_eq!(<&str>::from(resolved.mode), MODES[managed]);
        prop_assert_eq!(resolved.asking, Asking::Possible);
    }

    #[test]
    fn settings_files_never_panic(text in "[a-z_\\[\\]=\" \n0-9.]{0,120}") {
        let _ = World::new(&text, "", "").load(&[]);
        let _ = World::new("", &text, "").load(&[]);
    }
}
