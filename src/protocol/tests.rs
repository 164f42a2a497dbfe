//! The document is the protocol: each of its examples is read into the types, and written again the same.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::order::{Answered, Message, Order};
use crate::domain::Failure;
use crate::domain::approval::Approval;

const DOCUMENT: &str = include_str!("../../assets/protocol.md");

/// The examples of a kind: the blocks after ```` ```json KIND ````.
fn examples(kind: &str) -> impl Iterator<Item = &'static str> {
    let kind = format!("{kind}\n");
    let blocks = DOCUMENT.split("```json ").skip(1);
    blocks.filter_map(move |block| block.strip_prefix(&kind)?.split_once("\n```").map(|(example, _)| example))
}

fn read_and_written_again<T: DeserializeOwned + Serialize>(kind: &str) -> Vec<Value> {
    let same = |example: &str| {
        let value: Value = serde_json::from_str(example).unwrap();
        let read: T = serde_json::from_value(value.clone()).unwrap_or_else(|why| panic!("{example}: {why}"));
        let written = serde_json::to_value(&read).unwrap();
        for (key, told) in value.as_object().unwrap() {
            assert_eq!(written.get(key), Some(told), "`{key}` of {example} is not known");
        }
        value
    };
    examples(kind).map(same).collect()
}

#[test]
fn every_example_of_the_document_is_of_the_protocol() {
    let orders = read_and_written_again::<Order>("order");
    let verbs: BTreeSet<_> = orders.iter().map(|order| order["verb"].as_str().unwrap()).collect();
    assert_eq!(verbs.len(), 11, "each verb has an example: {verbs:?}");
    assert_eq!(read_and_written_again::<Message>("message").len(), 3);
    assert_eq!(read_and_written_again::<Approval>("approval").len(), 1);
    assert_eq!(read_and_written_again::<Failure>("failure").len(), 1);
    assert_eq!(read_and_written_again::<Answered>("answered").len(), 1);
}
