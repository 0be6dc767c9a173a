use super::*;

fn place() -> Place {
    Place {
        cwd: Some("/home/me/project/src".into()),
        workspace: Some("/home/me/project".into()),
        home: Some("/home/me".into()),
        ..Place::default()
    }
}

#[track_caller]
fn check_in(place: &Place, path: &str, scope: PathScope, text: &str) {
    assert_eq!(place.locate(path), Target { text: text.to_owned(), scope: Scope::Path(scope) }, "{path}");
    assert_eq!(place.shown_as(path), text, "{path}");
}

#[track_caller]
fn check(path: &str, scope: PathScope, text: &str) {
    check_in(&place(), path, scope, text);
}

#[test]
fn relative_paths_lie_in_the_workspace() {
    check("main.rs", PathScope::Workspace, "src/main.rs");
    check("./a/../main.rs", PathScope::Workspace, "src/main.rs");
    check("..", PathScope::Workspace, ".");
    check("../lib//x", PathScope::Workspace, "lib/x");
    check("/home/me/project", PathScope::Workspace, ".");
    check("/home/me/project/*", PathScope::Workspace, ".");
    check("/home/me/PROJECT/x", PathScope::Workspace, "x");
    check("../target/debug", PathScope::BuildOutput, "target/debug");
    check("../.git", PathScope::GitInternal, ".git");
    check("../.env", PathScope::EnvFile, ".env");
    check("../.env.example", PathScope::Workspace, ".env.example");
    check("../package.json", PathScope::PackageManifest, "package.json");
    check("../.github/workflows/ci.yml", PathScope::Ci, ".github/workflows/ci.yml");
}

#[test]
fn a_folder_entered_from_nowhere_is_the_project_unless_it_has_a_place_of_its_own() {
    let there = Place::default().changed_to("/testbed");
    check_in(&there, "src/a.py", PathScope::Workspace, "src/a.py");
    check_in(&there, "/testbed/build", PathScope::BuildOutput, "build");
    check_in(&there, "../other", PathScope::Outside, "/other");
    check_in(&there.changed_to("/data"), "x", PathScope::Outside, "/data/x");
    check_in(&place().changed_to("/testbed"), "x", PathScope::Outside, "/testbed/x");
}

#[test]
fn leaving_the_workspace_shows() {
    check("../..", PathScope::HomeRoot, "~");
    check("../../other/x", PathScope::Home, "~/other/x");
    check("../../../..", PathScope::Root, "/");
    check("../../../../../../etc/passwd", PathScope::System, "/etc/passwd");
    check("/home/other/x", PathScope::OtherHome, "/home/other/x");
    check("~other/x", PathScope::OtherHome, "/home/other/x");
    check("/home/me/project2/x", PathScope::Home, "~/project2/x");
}

#[test]
fn roots_are_known_with_and_without_wildcards() {
    check("/", PathScope::Root, "/");
    check("/*", PathScope::Root, "/*");
    check("//", PathScope::Root, "/");
    check("/.", PathScope::Root, "/");
    check("~", PathScope::HomeRoot, "~");
    check("~/", PathScope::HomeRoot, "~");
    check("~/*", PathScope::HomeRoot, "~/*");
    check("$HOME", PathScope::HomeRoot, "~");
    check("${HOME}/.bashrc", PathScope::Startup, "~/.bashrc");
    check("C:\\", PathScope::Root, "C:");
    check("c:/*", PathScope::Root, "c:/*");
}

#[test]
fn secrets_are_secrets_in_every_spelling() {
    check("~/.ssh/id_rsa", PathScope::Secret, "~/.ssh/id_rsa");
    check("~/.ssh/id_rsa.pub", PathScope::Home, "~/.ssh/id_rsa.pub");
    check("~/.ssh", PathScope::Secret, "~/.ssh");
    check("~/.ssh/*", PathScope::Secret, "~/.ssh/*");
    check("~/.aws/credentials", PathScope::Secret, "~/.aws/credentials");
    check("/etc/shadow", PathScope::Secret, "/etc/shadow");
    check("/etc/./../etc/shadow", PathScope::Secret, "/etc/shadow");
    check("//etc/shadow", PathScope::Secret, "/etc/shadow");
    check("/etc/shad?w", PathScope::Secret, "/etc/shad?w");
    check("/e*c/shadow", PathScope::Secret, "/e*c/shadow");
    check("$X/.ssh/id_rsa", PathScope::Secret, "$X/.ssh/id_rsa");
    check("%USERPROFILE%\\.ssh\\id_rsa", PathScope::Secret, "~/.ssh/id_rsa");
    check("$env:USERPROFILE\\.aws\\credentials", PathScope::Secret, "~/.aws/credentials");
}

#[test]
fn settings_that_name_programs_are_start_up_files() {
    for path in ["~/.ssh/config", "~/.aws/config", "~/.cargo/config.toml", "~/.gnupg/gpg-agent.conf"] {
        check(path, PathScope::Startup, path);
    }
    check("~/.ssh/known_hosts", PathScope::Home, "~/.ssh/known_hosts");
}

#[test]
fn unknown_parts_are_dynamic_unless_the_start_settles_it() {
    check("$X", PathScope::Dynamic, "$X");
    check("$X/node_modules", PathScope::Dynamic, "$X/node_modules");
    check("~/$X", PathScope::Dynamic, "~/$X");
    check("../$X", PathScope::Dynamic, "$X");
    check("a/$X", PathScope::Workspace, "src/a/$X");
    check("/$X", PathScope::Dynamic, "/$X");
    check("/etc/$X", PathScope::System, "/etc/$X");
    check("/tmp/$(date)", PathScope::Temp, "/tmp/$(date)");
    check("`pwd`/x", PathScope::Dynamic, "`pwd`/x");
}

#[test]
fn other_places_are_known() {
    check("/tmp/x", PathScope::Temp, "/tmp/x");
    check("$TMPDIR/x", PathScope::Temp, "/tmp/x");
    check("%TEMP%\\x", PathScope::Temp, "/tmp/x");
    check("/dev/null", PathScope::Temp, "/dev/null");
    check("NUL", PathScope::Temp, "NUL");
    check("/dev/sda", PathScope::Device, "/dev/sda");
    check("/usr/bin/env", PathScope::System, "/usr/bin/env");
    check("C:\\Windows\\System32\\drivers", PathScope::System, "C:/Windows/System32/drivers");
    check("\\\\server\\share\\x", PathScope::NetworkShare, "//server/share/x");
    check("HKLM:\\SAM\\x", PathScope::Secret, "hklm/SAM/x");
    check(
        "HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Run",
        PathScope::Startup,
        "hkcu/Software/Microsoft/Windows/CurrentVersion/Run",
    );
    check("~/.claude/settings.json", PathScope::AgentConfig, "~/.claude/settings.json");
    check("/etc/riskgate/policy.toml", PathScope::RiskgateConfig, "/etc/riskgate/policy.toml");
    check("~/.zshrc", PathScope::Startup, "~/.zshrc");
    check("/c/Users/x/.ssh/id_rsa", PathScope::Secret, "c:/Users/x/.ssh/id_rsa");
}

#[test]
fn little_context_is_enough() {
    let nothing = Place::default();
    check_in(&nothing, "a/b", PathScope::Workspace, "a/b");
    check_in(&nothing, ".", PathScope::Workspace, ".");
    check_in(&nothing, "*", PathScope::Workspace, ".");
    check_in(&nothing, "../x", PathScope::Outside, "../x");
    check_in(&nothing, "a/../../x", PathScope::Outside, "../x");
    check_in(&nothing, "/home/x/y", PathScope::Home, "/home/x/y");
    check_in(&nothing, "/Users/x", PathScope::HomeRoot, "/Users/x");
    check_in(&nothing, "/root/.bashrc", PathScope::Startup, "/root/.bashrc");
    check_in(&nothing, "~/.ssh/id_rsa", PathScope::Secret, "~/.ssh/id_rsa");
    check_in(&nothing, "~", PathScope::HomeRoot, "~");
    check_in(&nothing, "C:\\Users\\x\\Desktop", PathScope::Home, "C:/Users/x/Desktop");
}

#[test]
fn a_workspace_in_a_special_place_is_a_workspace() {
    let temporary =
        Place { cwd: None, workspace: Some("/tmp/w".into()), home: Some("/home/me".into()), ..Place::default() };
    check_in(&temporary, "a", PathScope::Workspace, "a");
    check_in(&temporary, "/tmp/w/a", PathScope::Workspace, "a");
    check_in(&temporary, "/tmp/x", PathScope::Temp, "/tmp/x");
    let built = Place {
        cwd: None,
        workspace: Some("/home/me/build/target/w".into()),
        home: Some("/home/me".into()),
        ..Place::default()
    };
    check_in(&built, "src/a", PathScope::Workspace, "src/a");
    let home =
        Place { cwd: None, workspace: Some("/home/me".into()), home: Some("/home/me".into()), ..Place::default() };
    check_in(&home, "/home/me/.bashrc", PathScope::Startup, ".bashrc");
    check_in(&home, "~", PathScope::HomeRoot, ".");
    let windows = Place {
        cwd: None,
        workspace: Some("C:\\Users\\me\\w".into()),
        home: Some("C:\\Users\\me".into()),
        ..Place::default()
    };
    check_in(&windows, "src\\a", PathScope::Workspace, "src/a");
    check_in(&windows, "C:\\Users\\me\\w\\b", PathScope::Workspace, "b");
    check_in(&windows, "C:\\Users\\me\\x", PathScope::Home, "~/x");
}

#[test]
fn changing_the_folder_moves_what_follows() {
    let there = place().changed_to("../..");
    check_in(&there, "x", PathScope::Home, "~/x");
    check_in(&place().changed_to("/etc"), "shadow", PathScope::Secret, "/etc/shadow");
    check_in(&place().changed_to("~"), ".ssh/id_rsa", PathScope::Secret, "~/.ssh/id_rsa");
    check_in(&place().changed_to("$X"), "y", PathScope::Dynamic, "$X/y");
    check_in(&place().changed_to("/$X"), "y", PathScope::Dynamic, "/$X/y");
    check_in(&Place::default().changed_to("sub"), "x", PathScope::Workspace, "sub/x");
    check_in(&Place::default().changed_to(".."), "x", PathScope::Outside, "../x");
    check_in(&Place::default().changed_to("/"), "etc/shadow", PathScope::Secret, "/etc/shadow");
    check_in(&Place::default().changed_to("~"), "x", PathScope::Home, "~/x");
    check_in(&Place::default().changed_to("/etc"), "x", PathScope::System, "/etc/x");
    check_in(&Place::default().changed_to("-"), "x", PathScope::Dynamic, "$OLDPWD/x");
}

#[test]
fn odd_input_does_not_fail() {
    for path in [
        "",
        " ",
        "/",
        "\\",
        "\\\\",
        "~~",
        "%",
        "%%",
        "$",
        "${",
        "$(",
        "c:",
        "*",
        "[",
        "[a",
        "a/./././..",
        "\u{1}",
        "é/ß",
        "..\\..",
        "//",
        "///x",
        "hklm",
        "~$x",
        "file://",
    ] {
        for place in [
            Place::default(),
            place(),
            Place { cwd: Some("~".into()), workspace: Some("~/w".into()), home: None, ..Place::default() },
        ] {
            let _ = place.locate(path);
            let _ = place.changed_to(path).locate(path);
        }
    }
}
