//! Names and values inside SQL text, for sessions whose `sql_mode` is ours (no `NO_BACKSLASH_ESCAPES`).

/// A quoted name: reserved words, spaces and backticks in it do no harm.
#[must_use]
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A table's quoted name with its schema.
#[must_use]
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// A string literal.
#[must_use]
pub fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// String literals with commas between, for `IN (...)`.
#[must_use]
pub fn literals<S: AsRef<str>>(texts: &[S]) -> String {
    texts.iter().map(|text| literal(text.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_name_or_a_literal_is_doubled() {
        assert_eq!(identifier("a`b"), "`a``b`");
        assert_eq!(literal(r"it's \N"), r"'it''s \\N'");
        assert_eq!(literals(&["a", "b'"]), "'a', 'b'''");
    }
}
