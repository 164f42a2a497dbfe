//! How a column travels: what is selected at the source, and how the target takes it.

use crate::services::mysql::quote::identifier;
use crate::services::mysql::table::Column;

/// The way of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carry {
    /// The bytes as they are, in the column's own character set.
    Raw,
    /// FLOAT as DOUBLE: a FLOAT's own text is rounded to six digits.
    Double,
    /// BIT as a number: its bytes would be read as text.
    Number,
    /// JSON as UTF-8: the server refuses binary text for it.
    Json,
}

impl Carry {
    /// The way of this column.
    #[must_use]
    pub fn of(column: &Column) -> Self {
        match column.kind.as_str() {
            "float" => Self::Double,
            "bit" => Self::Number,
            "json" => Self::Json,
            _ => Self::Raw,
        }
    }

    /// The expression in the SELECT list.
    #[must_use]
    pub fn select(self, column: &Column) -> String {
        let name = identifier(&column.name);
        match self {
            Self::Raw | Self::Json => name,
            Self::Double => format!("CAST({name} AS DOUBLE)"),
            Self::Number => format!("{name} + 0"),
        }
    }

    /// What the target makes of `value` (a user variable or a literal); `None` where it is taken directly.
    #[must_use]
    pub fn convert(self, value: &str) -> Option<String> {
        match self {
            Self::Raw | Self::Double => None,
            Self::Number => Some(format!("CAST({value} AS UNSIGNED)")),
            Self::Json => Some(format!("CONVERT({value} USING utf8mb4)")),
        }
    }
}

/// Whether an empty text in this column is the error value of an ENUM (index 0) and not one of its members.
#[must_use]
pub fn empty_is_an_error(column: &Column) -> bool {
    column.kind == "enum"
        && !column.full_type.contains("('',")
        && !column.full_type.contains(",'',")
        && !column.full_type.ends_with(",'')")
        && column.full_type != "enum('')"
}
