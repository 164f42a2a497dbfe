//! The filter of the channel on a server of one's own: only the moved schemas come in.
//!
//! GRANTs, the platform's own writes and everything else the other server does are in its binlog too; what
//! is skipped still counts in the GTID set. The filter lives in memory: a restart forgets it, which is why
//! `skip_replica_start` is persisted first and whoever restarts the channel sets the filter before.

use crate::services::Result;
use crate::services::mysql::{Session, literal};

use super::{Manner, pattern_of_all, status};

/// The patterns that let in every table of these schemas and of no other, sorted.
pub fn patterns(schemas: &[String]) -> Vec<String> {
    let mut patterns: Vec<String> = schemas.iter().map(|schema| pattern_of_all(schema)).collect();
    patterns.sort_unstable();
    patterns
}

/// Sets the filter (no schemas: none at all) and reads it back. The applier must stand.
pub async fn set_filter(session: &mut Session, schemas: &[String]) -> Result<()> {
    let doing = "set the channel's filter";
    if Manner::of(session).await?.managed() {
        return Err(session.refuse(doing, "a managed server's filters stand in its parameter group"));
    }
    if let Some(schema) = schemas.iter().find(|schema| schema.contains(',')) {
        return Err(session.refuse(doing, format!("{schema:?} has a comma in its name, which a filter cannot hold")));
    }
    let wanted = patterns(schemas);
    if let Some(channel) = status(session).await?
        && channel.applier.is_on()
    {
        let in_force = channel.filter == wanted;
        return if in_force { Ok(()) } else { Err(session.refuse(doing, "the applier is running")) };
    }
    let listed = wanted.iter().map(|pattern| literal(pattern)).collect::<Vec<_>>().join(", ");
    session.run(doing, &format!("CHANGE REPLICATION FILTER REPLICATE_WILD_DO_TABLE = ({listed})")).await?;
    let query = "SELECT filter_rule FROM performance_schema.replication_applier_global_filters \
                 WHERE filter_name = 'REPLICATE_WILD_DO_TABLE'";
    let set: Option<String> = session.first(doing, query).await?;
    let mut held: Vec<String> =
        set.unwrap_or_default().split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    held.sort_unstable();
    if let Some(channel) = status(session).await? {
        held.clone_from(&channel.filter);
    }
    if held == wanted {
        return Ok(());
    }
    Err(session.refuse(doing, format!("read back: {}; wanted: {}", held.join(", "), wanted.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::patterns;

    #[test]
    fn a_schema_lets_in_only_itself() {
        assert_eq!(patterns(&["shop_eu".to_owned(), "a".to_owned()]), ["a.%", "shop\\_eu.%"]);
    }
}
