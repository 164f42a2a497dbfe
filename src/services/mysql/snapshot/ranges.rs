//! Parting a table's rows among readers by arithmetic on the first column of its primary key.

use std::fmt;

use crate::services::Result;
use crate::services::mysql::quote::identifier;
use crate::services::mysql::session::Session;
use crate::services::mysql::table::Table;

/// A part of a table's rows; the parts of a table hold every row once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    column: Option<String>,
    from: Option<i128>,
    below: Option<i128>,
}

impl Range {
    /// Every row.
    #[must_use]
    pub const fn whole() -> Self {
        Self { column: None, from: None, below: None }
    }
}

/// The `WHERE` clause.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(column) = &self.column else { return f.write_str("TRUE") };
        match (self.from, self.below) {
            (None, None) => f.write_str("TRUE"),
            (Some(from), None) => write!(f, "{column} >= {from}"),
            (None, Some(below)) => write!(f, "{column} < {below}"),
            (Some(from), Some(below)) => write!(f, "{column} >= {from} AND {column} < {below}"),
        }
    }
}

/// Parts a table into about `parts` ranges. The first and the last are open-ended, so that they hold every
/// row also where another server's keys reach further.
pub async fn part(session: &mut Session, table: &Table, parts: u64) -> Result<Vec<Range>> {
    let Some(key) = table.integer_key().filter(|_| parts > 1) else { return Ok(vec![Range::whole()]) };
    let column = identifier(&key.name);
    let sql = format!("SELECT MIN({column}), MAX({column}) FROM {}", table.sql());
    let (least, most): (Option<i128>, Option<i128>) = session
        .one::<(Option<String>, Option<String>)>(&format!("part {}", table.plain()), &sql)
        .await
        .map(|(least, most)| (number(least), number(most)))?;
    Ok(match (least, most) {
        (Some(least), Some(most)) => split(&column, least, most, i128::from(parts)),
        _ => vec![Range::whole()],
    })
}

fn number(text: Option<String>) -> Option<i128> {
    text.and_then(|text| text.parse().ok())
}

fn split(column: &str, least: i128, most: i128, parts: i128) -> Vec<Range> {
    let parts = parts.min(most - least + 1).max(1);
    let bounds: Vec<i128> = (1..parts).map(|n| least + (most - least + 1) * n / parts).collect();
    let from = std::iter::once(None).chain(bounds.iter().copied().map(Some));
    let below = bounds.iter().copied().map(Some).chain(std::iter::once(None));
    from.zip(below).map(|(from, below)| Range { column: Some(column.to_owned()), from, below }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_key_is_in_one_part(least in -1000i128..1000, width in 0i128..500, parts in 1i128..40, key in -3000i128..3000) {
            let ranges = split("`id`", least, least + width, parts);
            let holds = |range: &Range| range.from.is_none_or(|from| key >= from) && range.below.is_none_or(|below| key < below);
            prop_assert_eq!(ranges.iter().filter(|range| holds(range)).count(), 1);
        }
    }

    #[test]
    fn the_ends_are_open() {
        let clauses: Vec<_> = split("`id`", 1, 100, 3).iter().map(ToString::to_string).collect();
        assert_eq!(clauses, ["`id` < 34", "`id` >= 34 AND `id` < 67", "`id` >= 67"]);
    }
}
