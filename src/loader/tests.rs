use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn runbooks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks")
}

/// The faults of a text, without the directory that it stood in.
fn faults_of(text: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.toml");
    std::fs::write(&file, text).unwrap();
    let prefix = format!("{}/", directory.path().display());
    match load(&file) {
        Ok(_) => vec![],
        Err(faults) => faults.0.iter().map(|fault| fault.to_string().replace(&prefix, "")).collect(),
    }
}

const GOOD: &str = r#"
name = "a"
environment = "staging"
[service]
name = "shop"
host = "shop.example.com"
[[step]]
id = "hello"
action = "command"
owner = "lead"
day = 1
with = { run = ["true"], check = ["true"] }
"#;

#[test]
fn the_rehearsal_is_without_fault_and_has_the_steps_of_rev3() {
    let plan = load(&runbooks().join("rehearsal.toml")).unwrap_or_else(|faults| panic!("{faults}"));
    let ids: Vec<&str> = plan.runbook.steps.iter().map(|step| step.id.as_str()).collect();
    let rev3 = [
        "snapshot",
        "prepare",
        "lower-ttl",
        "cluster",
        "containerise",
        "push",
        "ingress",
        "deploy",
        "restore",
        "dns",
        "settle",
    ];
    let manual = ["uploads", "cron", "sessions", "allow-lists"];
    assert_eq!(ids.iter().copied().filter(|id| !manual.contains(id)).collect::<Vec<_>>(), rev3);
    assert!(manual.iter().all(|id| ids.contains(id)));
}

#[test]
fn rev3_as_it_is_names_exactly_the_values_to_fill_in() {
    let file = runbooks().join("rev3.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let wanted: Vec<usize> =
        text.lines().enumerate().filter(|(_, line)| line.contains("{ fill_in =")).map(|(n, _)| n + 1).collect();
    let faults = load(&file).unwrap_err();
    assert!(faults.0.iter().all(|fault| fault.what.ends_with("is not filled in")), "{faults}");
    assert_eq!(faults.0.iter().map(|fault| fault.place.line).collect::<Vec<_>>(), wanted);
}

#[test]
fn a_good_runbook_has_no_fault() {
    assert_eq!(faults_of(GOOD), Vec::<String>::new());
}

#[test]
fn a_dozen_faults_are_named_at_once() {
    let faults = faults_of(
        r#"
name = "Not Short"
environment = "staging"
colour = "blue"
[values]
wait = "soon"
[service]
nam = "shop"
host = "${hots}"
[source]
address = "10.0.0.1"
schemas = "shop"
application = { user = "app", password = "hunter2" }
[source.mysql]
host = "mysql://root:hunter2@db"
port = 99999
user = "root"
password = { envv = "X" }
tls = "requird"
replication = { user = "r", password = { env = "R" } }
[[step]]
id = "snapshot"
action = "mysql.snapshott"
owner = "db"
day = 1
[[step]]
id = "ttl"
action = "dns.lower-ttl"
owner = "db"
day = 9
with = { ttl = "${wait}" }
[[step]]
id = "push"
action = "registry.push"
owner = "db"
day = 1
timeout = "a while"
with = { image = "${steps.build.image}" }
[[step]]
action = "docker.build"
id = "build"
owner = "db"
day = 1
with = { context = "." }
[[step]]
id = "push"
action = "manual"
day = 2
with = { instructions = "x", probe = [] }
"#,
    );
    insta::assert_snapshot!(faults.join("\n"));
}

#[test]
fn an_extending_runbook_may_give_values_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("base.toml"), format!("{GOOD}\n[values]\nspeed = 1\n")).unwrap();
    let file = directory.path().join("over.toml");
    std::fs::write(&file, "extends = \"base.toml\"\nname = \"b\"\n[values]\nsped = 2\n").unwrap();
    let faults = load(&file).unwrap_err();
    let said: Vec<String> = faults.0.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2);
    assert!(
        said[0].ends_with(
            "over.toml:2:1: `name` in a runbook that extends another; expected `extends` and `[values]` only"
        )
    );
    assert!(said[1].contains("over.toml:4:1: there is no value `sped`"));
    assert!(said[1].ends_with("did you mean `speed`?"));
}

#[test]
fn the_lab_of_another_directory_has_its_secrets_there() {
    let elsewhere = |name: &str| (name == "CUTOVER_LAB_DIR").then(|| "/srv/lab".to_owned());
    let plan = load_in(&runbooks().join("rehearsal.toml"), &[], &elsewhere).unwrap_or_else(|faults| panic!("{faults}"));
    let text = format!("{:?}", plan.runbook);
    for path in ["/srv/lab/secrets/rev1-admin", "/srv/lab/tls/ca.crt", "/srv/lab/kubeconfig"] {
        assert!(text.contains(path), "{path}");
    }
    assert!(!text.contains(".cache/cutover"), "nothing is left of the usual place");

    let nowhere =
        load_in(&runbooks().join("rehearsal.toml"), &[], &|_| None).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(format!("{:?}", nowhere.runbook).contains("~/.cache/cutover/lab/secrets/rev1-admin"));
}

#[test]
fn a_variable_that_is_not_set_is_a_fault_unless_something_holds_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.toml");
    std::fs::write(&file, GOOD.replace("staging", "${where}") + "\n[values]\nwhere = { from_env = \"WHERE\" }\n")
        .unwrap();
    let faults = load_in(&file, &[], &|_| None).unwrap_err().to_string();
    assert!(faults.contains("15:9: value `where`: WHERE is not set in the environment; expected"), "{faults}");
    // Set, and empty, is as if it were not set.
    assert!(load_in(&file, &[], &|_| Some(String::new())).is_err());
    let plan = load_in(&file, &[], &|name| Some(name.to_lowercase())).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(plan.runbook.environment, "where");
}

#[test]
fn a_base_that_is_not_there_is_named_where_it_is_asked_for() {
    let faults = faults_of("extends = \"nowhere.toml\"\n");
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with("a.toml:1:11: the runbook"), "{}", faults[0]);
}

#[test]
fn a_value_that_names_itself_is_a_fault() {
    let faults = faults_of(&format!("{}\n[values]\na = \"${{b}}\"\nb = \"${{a}}\"\n", GOOD.replace("staging", "${a}")));
    assert!(faults[0].contains("names itself"), "{faults:?}");
}

#[test]
fn a_phrase_is_nothing_that_one_types_without_thinking_nor_another_steps() {
    let step = |id: &str, phrase: &str| {
        format!(
            "[[step]]\nid = \"{id}\"\naction = \"manual\"\nowner = \"o\"\nday = 1\ngate = {{ phrase = \"{phrase}\" }}\n\
             with = {{ instructions = \"i\" }}\n"
        )
    };
    let head = "name = \"n\"\nenvironment = \"lab\"\n[service]\nname = \"s\"\nhost = \"h.example\"\n";
    let faults = |phrases: [&str; 2]| faults_of(&format!("{head}{}{}", step("a", phrases[0]), step("b", phrases[1])));
    assert_eq!(faults(["switch h.example", "stop h.example"]), [""; 0]);
    let two = faults(["yes", ""]);
    assert!(two.len() == 2 && two.iter().all(|fault| fault.contains("too short for a phrase")), "{two:?}");
    let same = faults(["go on now", "go on now"]);
    assert!(same.len() == 1 && same[0].starts_with("a.toml:18:") && same[0].contains("another step's"), "{same:?}");
}

proptest! {
    /// Whatever is written: an answer with a place, never a panic.
    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,200}") {
        for fault in faults_of(&text) {
            prop_assert!(fault.starts_with("a.toml:"));
        }
    }

    /// A good runbook with one piece cut out or doubled: an answer, never a panic.
    #[test]
    fn a_damaged_runbook_gets_an_answer(from in 0usize..200, length in 0usize..40, twice: bool) {
        let from = from.min(GOOD.len());
        let to = (from + length).min(GOOD.len());
        let piece = if twice { GOOD[from..to].repeat(2) } else { String::new() };
        let _ = faults_of(&format!("{}{piece}{}", &GOOD[..from], &GOOD[to..]));
    }
}

#[test]
fn a_value_that_is_set_stands_over_the_runbooks_and_a_faulty_one_says_where() {
    let set = |values: &[&str]| {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        load_in(&runbooks().join("rehearsal.toml"), &values, &|_| None)
    };
    let plan = set(&["host = \"other.example\"", "low_ttl=\"9s\""]).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(plan.runbook.connections.service.host, "other.example");
    let without = set(&["front = { unset = \"none\" }"]).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(without.runbook.connections.front.is_none());
    assert!(set(&["hots = 1"]).unwrap_err().to_string().contains("there is no value `hots`"));
    assert!(set(&["host = other"]).unwrap_err().to_string().starts_with("--set:1:"));
}
