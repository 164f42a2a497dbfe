//! GTID sets against a model that holds every transaction by itself.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{GtidSet, Interval, Origin};

const ONE: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const TWO: &str = "726757ad-4455-11e8-ae04-0242ac110002";

fn set(text: &str) -> GtidSet {
    text.parse().unwrap()
}

#[test]
fn reads_what_a_server_shows_with_its_line_breaks() {
    let shown = format!("{}:1-5:7,\n{TWO}:1", ONE.to_uppercase());
    assert_eq!(set(&shown).to_string(), format!("{ONE}:1-5:7,{TWO}:1"));
    assert_eq!(set(&shown).count(), 7);
    assert_eq!(set("\n").count(), 0);
}

#[test]
fn touching_and_overlapping_intervals_become_one() {
    assert_eq!(set(&format!("{ONE}:3-4:1-2:4-9")), set(&format!("{ONE}:1-9")));
    assert_eq!(set(&format!("{ONE}:1,{ONE}:2")).to_string(), format!("{ONE}:1-2"));
}

#[test]
fn tagged_transactions_are_apart_from_untagged_ones_of_the_same_server() {
    let tagged = set(&format!("{ONE}:1-3:Load:1-2:9:job_2:4,{TWO}:1"));
    assert_eq!(tagged.to_string(), format!("{ONE}:1-3:job_2:4:load:1-2:9,{TWO}:1"));
    assert_eq!(tagged.first_tagged().and_then(|origin| origin.tag.as_deref()), Some("job_2"));
    assert_eq!(tagged.subtract(&set(&format!("{ONE}:1-9"))).count(), 5);
    assert!(set(&format!("{ONE}:1-3")).first_tagged().is_none());
}

#[test]
fn nothing_that_is_not_understood_is_taken() {
    for text in [
        "x:1",
        ONE,
        &format!("{ONE}:"),
        &format!("{ONE}:0"),
        &format!("{ONE}:5-3"),
        &format!("{ONE}:1-+3"),
        &format!("{ONE}:tag"),
        &format!("{ONE}:1:tag"),
        &format!("{ONE}:tag:other:1"),
        &format!("{ONE}:9223372036854775807"),
        &format!("{ONE}:1;{TWO}:1"),
    ] {
        assert!(text.parse::<GtidSet>().is_err(), "{text}");
    }
}

#[test]
fn one_servers_part_is_found_whatever_the_case_of_its_uuid() {
    let both = set(&format!("{ONE}:1-5,{TWO}:3"));
    assert_eq!(both.of_server(&TWO.to_uppercase()), set(&format!("{TWO}:3")));
}

/// Every transaction by itself, over two servers and one tag.
type Model = BTreeSet<(usize, u64)>;

fn origins() -> [Origin; 3] {
    let origin = |uuid: &str, tag: Option<&str>| Origin { uuid: uuid.to_owned(), tag: tag.map(str::to_owned) };
    [origin(ONE, None), origin(ONE, Some("t")), origin(TWO, None)]
}

fn of_model(model: &Model) -> GtidSet {
    let mut set = GtidSet::empty();
    for (which, number) in model {
        set.insert(origins()[*which].clone(), Interval::new(*number, *number).unwrap());
    }
    set
}

fn models() -> impl Strategy<Value = Model> {
    proptest::collection::btree_set((0..3_usize, 1..40_u64), 0..60)
}

proptest! {
    #[test]
    fn behaves_as_a_set_of_transactions(a in models(), b in models()) {
        let (left, right) = (of_model(&a), of_model(&b));
        prop_assert_eq!(left.union(&right), of_model(&(&a | &b)));
        prop_assert_eq!(left.subtract(&right), of_model(&(&a - &b)));
        prop_assert_eq!(left.intersect(&right), of_model(&(&a & &b)));
        prop_assert_eq!(left.contains(&right), a.is_superset(&b));
        prop_assert_eq!(left == right, a == b);
        prop_assert_eq!(left.count(), a.len() as u64);
    }

    #[test]
    fn is_read_back_as_it_was_written(a in models()) {
        let set = of_model(&a);
        prop_assert_eq!(&set.to_string().parse::<GtidSet>().unwrap(), &set);
        let json = serde_json::to_string(&set).unwrap();
        prop_assert_eq!(serde_json::from_str::<GtidSet>(&json).unwrap(), set);
    }

    #[test]
    fn never_panics_on_a_text(text in "[0-9a-f:,_ \\-]{0,60}") {
        let _ = text.parse::<GtidSet>();
    }
}
