//! Secrets that are written in clear where the schema asks for a text: in an address, in the environment of pods and
//! containers, among a program's arguments. What stands in a runbook is in its previews, its journal and its pages too.
//!
//! It goes by names, and is careful: what it names cannot be driven, so a doubt is the writer's.

use super::bounds::for_each_program;
use super::document::{Node, Value};
use super::fault::{Fault, Place};

/// Keys under which plain environment stands.
const ENVIRONMENTS: [&str; 3] = ["env", "web_env", "jobs_env"];

/// How the name of a secret ends.
const ENDINGS: [&str; 12] = [
    "PASSWORD",
    "PASSWD",
    "MYSQL_PWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "API_KEY",
    "PRIVATE_KEY",
    "SECRET_KEY",
    "ACCESS_KEY",
    "SIGNING_KEY",
    "ENCRYPTION_KEY",
];

/// What stands under such a name and is none: a switch, or the name of a manner.
const WORDS: [&str; 8] = ["true", "false", "none", "null", "required", "optional", "enabled", "disabled"];

/// Shorter ones are nobody's secret, but `0` or `off`.
const SHORTEST: usize = 4;

/// Checks every text of a runbook.
pub(super) fn check(tree: &Node, faults: &mut Vec<Fault>) {
    tree.for_each_text(&mut |place, text| address(place, text, faults));
    environments(tree, faults);
    for_each_program(tree, &mut |key, _, words| program(key, words, faults));
}

/// `scheme://user:password@host` in any text.
fn address(place: &Place, text: &str, faults: &mut Vec<Fault>) {
    let authority = text.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    let user_info = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user_info, _)| user_info);
    if user_info.and_then(|info| info.split_once(':')).is_some_and(|(_, password)| !password.is_empty()) {
        let fault = Fault::at(place, "a secret is written in clear, inside an address");
        faults.push(
            fault.expected("the address without it, and a reference such as { env = \"NAME\" } where one is asked for"),
        );
    }
}

fn environments(node: &Node, faults: &mut Vec<Fault>) {
    for (key, node) in node.entries() {
        if ENVIRONMENTS.contains(&key.word.as_str()) && matches!(node.value, Value::Table(_)) {
            for (name, value) in node.entries() {
                if is_secret(&name.word) && value.text().is_some_and(is_clear) {
                    let what = format!("`{}` in `{}`: a secret is written in clear", name.word, key.word);
                    let expected = "what everybody may read; a secret belongs into a file or a store that the program \
                                    reads by itself";
                    faults.push(Fault::at(&value.place, what).expected(expected));
                }
            }
        } else {
            environments(node, faults);
        }
    }
    node.items().iter().for_each(|item| environments(item, faults));
}

/// `--password=...`, `--token ...`, `NAME_PASSWORD=...`, `Bearer ...`, and `-p...` of MySQL's programs; in a shell's
/// script too.
fn program(key: &str, words: &[Node], faults: &mut Vec<Fault>) {
    let texts = words.iter().filter_map(|word| Some((&word.place, word.text()?)));
    let words: Vec<(&Place, &str)> =
        texts.flat_map(|(place, text)| text.split_whitespace().map(move |word| (place, unquoted(word)))).collect();
    let mut of_mysql = false;
    for (at, (place, word)) in words.iter().enumerate() {
        let next = words.get(at + 1).map(|(_, next)| *next).unwrap_or_default();
        let inside = word.split_once('=').is_some_and(|(name, value)| is_asked(name) && is_clear(value));
        let named = (word.starts_with("--") && is_asked(word) || word.eq_ignore_ascii_case("bearer"))
            && !next.starts_with('-')
            && is_clear(next);
        let short = of_mysql && word.strip_prefix("-p").is_some_and(is_clear);
        if inside || named || short {
            let expected = "a name in `secrets` of a `command` step, which puts it into the program's environment; \
                            elsewhere a program that fetches it by itself";
            let fault = Fault::at(place, format!("`{key}`: a secret is written in clear among the arguments"));
            faults.push(fault.expected(expected));
        }
        let program = word.rsplit('/').next().unwrap_or_default();
        // A script's next program has other arguments.
        of_mysql = !word.contains(['|', ';', '&'])
            && (of_mysql || program.starts_with("mysql") || program.starts_with("mariadb"));
    }
}

/// Whether a program is given a secret under this name. Several take a secret's name, or its file, as `--secret`.
fn is_asked(name: &str) -> bool {
    name != "--secret" && is_secret(name)
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '\''])
}

/// Whether what has this name is usually a secret.
fn is_secret(name: &str) -> bool {
    let name = name.trim_start_matches('-').to_ascii_uppercase().replace('-', "_");
    ENDINGS.iter().any(|ending| name.ends_with(ending)) && !name.contains("PUBLIC") && !name.contains("PUBLISHABLE")
}

/// Whether this is the thing itself: not where it is to be found (a variable, an output, a file), and not a switch.
fn is_clear(value: &str) -> bool {
    let value = unquoted(value);
    value.chars().count() >= SHORTEST
        && !value.starts_with(['$', '/', '~', '`', '<', '{'])
        && !WORDS.contains(&value.to_ascii_lowercase().as_str())
}
