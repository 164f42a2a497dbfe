//! The comparison itself. Pure.

use serde::{Deserialize, Serialize};

use super::database::Counts;
use super::records::Records;
use crate::lab::traffic::attempt::Outcome;

/// What became of the writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Acknowledged and in the serving database.
    pub kept: u64,
    /// Acknowledged and not in the serving database.
    pub lost: u64,
    /// Of the lost, those in the other database only; absent where that was not read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lost_but_in_the_other: Option<u64>,
    /// Ids with more than one row in either database, whoever wrote them.
    pub duplicated: u64,
    /// Answer lost, and the write is in the serving database.
    pub unknown_present: u64,
    /// Answer lost, and the write is not there.
    pub unknown_absent: u64,
    /// Refused, and a row in either database all the same: the service promised that there is none. Absent
    /// where only one of them was read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused_but_present: Option<u64>,
    /// Ids in the serving database that no client of ours recorded: a probe's, or an attempt cut off
    /// with the traffic's own process.
    pub foreign: u64,
}

/// Holds what the clients saw against what the databases hold.
pub fn compare(records: &Records, serving: &Counts, other: Option<&Counts>) -> Tally {
    let elsewhere = |id: &String| other.is_some_and(|other| other.contains_key(id));
    let both = other.map(|_| 0);
    let mut tally = Tally { lost_but_in_the_other: both, refused_but_present: both, ..Tally::default() };
    for (id, outcome) in &records.writes {
        let here = serving.contains_key(id);
        match outcome {
            Outcome::Acknowledged if here => tally.kept += 1,
            Outcome::Acknowledged => {
                tally.lost += 1;
                if let Some(count) = tally.lost_but_in_the_other.as_mut() {
                    *count += u64::from(elsewhere(id));
                }
            }
            Outcome::Unknown if here => tally.unknown_present += 1,
            Outcome::Unknown => tally.unknown_absent += 1,
            Outcome::Refused => {
                if let Some(count) = tally.refused_but_present.as_mut() {
                    *count += u64::from(here || elsewhere(id));
                }
            }
        }
    }
    let twice = |counts: &Counts, id: &String| counts.get(id).is_some_and(|rows| *rows > 1);
    let here = serving.iter().filter(|(_, rows)| **rows > 1).count();
    let only_there =
        other.map_or(0, |other| other.iter().filter(|(id, rows)| **rows > 1 && !twice(serving, id)).count());
    tally.duplicated = (here + only_there) as u64;
    tally.foreign = serving.keys().filter(|id| !records.writes.contains_key(*id)).count() as u64;
    tally
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn records(writes: &[(&str, Outcome)]) -> Records {
        Records {
            writes: writes.iter().map(|(id, outcome)| ((*id).to_owned(), *outcome)).collect(),
            ..Records::default()
        }
    }

    fn counts(rows: &[(&str, u64)]) -> Counts {
        rows.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect()
    }

    #[test]
    fn every_way_a_write_can_end() {
        use Outcome::{Acknowledged, Refused, Unknown};
        let seen = records(&[
            ("kept", Acknowledged),
            ("twice", Acknowledged),
            ("gone", Acknowledged),
            ("left behind", Acknowledged),
            ("maybe yes", Unknown),
            ("maybe no", Unknown),
            ("no", Refused),
            ("no but yes", Refused),
        ]);
        let serving = counts(&[("kept", 1), ("twice", 2), ("maybe yes", 1), ("no but yes", 1), ("probe", 1)]);
        let tally = compare(&seen, &serving, Some(&counts(&[("kept", 1), ("left behind", 1), ("old pair", 2)])));
        let expected = Tally {
            kept: 2,
            lost: 2,
            lost_but_in_the_other: Some(1),
            duplicated: 2,
            unknown_present: 1,
            unknown_absent: 1,
            refused_but_present: Some(1),
            foreign: 1,
        };
        assert_eq!(tally, expected);
    }

    #[test]
    fn what_was_not_read_is_not_said() {
        let tally = compare(&records(&[("gone", Outcome::Acknowledged)]), &Counts::new(), None);
        assert_eq!((tally.lost, tally.lost_but_in_the_other, tally.refused_but_present), (1, None, None));
    }

    proptest! {
        #[test]
        fn every_acknowledged_write_is_kept_or_lost(present in prop::collection::vec(any::<bool>(), 0..50)) {
            let ids: Vec<String> = (0..present.len()).map(|n| n.to_string()).collect();
            let seen: Vec<_> = ids.iter().map(|id| (id.as_str(), Outcome::Acknowledged)).collect();
            let rows: Vec<_> = ids.iter().zip(&present).filter(|(_, here)| **here).map(|(id, _)| (id.as_str(), 1)).collect();
            let tally = compare(&records(&seen), &counts(&rows), None);
            prop_assert_eq!(tally.kept, rows.len() as u64);
            prop_assert_eq!(tally.kept + tally.lost, present.len() as u64);
        }
    }
}
