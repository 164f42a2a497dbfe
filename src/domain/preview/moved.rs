//! What is not the same in a later look at a step: for a driver whose word was for the earlier one.

use super::{Change, Preview, Verb};

impl Preview {
    /// What the digest covers and is not as in `before`, a line each; empty where the word given still holds.
    pub fn moved_since(&self, before: &Self) -> Vec<String> {
        let mut lines = pairs("at ", &before.identities, &self.identities);
        lines.extend(changes(&before.changes, &self.changes));
        lines.extend(pairs("with ", &before.settings, &self.settings));
        if before.undo != self.undo {
            lines.push(format!("way back: was {}; is {}", before.undo, self.undo));
        }
        lines.extend(
            self.accepts.iter().filter(|risk| !before.accepts.contains(risk)).map(|risk| format!("new RISK {risk}")),
        );
        lines.extend(
            before
                .accepts
                .iter()
                .filter(|risk| !self.accepts.contains(risk))
                .map(|risk| format!("no risk any more: {}", risk.what)),
        );
        lines
    }
}

/// Named values: what is new, gone, or another now.
fn pairs(word: &str, before: &[(String, String)], now: &[(String, String)]) -> Vec<String> {
    let value = |of: &[(String, String)], name: &str| {
        of.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let differs = now.iter().filter_map(|(name, is)| match value(before, name) {
        None => Some(format!("{word}{name}: new, {is}")),
        Some(was) if was != *is => Some(format!("{word}{name}: was {was}, is {is}")),
        Some(_) => None,
    });
    let gone = before.iter().filter(|(name, _)| value(now, name).is_none());
    differs.chain(gone.map(|(name, was)| format!("{word}{name}: gone, was {was}"))).collect()
}

/// What would happen to objects: by object, with the lines of its detail that are not the same.
fn changes(before: &[Change], now: &[Change]) -> Vec<String> {
    let mut lines = Vec::new();
    for change in now {
        let Some(was) = before.iter().find(|was| was.object == change.object) else {
            lines.push(format!("{} {}: was not there", sign(change.verb), change.object));
            continue;
        };
        if was == change {
            continue;
        }
        let before = if was.verb == change.verb { String::new() } else { format!(" was {}", sign(was.verb)) };
        lines.push(format!("{} {}:{before}", sign(change.verb), change.object));
        lines.extend(
            was.detail.iter().filter(|line| !change.detail.contains(line)).map(|line| format!("    was {line}")),
        );
        lines.extend(
            change.detail.iter().filter(|line| !was.detail.contains(line)).map(|line| format!("    is  {line}")),
        );
    }
    let gone = before.iter().filter(|was| now.iter().all(|change| change.object != was.object));
    lines.extend(gone.map(|was| format!("{} {}: no more", sign(was.verb), was.object)));
    lines
}

const fn sign(verb: Verb) -> char {
    match verb {
        Verb::Create => '+',
        Verb::Change => '~',
        Verb::Remove => '-',
        Verb::Keep => '=',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_named_and_what_may_move_is_not() {
        let mut before = Preview::undone_by("the exact sets");
        before.identity("hosted zone", "Z1").setting("TTL", "60 s").figure("lag", "0 s");
        before.change(Verb::Change, "record app A", vec!["found: 10.0.0.1".to_owned(), "written: alias".to_owned()]);
        before.change(Verb::Create, "pod", vec![]);
        assert_eq!(before.moved_since(&before.clone()), [""; 0]);

        let mut now = Preview::undone_by("the exact sets");
        now.identity("hosted zone", "Z1").setting("TTL", "30 s").figure("lag", "9 s");
        now.change(Verb::Change, "record app A", vec!["found: 10.0.0.9".to_owned(), "written: alias".to_owned()]);
        now.change(Verb::Keep, "secret", vec![]);
        let moved = now.moved_since(&before);
        let wanted = [
            "~ record app A:",
            "    was found: 10.0.0.1",
            "    is  found: 10.0.0.9",
            "= secret: was not there",
            "+ pod: no more",
            "with TTL: was 60 s, is 30 s",
        ];
        assert_eq!(moved, wanted);
        assert_eq!(moved.is_empty(), before.digest() == now.digest());
    }
}
