use std::fs;

use super::*;
use crate::domain::event::Holder;
use crate::domain::{RunId, StepId};

fn log(line: &str) -> Event {
    Event::Log { step: StepId::from("push"), attempt: 1, line: line.to_owned() }
}

fn created() -> Event {
    Event::RunCreated {
        run: RunId("shop-1".to_owned()),
        runbook: "rev3.toml".to_owned(),
        environment: "lab".to_owned(),
        digest: String::new(),
        by: lock::myself(),
    }
}

#[test]
fn what_was_appended_is_read_again_by_another() {
    let directory = tempfile::tempdir().unwrap();
    let lock = Lock::take(directory.path(), false).unwrap();
    let mut journal = Journal::open(directory.path(), &lock).unwrap();
    let written =
        [journal.append(Timestamp::now(), created()).unwrap(), journal.append(Timestamp::now(), log("a")).unwrap()];
    let reader = Journal::read(directory.path()).unwrap();
    assert_eq!(reader.events_after(0).unwrap(), written);
    assert_eq!(reader.events_after(1).unwrap(), written[1..]);
}

#[test]
fn history_cannot_be_changed_with_another_tool() {
    let directory = tempfile::tempdir().unwrap();
    let lock = Lock::take(directory.path(), false).unwrap();
    let mut journal = Journal::open(directory.path(), &lock).unwrap();
    journal.append(Timestamp::now(), log("a")).unwrap();
    let tool = Connection::open(directory.path().join(FILE)).unwrap();
    for sql in ["DELETE FROM events", "UPDATE events SET event = '{}'"] {
        assert!(tool.execute(sql, []).unwrap_err().to_string().contains("append-only"));
    }
}

#[test]
fn a_damaged_journal_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let lock = Lock::take(directory.path(), false).unwrap();
    let mut journal = Journal::open(directory.path(), &lock).unwrap();
    for n in 0..400 {
        journal.append(Timestamp::now(), log(&format!("line {n} {}", "x".repeat(100)))).unwrap();
    }
    drop(journal); // The last connection folds the WAL into the file.
    let path = directory.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Journal::open(directory.path(), &lock), Err(JournalError::Damaged(..) | JournalError::Sqlite(_))));
}

#[test]
fn an_event_of_a_later_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let lock = Lock::take(directory.path(), false).unwrap();
    let journal = Journal::open(directory.path(), &lock).unwrap();
    journal
        .connection
        .execute("INSERT INTO events VALUES (1, ?1, '{\"event\":\"teleported\"}')", [Timestamp::now().to_string()])
        .unwrap();
    assert!(matches!(journal.events_after(0), Err(JournalError::Event(1, _))));
}

#[test]
fn a_foreign_file_and_another_format_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let lock = Lock::take(directory.path(), false).unwrap();
    drop(Journal::open(directory.path(), &lock).unwrap());
    let tool = Connection::open(directory.path().join(FILE)).unwrap();
    tool.execute("UPDATE meta SET value = '2' WHERE key = 'format'", []).unwrap();
    assert!(matches!(Journal::read(directory.path()), Err(JournalError::Format(_, found)) if found == "2"));
    tool.pragma_update(None, "application_id", 1).unwrap();
    assert!(matches!(Journal::read(directory.path()), Err(JournalError::Foreign(_))));
}

#[test]
fn a_second_engine_is_refused_and_told_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let lock = Lock::take(directory.path(), false).unwrap();
    let error = Lock::take(directory.path(), true).unwrap_err();
    assert!(matches!(error, JournalError::Held(holder) if holder.pid == std::process::id()));
    drop(lock);
    let again = Lock::take(directory.path(), false).unwrap();
    assert!(again.previous().is_none(), "a lock let go in good order names nobody");
}

#[test]
fn a_holder_on_another_host_is_not_presumed_dead() {
    let directory = tempfile::tempdir().unwrap();
    let other = Holder { host: "elsewhere".to_owned(), pid: 1, ..lock::myself() };
    fs::write(directory.path().join(lock::FILE), serde_json::to_string(&other).unwrap()).unwrap();
    assert!(matches!(Lock::take(directory.path(), false), Err(JournalError::Held(holder)) if *holder == other));
    let taken = Lock::take(directory.path(), true).unwrap();
    assert_eq!(taken.previous(), Some(&other));
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let lock = Lock::take(directory.path(), false).unwrap();
    let mut journal = Journal::open(directory.path(), &lock).unwrap();
    journal.connection.pragma_update(None, "query_only", true).unwrap();
    assert!(matches!(journal.append(Timestamp::now(), log("a")), Err(JournalError::Sqlite(_))));
    journal.connection.pragma_update(None, "query_only", false).unwrap();
    assert!(matches!(journal.append(Timestamp::now(), log("b")), Err(JournalError::Failed)));
}
