//! The snapshot's schemas as SQL for the trial's server: tables first, then what looks at them.

use std::path::PathBuf;

use crate::actions::{Reading, Result};
use crate::domain::runbook::inputs::Containerise;
use crate::domain::{Failure, StepId};
use crate::services::mysql::identifier;
use crate::services::mysql::load::ddl::without_definer;
use crate::services::mysql::snapshot::Manifest;

/// Schemas without their rows.
pub(super) struct Schemas {
    /// The schema in the backend's URL: the first of those that move.
    pub(super) first: String,
    /// Statements that make the databases.
    pub(super) databases: String,
    /// Statements that make the tables, in every schema.
    pub(super) tables: String,
    /// Statements that make the views; given more than once, because views look at views.
    pub(super) views: String,
    /// How many tables.
    pub(super) count: usize,
}

/// What the snapshot of the step named in the inputs holds.
pub(super) fn of_snapshot(inputs: &Containerise, cx: &Reading) -> Result<Schemas> {
    let step = StepId::from(inputs.snapshot.as_str());
    let directory = cx.output(&step, "directory")?;
    let directory = PathBuf::from(directory.as_str().unwrap_or_default());
    let manifest = Manifest::read(&directory)?;
    let wanted = cx.connections().source.as_ref().and_then(|source| source.schemas.first());
    let schema = wanted.or_else(|| manifest.schemas.first().map(|schema| &schema.name)).cloned();
    let none = || Failure::permanent(format!("the snapshot in {} holds no schema", directory.display()));
    let mut made = Schemas {
        first: schema.ok_or_else(none)?,
        databases: String::new(),
        // Foreign keys point at tables that come later.
        tables: "SET foreign_key_checks = 0;\n".to_owned(),
        views: String::new(),
        count: 0,
    };
    for schema in &manifest.schemas {
        let name = identifier(&schema.name);
        let create = ["CREATE DATABASE ", &name, " CHARACTER SET ", &schema.charset, " COLLATE ", &schema.collation];
        made.databases.extend(create.into_iter().chain([";\n"]));
        made.tables.extend(["USE ", &name, ";\n"]);
        made.views.extend(["USE ", &name, ";\n"]);
        for table in &schema.tables {
            made.tables.extend([&table.statement, ";\n"]);
            made.count += 1;
        }
        for view in &schema.views {
            let statement = without_definer(&view.statement).replacen("CREATE ", "CREATE OR REPLACE ", 1);
            made.views.extend([&statement, ";\n"]);
        }
    }
    made.views = made.views.repeat(3);
    Ok(made)
}
