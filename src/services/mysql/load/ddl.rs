//! Taking a table's statement apart: what has to be there before the rows, and what is cheaper after them.

/// A `CREATE TABLE` in three parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The table with its columns, primary key, and whatever key an AUTO_INCREMENT column needs.
    pub create: String,
    /// Secondary indexes as `ADD ...` clauses, with the index's name.
    pub indexes: Vec<(String, String)>,
    /// Foreign keys as `ADD CONSTRAINT ...` clauses, with the constraint's name.
    pub foreign_keys: Vec<(String, String)>,
}

/// Takes the text of `SHOW CREATE TABLE` apart: it gives every column, key and constraint a line of its own.
#[must_use]
pub fn take_apart(statement: &str) -> Parts {
    let lines: Vec<&str> = statement.split('\n').collect();
    let end = lines.iter().rposition(|line| line.starts_with(") ") || *line == ")").unwrap_or(lines.len() - 1);
    let clustered = lines.iter().any(|line| line.starts_with("  PRIMARY KEY"));
    let counter =
        lines.iter().find(|line| line.starts_with("  `") && line.contains(" AUTO_INCREMENT")).map(|line| name(line));
    let counter_in_primary = counter
        .is_some_and(|counter| lines.iter().any(|line| line.starts_with(&format!("  PRIMARY KEY (`{counter}`"))));
    let mut parts = Parts { create: String::new(), indexes: Vec::new(), foreign_keys: Vec::new() };
    let mut kept: Vec<&str> = Vec::new();
    let mut counter_has_key = counter.is_none() || counter_in_primary;
    for line in &lines[1..end] {
        let clause = line.trim_start().trim_end_matches(',');
        let is_key =
            ["KEY `", "UNIQUE KEY `", "FULLTEXT KEY `", "SPATIAL KEY `"].iter().any(|start| clause.starts_with(start));
        if clause.starts_with("CONSTRAINT `") && clause.contains(" FOREIGN KEY (") {
            parts.foreign_keys.push((name(clause).to_owned(), format!("ADD {clause}")));
        } else if is_key {
            // Without a primary key the first unique one may be what the rows are kept by.
            let unique_clusters = !clustered && clause.starts_with("UNIQUE");
            let feeds_counter =
                !counter_has_key && counter.is_some_and(|counter| clause.contains(&format!(" (`{counter}`")));
            if unique_clusters || feeds_counter {
                counter_has_key |= feeds_counter;
                kept.push(clause);
            } else {
                parts.indexes.push((name(clause).to_owned(), format!("ADD {clause}")));
            }
        } else {
            kept.push(line.trim_end_matches(','));
        }
    }
    parts.create = format!("{}\n{}\n{}", lines[0], kept.join(",\n"), lines[end..].join("\n"));
    parts
}

/// The first quoted name.
fn name(line: &str) -> &str {
    line.split('`').nth(1).unwrap_or_default()
}

/// A statement without its `DEFINER=...`: who runs it becomes who made it. An account that is not there, or
/// not the admin's own, is refused on a managed server (1227).
#[must_use]
pub fn without_definer(statement: &str) -> String {
    let Some(at) = statement.find(" DEFINER=") else { return statement.to_owned() };
    let tail = &statement[at + " DEFINER=".len()..];
    let mut quoted = false;
    let end = tail.find(|c: char| {
        quoted ^= c == '`';
        c == ' ' && !quoted
    });
    format!("{}{}", &statement[..at], end.map_or("", |end| &tail[end..]))
}

/// An event's statement that makes it disabled, whatever it was.
#[must_use]
pub fn disabled(statement: &str) -> String {
    // The first is the event's own; its body may speak of others.
    let clauses = [" ON COMPLETION NOT PRESERVE ", " ON COMPLETION PRESERVE "];
    let first = clauses.into_iter().filter_map(|clause| Some((statement.find(clause)?, clause))).min();
    let Some((at, clause)) = first else { return statement.to_owned() };
    let (head, tail) = statement.split_at(at + clause.len());
    for status in ["ENABLE", "DISABLE ON SLAVE", "DISABLE ON REPLICA", "DISABLE"] {
        if let Some(rest) = tail.strip_prefix(status) {
            return format!("{head}DISABLE{rest}");
        }
    }
    statement.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "CREATE TABLE `orders` (\n  `id` bigint NOT NULL,\n  `n` int NOT NULL AUTO_INCREMENT,\n  `note` text,\n  PRIMARY KEY (`id`),\n  KEY `by_n` (`n`),\n  KEY `by_note` (`note`(20)),\n  FULLTEXT KEY `words` (`note`),\n  CONSTRAINT `up` FOREIGN KEY (`n`) REFERENCES `orders` (`n`),\n  CONSTRAINT `some` CHECK ((`n` > 0))\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4";

    #[test]
    fn the_counters_key_and_checks_stay_and_the_rest_comes_later() {
        let parts = take_apart(SHOWN);
        assert!(
            parts.create.contains("KEY `by_n` (`n`)") && parts.create.contains("CHECK") && parts.create.contains("=7 ")
        );
        assert!(!parts.create.contains("FOREIGN") && !parts.create.contains("words"));
        assert_eq!(parts.indexes.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["by_note", "words"]);
        assert_eq!(parts.foreign_keys[0].1, "ADD CONSTRAINT `up` FOREIGN KEY (`n`) REFERENCES `orders` (`n`)");
    }

    #[test]
    fn a_definer_goes_whatever_is_in_its_name() {
        assert_eq!(without_definer("CREATE DEFINER=`a b`@`%` TRIGGER `x` DEFINER=1"), "CREATE TRIGGER `x` DEFINER=1");
        assert_eq!(
            without_definer("CREATE ALGORITHM=UNDEFINED DEFINER=`r`@`h` SQL SECURITY DEFINER VIEW `v` AS select 1"),
            "CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` AS select 1"
        );
    }

    #[test]
    fn an_event_is_made_disabled() {
        let shown =
            "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE ENABLE COMMENT 'x' DO select 1";
        assert!(disabled(shown).contains("NOT PRESERVE DISABLE COMMENT"));
        let makes_another = "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE ENABLE DO \
                             call run('ALTER EVENT f ON COMPLETION NOT PRESERVE ENABLE')";
        assert!(disabled(makes_another).contains("COMPLETION PRESERVE DISABLE DO"), "{}", disabled(makes_another));
        assert!(disabled(makes_another).ends_with("NOT PRESERVE ENABLE')"));
    }
}
