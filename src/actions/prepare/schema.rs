//! The shape of the moved schemas in one line: the switch tells by it whether they changed since.

use sha2::{Digest as _, Sha256};

use crate::actions::Result;
use crate::services::mysql::{Session, literals};

/// A digest of the tables, columns, indexes and routines of these schemas.
pub(in crate::actions) async fn schema_digest(session: &mut Session, schemas: &[String]) -> Result<String> {
    let named = literals(schemas);
    let queries = [
        format!(
            "SELECT CONCAT_WS('|', table_schema, table_name, ordinal_position, column_name, column_type, is_nullable, \
             QUOTE(column_default), extra, collation_name, generation_expression) FROM information_schema.columns \
             WHERE table_schema IN ({named}) ORDER BY table_schema, table_name, ordinal_position"
        ),
        format!(
            "SELECT CONCAT_WS('|', table_schema, table_name, index_name, seq_in_index, column_name, non_unique, sub_part) \
             FROM information_schema.statistics WHERE table_schema IN ({named}) \
             ORDER BY table_schema, table_name, index_name, seq_in_index"
        ),
        format!(
            "SELECT CONCAT_WS('|', routine_schema, routine_name, routine_type, SHA2(routine_definition, 256)) \
             FROM information_schema.routines WHERE routine_schema IN ({named}) ORDER BY routine_schema, routine_name"
        ),
    ];
    let mut digest = Sha256::new();
    for query in queries {
        for line in session.query::<Option<String>>("read the schema", &query).await? {
            digest.update(line.unwrap_or_default());
            digest.update([0]);
        }
    }
    Ok(hex::encode(digest.finalize()))
}
