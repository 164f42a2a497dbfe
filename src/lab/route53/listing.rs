//! The order of a zone's sets, and one page of them.

use std::collections::HashMap;

use crate::services::route53::{RecordSet, canonical_name};

/// No page is longer.
const MOST: usize = 300;

/// From where on a client wants to read, and how much.
#[derive(Debug)]
pub struct Start {
    name: Option<String>,
    kind: Option<String>,
    identifier: Option<String>,
    /// At most so many sets.
    pub most: usize,
}

impl Start {
    /// Reads the query; the error is the message of an `InvalidInput`.
    pub fn read(query: &HashMap<String, String>) -> Result<Self, String> {
        let start = Self {
            name: query.get("name").map(|name| canonical_name(name)),
            kind: query.get("type").cloned(),
            identifier: query.get("identifier").cloned(),
            most: match query.get("maxitems").map(|text| text.parse::<usize>()) {
                None => MOST,
                Some(Ok(most)) if most > 0 => most.min(MOST),
                Some(_) => return Err("MaxItems is a count from 1 to 300".to_owned()),
            },
        };
        if start.kind.is_some() && start.name.is_none() {
            return Err("Invalid request: a type needs a name".to_owned());
        }
        if start.identifier.is_some() && start.kind.is_none() {
            return Err("Invalid request: an identifier needs a name and a type".to_owned());
        }
        Ok(start)
    }

    fn key(&self) -> Key {
        let name = self.name.as_deref().map(reversed).unwrap_or_default();
        (name, self.kind.clone().unwrap_or_default(), self.identifier.clone().unwrap_or_default())
    }
}

type Key = (Vec<String>, String, String);

/// A name's labels from the root down: the service's order of names.
pub fn reversed(name: &str) -> Vec<String> {
    name.trim_end_matches('.').split('.').rev().map(|label| label.replace('*', "\\052")).collect()
}

fn key(set: &RecordSet) -> Key {
    (reversed(&set.name), set.kind.as_str().to_owned(), set.set_identifier.clone().unwrap_or_default())
}

/// The sets from `start` on, and the first one of the next page.
pub fn page<'a>(sets: &'a [RecordSet], start: &Start) -> (Vec<&'a RecordSet>, Option<&'a RecordSet>) {
    let first = start.key();
    let mut sorted: Vec<&RecordSet> = sets.iter().filter(|set| key(set) >= first).collect();
    sorted.sort_by_cached_key(|set| key(set));
    let next = sorted.get(start.most).copied();
    sorted.truncate(start.most);
    (sorted, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::route53::RecordKind;

    #[test]
    fn names_are_ordered_from_the_root_down_and_pages_follow_each_other() {
        let set = |name: &str| RecordSet::simple(name, RecordKind::A, 1, ["10.0.0.1"]);
        let sets = [set("b.x"), set("z.a.x"), set("x"), set("a.x")];
        let mut query = HashMap::from([("maxitems".to_owned(), "3".to_owned())]);
        let (first, next) = page(&sets, &Start::read(&query).unwrap());
        assert_eq!(first.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["x.", "a.x.", "z.a.x."]);
        query.insert("name".to_owned(), next.unwrap().name.clone());
        let (second, end) = page(&sets, &Start::read(&query).unwrap());
        assert_eq!((second.len(), end), (1, None));
    }
}
