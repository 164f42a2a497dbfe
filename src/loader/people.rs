//! People and approvals: what would be found only at a gate, in the night of the switch.

use super::document::Node;
use super::fault::Fault;
use crate::domain::approval::readable_key;
use crate::domain::runbook::Person;

/// Checks that every key can verify a signature, that a name is one person's, and that each approval can be given.
pub(super) fn check(tree: &Node, faults: &mut Vec<Fault>) {
    let people = tree.get("person").map(Node::items).unwrap_or_default();
    for (number, person) in people.iter().enumerate() {
        name(person, &people[..number], faults);
        key(person, faults);
    }
    let steps = tree.get("step").map(Node::items).unwrap_or_default();
    for step in steps {
        approval(step, people, faults);
    }
}

fn text<'a>(person: &'a Node, word: &str) -> Option<&'a str> {
    person.get(word).and_then(Node::text)
}

/// Drivers and approvers are told apart by their names.
fn name(person: &Node, before: &[Node], faults: &mut Vec<Fault>) {
    let Some(node) = person.get("name") else { return };
    let Some(name) = node.text() else { return };
    if before.iter().filter_map(|other| text(other, "name")).any(|other| Person::is_one(other, name)) {
        let fault = Fault::at(&node.place, format!("there is another person named `{name}`"));
        faults.push(fault.expected("a name of their own, whatever its capitals"));
    }
}

fn key(person: &Node, faults: &mut Vec<Fault>) {
    let Some(node) = person.get("key") else { return };
    let Some(Err(why)) = node.text().map(readable_key) else { return };
    let of = text(person, "name").unwrap_or("this person");
    let fault = Fault::at(&node.place, format!("the SSH public key of {of}: {why}"));
    faults.push(fault.expected("a line of `authorized_keys`: Ed25519, ECDSA P-256 or P-384, RSA, or a security key's"));
}

/// A gate that nobody could open is found before the run.
fn approval(step: &Node, people: &[Node], faults: &mut Vec<Fault>) {
    let role = step.get("gate").and_then(|gate| gate.get("approval")).and_then(|approval| approval.get("role"));
    let Some(node) = role else { return };
    let Some(role) = node.text() else { return };
    // A key that is not read is a fault of its own.
    let able = || people.iter().filter(|person| person.get("key").is_some());
    if able().all(|person| text(person, "role") != Some(role)) {
        let fault = Fault::at(&node.place, format!("nobody with the role `{role}` has a key to approve with"));
        let expected = "the role of a [[person]] who has a key";
        faults.push(fault.expected(expected).among(role, able().filter_map(|person| text(person, "role"))));
    }
}
