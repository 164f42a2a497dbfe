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
    let manual = ["uploads", "cron", "sessions", "allow-lists", "last-clients", "switch-off"];
    assert_eq!(ids.iter().copied().filter(|id| !manual.contains(id)).collect::<Vec<_>>(), rev3);
    assert!(manual.iter().all(|id| ids.contains(id)));
}

#[test]
fn the_week_of_the_screens_is_without_fault() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens/week.toml");
    load(&file).unwrap_or_else(|faults| panic!("{faults}"));
}

#[test]
fn a_runbook_written_out_and_read_again_is_the_same_runbook() {
    for name in ["runbooks/rehearsal.toml", "tests/screens/week.toml"] {
        let plan = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap_or_else(|faults| panic!("{faults}"));
        let written = serde_json::to_vec(&*plan.runbook).unwrap();
        assert_eq!(Plan::new(serde_json::from_slice(&written).unwrap(), plan.file.clone()), plan, "{name}");
    }
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

/// What stands in `check` as a fault of a single step with this action, its gate and its inputs.
fn faults_of_step(action: &str, more: &str, with: &str) -> Vec<String> {
    let sections = "[source]\naddress = \"192.0.2.1\"\nschemas = [\"shop\"]\n\
         application = { user = \"app\", password = { env = \"APP\" } }\nmysql = { host = \"db\", user = \"root\", \
         password = { env = \"P\" }, replication = { user = \"r\", password = { env = \"R\" } } }\n\
         [target]\napplication = { user = \"new\", password = { env = \"APP\" } }\nmysql = { host = \"t\", \
         user = \"admin\", password = { env = \"P\" }, replication = { user = \"r\", password = { env = \"R\" } } }\n\
         [kubernetes]\ncontext = \"c\"\nnamespace = \"n\"\n[registry]\npush = \"r:5000\"\nrepository = \"shop\"\n\
         [dns]\nzone = \"Z\"\nrecord = \"shop.example.com\"\n[probe]\nheader = \"x-build\"\nread = { path = \"/r\" }\n\
         write = { path = \"/w\" }\n";
    faults_of(&format!(
        "name = \"a\"\nenvironment = \"staging\"\n[service]\nname = \"shop\"\nhost = \"shop.example.com\"\n{sections}\
         [[step]]\nid = \"it\"\naction = \"{action}\"\nowner = \"lead\"\nday = 1\n{more}\nwith = {{ {with} }}\n"
    ))
}

const DEPLOY: &str = "image = \"i\", port = 8080, live = \"/l\", ready = \"/r\", database_env = \"DATABASE_URL\", \
                      build_env = \"BUILD\"";

const BUILD: &str = "context = \".\", port = 8080, live = \"/l\", ready = \"/r\", database_env = \"DATABASE_URL\", \
                     scratch_image = \"mysql:9\", snapshot = \"s\"";

/// One fault with these words in it, in the step's own lines.
fn one(faults: &[String], words: &str) {
    assert!(faults.len() == 1 && faults[0].contains(words), "{words}: {faults:#?}");
    let line: usize = faults[0].split(':').nth(1).unwrap().parse().unwrap();
    assert!(line >= 24, "{faults:#?}");
}

#[test]
fn bounds_that_cannot_be_met_are_found_before_the_step() {
    let deploy = |more: &str| faults_of_step("kubernetes.deploy", "", &format!("{DEPLOY}{more}"));
    assert_eq!(deploy(", replicas = 3, max_replicas = 3"), [""; 0]);
    one(&deploy(", replicas = 5, max_replicas = 3"), "step `it` has 5 pods at the least and 3 at the most");
    one(&deploy(", replicas = 7"), "7 pods at the least and 6 at the most");
    one(&deploy(", max_replicas = 1"), "2 pods at the least and 1 at the most");
    one(&deploy(", replicas = 0"), "`replicas` in `with` in step `it` is 0; expected 1 or more");
    one(&deploy(", cpu_target = 0"), "is 0; expected 1 to 255");
    let build = |more: &str| faults_of_step("docker.build", "", &format!("{BUILD}{more}"));
    assert_eq!(build(", template = \"debian\""), [""; 0]);
    one(&build(""), "step `it` names neither of `dockerfile` and `template`");
    one(&build(", template = \"debian\", dockerfile = \"Dockerfile\""), "names both of");
}

#[test]
fn no_time_at_all_and_a_window_that_is_never_open_are_faults() {
    let command = "run = [\"true\"], check = [\"true\"]";
    one(&faults_of_step("command", "timeout = \"0s\"", command), "`timeout` in step `it` is no time at all");
    let switch = |budget: &str| faults_of_step("dns.switch", "", &format!("address = \"a\", budget = \"{budget}\""));
    assert_eq!(switch("500ms"), [""; 0]);
    one(&switch("0s"), "`budget` in step `it` is no time at all");
    one(&faults_of_step("settle", "", "soak = \"0m\""), "`soak` in step `it` is no time at all");
    one(&faults_of_step("mysql.restore", "", "verify_expiry = \"0h\""), "`verify_expiry` in step `it`");
    one(&faults_of_step("mysql.restore", "", "workers = 0"), "`workers` in `with` in step `it` is 0");
    let window = |from: &str, to: &str| {
        let gate = format!("gate = {{ window = {{ from = \"2026-11-26T{from}Z\", to = \"2026-11-26T{to}Z\" }} }}");
        faults_of_step("command", &gate, command)
    };
    assert_eq!(window("02:00:00", "04:00:00"), [""; 0]);
    one(&window("04:00:00", "02:00:00"), "the window of step `it` begins at 2026-11-26T04:00:00Z and ends at");
    one(&window("02:00:00", "02:00:00"), "it is never open");
}

#[test]
fn a_program_without_a_name_is_a_fault() {
    one(&faults_of_step("command", "", "run = [], check = [\"true\"]"), "`run` names no program");
    one(&faults_of_step("command", "", "run = [\"true\"], check = [\" \"]"), "`check` names no program");
    one(&faults_of_step("command", "", "run = [\"a\"], check = [\"a\"], undo = []"), "`undo` names no program");
    one(&faults_of_step("manual", "", "instructions = \"i\", probe = []"), "`probe` names no program");
    one(&faults_of_step("settle", "", "soak = \"1h\", stop_source = [[\"a\"], []]"), "`stop_source` names no program");
    let secrets = "run = [\"a\"], check = [\"a\"], secrets = { A = { command = [] } }";
    one(&faults_of_step("command", "", secrets), "`command` names no program");
}

#[test]
fn secrets_in_clear_are_found_in_environments_and_arguments() {
    let deploy = |env: &str| faults_of_step("kubernetes.deploy", "", &format!("{DEPLOY}, {env}"));
    for env in ["env", "web_env", "jobs_env"] {
        let found = deploy(&format!("{env} = {{ SMTP_PASSWORD = \"hunter2\" }}"));
        one(&found, &format!("`SMTP_PASSWORD` in `{env}`: a secret is written in clear"));
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    let fine = "PASSWORD_FILE = \"/run/pw\", REQUIRE_PASSWORD = \"true\", API_TOKEN = \"${steps.x.y}\", \
                STRIPE_PUBLIC_API_KEY = \"pk_live_1\", JWT_SECRET = \"/run/secrets/jwt\", TOKEN_TTL = \"3600\"";
    let found = deploy(&format!("env = {{ {fine} }}"));
    assert!(found.iter().all(|fault| !fault.contains("in clear")), "{found:?}");
    let command = |words: &str| faults_of_step("command", "", &format!("run = [{words}], check = [\"true\"]"));
    for words in [
        "\"mysqldump\", \"-u\", \"root\", \"-phunter2\"",
        "\"curl\", \"--oauth2-token\", \"hunter2\"",
        "\"curl\", \"-H\", \"Authorization: Bearer hunter2\"",
        "\"tool\", \"--password=hunter2\"",
        "\"sh\", \"-c\", \"PGPASSWORD=hunter2 psql\"",
    ] {
        let found = command(words);
        one(&found, "`run`: a secret is written in clear among the arguments");
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
    for words in [
        "\"sh\", \"-c\", \"mysql -p$PW --password=\\\"$PW\\\" | ssh -p2222 backup\"",
        "\"gcloud\", \"secrets\", \"versions\", \"access\", \"latest\", \"--secret\", \"db-password\"",
        "\"tool\", \"--password\", \"--verbose\", \"--token-file\", \"secrets.txt\"",
    ] {
        assert_eq!(command(words), [""; 0], "{words}");
    }
}

/// The faults of a runbook with these people, whose step a DBA has to approve.
fn faults_of_people(people: &[(&str, &str, &str)]) -> Vec<String> {
    let gate = "gate = { approval = { role = \"dba\" } }\nwith =";
    let person = |(name, role, key): &(&str, &str, &str)| {
        let key = if key.is_empty() { String::new() } else { format!("key = \"{key}\"\n") };
        format!("[[person]]\nname = \"{name}\"\nrole = \"{role}\"\n{key}")
    };
    let people: String = people.iter().map(person).collect();
    faults_of(&format!("{}{people}", GOOD.replace("with =", gate)))
}

#[test]
fn people_who_could_not_approve_are_found_before_the_gate() {
    const GOOD_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII8z+iYr7uu8JH7rIx/oUARwbhqSba6sgQceswTFZg44";
    const P521: &str = "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAEv6DQbqkHDs5f5bAULZXfHdnauwPgu2wGwkRr2ZBOJpA/HFXV3b8gM0hfTTm/C3FjSniT0uJUYnegLhY7jioyeWQFMHZMh4IXS9DQArw3Uqm0QfkGdq+XFAbeHYM6X+RdtGP+laCc/gRvoKQzrLvaAMcN8Jjc+Wh4XiOgpQ96ocHjshQ==";
    let ben = ("ben", "dba", GOOD_KEY);
    assert_eq!(faults_of_people(&[("ana", "lead", ""), ben]), [""; 0]);
    let faults = [
        faults_of_people(&[ben, ("Ben ", "lead", "")]),
        faults_of_people(&[ben, ("ana", "lead", "ssh-ed25519 AAAA")]),
        faults_of_people(&[("ben", "dba", P521)]),
        faults_of_people(&[("ben", "dba", ""), ("ana", "dbas", GOOD_KEY)]),
        faults_of_people(&[]),
    ];
    assert!(faults.iter().all(|faults| faults.len() == 1), "{faults:#?}");
    let starts =
        ["a.toml:19:8: there is another person named", "a.toml:21:7: the SSH public key of ana: it is not read"];
    for (fault, start) in faults.concat().iter().zip(starts) {
        assert!(fault.starts_with(start), "{fault}");
    }
    assert!(faults[2][0].contains("ecdsa-sha2-nistp521 cannot be verified here"), "{faults:#?}");
    let nobody = "a.toml:12:30: nobody with the role `dba` has a key to approve with";
    assert!(faults[3..].iter().all(|faults| faults[0].starts_with(nobody)), "{faults:#?}");
    assert!(faults[3][0].ends_with("did you mean `dbas`?"), "{faults:#?}");
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
