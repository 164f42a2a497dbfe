//! A snapshot on a bad day, of a real server: somebody changes tables under it, the account may not lock
//! everything, somebody else's statement is in the way, the disk is full. Either it is consistent, or a clear
//! error says what to do and nothing is left behind.

#![allow(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/pair.rs"]
mod pair;
#[path = "support/wire.rs"]
mod wire;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cutover::services::mysql::snapshot::freeze::freeze;
use cutover::services::mysql::snapshot::{self, Listener, Locks, Manifest, Options, Patience};
use cutover::services::mysql::table::read_tables;
use cutover::services::mysql::{Endpoint, Session, sessions};
use cutover::services::{Error, Kind};
use pair::Pair;
use tokio_util::sync::CancellationToken;

/// `busy.big` takes several chunks, and is read first; `busy.small` comes after it.
const BUSY: &str = "CREATE DATABASE busy; CREATE TABLE busy.small (id INT PRIMARY KEY, n INT) SELECT 1 AS id, 1 AS n; \
    CREATE TABLE busy.big (id INT AUTO_INCREMENT PRIMARY KEY, filler VARCHAR(250)); \
    INSERT INTO busy.big (filler) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
    SELECT RPAD(SHA2(i, 512), 250, SHA2(-i, 512)) FROM n; \
    INSERT INTO busy.big (filler) SELECT REVERSE(filler) FROM busy.big; INSERT INTO busy.big (filler) SELECT filler FROM busy.big; \
    ANALYZE TABLE busy.big, busy.small;";

fn options(readers: usize) -> Options {
    Options {
        schemas: vec!["busy".to_owned()],
        locks: Locks::new("test", "snapshot", readers),
        chunk_bytes: 64 * 1024,
        patience: Patience { tries: 2, each: Duration::from_secs(1), between: Duration::from_millis(100) },
    }
}

async fn take(endpoint: &Endpoint, directory: &Path, listener: Listener) -> Result<Manifest, Error> {
    snapshot::take(endpoint, directory, &options(1), listener, CancellationToken::new()).await
}

fn silent() -> Listener {
    Arc::new(|_| ())
}

/// Does something once, when the first chunk is on disk; the snapshot goes on when it is done.
fn at_the_first_chunk(act: impl Fn() + Send + Sync + 'static) -> Listener {
    let once = AtomicBool::new(false);
    Arc::new(move |_| {
        if !once.swap(true, Ordering::Relaxed) {
            act();
        }
    })
}

fn why(error: &Error) -> String {
    error.why.as_ref().map_or_else(String::new, ToString::to_string)
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).unwrap().next().is_none()
}

/// Waits until a session's statement begins like this.
async fn until_running(pair: &Pair, beginning: &str) {
    let mut session = pair.source_admin().await;
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let found = sessions::list(&mut session).await.unwrap();
        if found.iter().any(|listed| listed.statement.as_deref().is_some_and(|text| text.starts_with(beginning))) {
            return;
        }
        assert!(Instant::now() < deadline, "no session runs {beginning}: {found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_changed_under_a_snapshot_wait_or_end_it_by_name() {
    let pair = Arc::new(Pair::source_alone("ddl"));
    pair.as_root_of_source(BUSY);
    pair.as_root_of_source(
        "CREATE USER plain@'%' IDENTIFIED BY 'pw'; GRANT SELECT, RELOAD, PROCESS, REPLICATION CLIENT, SHOW VIEW, TRIGGER, EVENT ON *.* TO plain@'%'",
    );
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();

    // With BACKUP_ADMIN the server makes it wait, and what was there at the moment is what is stored.
    let seen = Arc::new(Mutex::new(None));
    let listener = {
        let (pair, seen) = (pair.clone(), seen.clone());
        at_the_first_chunk(move || {
            let change = "SET lock_wait_timeout = 1; ALTER TABLE busy.small ADD COLUMN later INT";
            *seen.lock().unwrap() = Some(pair.try_as_root_of_source(change));
        })
    };
    let manifest = take(&pair.source("cutover_admin"), directory, listener).await.unwrap();
    let refused = seen.lock().unwrap().take().unwrap().unwrap_err();
    assert!(refused.contains("1205"), "{refused}");
    assert!(manifest.tables.iter().all(|entry| entry.table.columns.iter().all(|column| column.name != "later")));

    // Without it, what was changed is named, whatever the change was; and the next try is a snapshot.
    let changes = [
        ("ALTER TABLE busy.small ADD COLUMN later INT", "busy.small was altered"),
        ("ALTER TABLE busy.small ADD COLUMN quick INT, ALGORITHM = INSTANT", "busy.small was altered"),
        ("TRUNCATE TABLE busy.small", "busy.small was altered or made anew"),
        ("RENAME TABLE busy.small TO busy.other", "busy.small was dropped"),
        ("DROP TABLE busy.other", "busy.other was dropped"),
        ("CREATE TABLE busy.fresh (a INT)", "busy.fresh was made"),
        ("CREATE VIEW busy.seen AS SELECT 1", "busy.seen was made"),
    ];
    for (number, (change, expected)) in changes.into_iter().enumerate() {
        let directory = directory.join(number.to_string());
        let changing = pair.clone();
        let listener = at_the_first_chunk(move || changing.as_root_of_source(change));
        let error = take(&pair.source("plain"), &directory, listener).await.unwrap_err();
        let said = format!("{error}: {}", why(&error));
        // A table that was made anew within the second looks the same: then the failed read has its name.
        let fits = said.contains(expected) || (said.contains("read busy.small") && said.contains("made anew"));
        assert!(fits, "{change}: {said}");
        assert!(error.next.as_deref().is_some_and(|next| next.contains("take it again")), "{change}: {error:?}");
        assert!(is_empty(&directory), "{change}: what was written is thrown away");
        take(&pair.source("plain"), &directory, silent()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_under_way_when_the_snapshot_began_ends_it_by_name() {
    let pair = Arc::new(Pair::source_alone("underway"));
    pair.as_root_of_source(BUSY);
    let directory = tempfile::tempdir().unwrap();
    let mut reading = pair.source_admin().await;
    reading.run("begin", "BEGIN").await.unwrap();
    reading.rows("keep the ALTER waiting", "SELECT * FROM busy.small").await.unwrap();
    let change = "ALTER TABLE busy.small ADD COLUMN later INT, ALGORITHM = COPY";
    let changing = tokio::task::spawn_blocking({
        let pair = pair.clone();
        move || pair.as_root_of_source(change)
    });
    until_running(&pair, "ALTER TABLE").await;
    let taking = tokio::spawn({
        let (endpoint, directory) = (pair.source("cutover_admin"), directory.path().to_owned());
        async move {
            let patient = Patience { tries: 20, ..options(1).patience };
            let options = Options { patience: patient, ..options(1) };
            snapshot::take(&endpoint, &directory, &options, silent(), CancellationToken::new()).await
        }
    });
    until_running(&pair, "LOCK INSTANCE FOR BACKUP").await;
    reading.run("let the ALTER go on", "COMMIT").await.unwrap();
    let error = taking.await.unwrap().unwrap_err();
    assert!(why(&error).contains("busy.small was altered"), "{error}: {}", why(&error));
    assert!(is_empty(directory.path()));
    changing.await.unwrap();
    take(&pair.source("cutover_admin"), directory.path(), silent()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_not_lock_everything_sees_one_moment_too() {
    let pair = Pair::source_alone("locks");
    pair.as_root_of_source(BUSY);
    pair.as_root_of_source(
        "CREATE TABLE busy.a (id INT AUTO_INCREMENT PRIMARY KEY); CREATE TABLE busy.b LIKE busy.a; \
         CREATE USER managed@'%' IDENTIFIED BY 'pw'; GRANT SELECT, LOCK TABLES, PROCESS, REPLICATION CLIENT, SHOW VIEW, TRIGGER, EVENT ON *.* TO managed@'%'; \
         CREATE USER looker@'%' IDENTIFIED BY 'pw'; GRANT SELECT, REPLICATION CLIENT, SHOW VIEW, TRIGGER, EVENT ON *.* TO looker@'%'",
    );
    let managed = pair.source("managed");
    let mut session = Session::open(&managed).await.unwrap();
    let refused = session.run("lock everything", "FLUSH TABLES WITH READ LOCK").await.unwrap_err();
    assert!(why(&refused).contains("1227") || why(&refused).contains("RELOAD"), "{}", why(&refused));

    // A writer that writes into two tables in one transaction, all the while: every snapshot has as many in both.
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (mut session, stop) = (pair.source_admin().await, stop.clone());
        async move {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                for sql in ["BEGIN", "INSERT INTO busy.a VALUES ()", "INSERT INTO busy.b VALUES ()", "COMMIT"] {
                    session.run("write", sql).await.unwrap();
                }
                written += 1;
            }
            written
        }
    });
    let mut rows = 0;
    for number in 0..4 {
        let directory = tempfile::tempdir().unwrap();
        let manifest =
            snapshot::take(&managed, directory.path(), &options(3), silent(), CancellationToken::new()).await.unwrap();
        let of = |name: &str| manifest.tables.iter().find(|entry| entry.table.name == name).unwrap().rows;
        assert_eq!(of("a"), of("b"), "snapshot {number} was taken at one moment");
        assert!(of("a") > rows, "the writer went on: {} then {rows}", of("a"));
        rows = of("a");
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writer.await.unwrap() > rows);

    // An account that may do neither is told what to ask for.
    let directory = tempfile::tempdir().unwrap();
    let error = take(&pair.source("looker"), directory.path(), silent()).await.unwrap_err();
    assert!(error.next.as_deref().is_some_and(|next| next.contains("grant 'looker' LOCK TABLES")), "{error:?}");

    // One that does not see everything is told so, before a copy without it is made.
    pair.as_root_of_source(
        "CREATE TRIGGER busy.t BEFORE INSERT ON busy.b FOR EACH ROW SET @x = 1; CREATE PROCEDURE busy.p() SELECT 1; \
         CREATE USER blind@'%' IDENTIFIED BY 'pw'; GRANT SELECT, LOCK TABLES, EVENT ON busy.* TO blind@'%'; \
         GRANT PROCESS, REPLICATION CLIENT ON *.* TO blind@'%'",
    );
    let error = take(&pair.source("blind"), directory.path(), silent()).await.unwrap_err();
    for words in ["GRANT SHOW VIEW, TRIGGER ON `busy`.* TO 'blind'@'%'", "GRANT SHOW_ROUTINE ON *.* TO 'blind'@'%'"] {
        assert!(why(&error).contains(words), "{}", why(&error));
        pair.as_root_of_source(words);
    }
    let seen = tempfile::tempdir().unwrap();
    let manifest = take(&pair.source("blind"), seen.path(), silent()).await.unwrap();
    let schema = &manifest.schemas[0];
    assert_eq!((schema.triggers.len(), schema.routines.len()), (1, 1));

    // A transaction that stands idle with a write in it is in the way of table locks: it is named.
    let mut idle = pair.source_admin().await;
    idle.run("begin", "BEGIN").await.unwrap();
    idle.run("write", "INSERT INTO busy.a VALUES ()").await.unwrap();
    let error = take(&managed, directory.path(), silent()).await.unwrap_err();
    let named = format!("session {} of 'cutover_admin', idle in a transaction", idle.id());
    assert_eq!(error.kind, Kind::Transient);
    assert!(why(&error).contains(&named), "{}", why(&error));
    idle.run("let it go", "ROLLBACK").await.unwrap();
    take(&managed, directory.path(), silent()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_select_holds_nobody_up_and_a_long_update_is_named() {
    let pair = Pair::source_alone("long");
    pair.as_root_of_source(BUSY);
    pair.as_root_of_source("GRANT ALL ON busy.* TO shop@'%'");
    let long = |statement: &'static str| {
        let endpoint = pair.source("shop");
        tokio::spawn(async move { Session::open(&endpoint).await.unwrap().rows("take long", statement).await })
    };
    let directory = tempfile::tempdir().unwrap();
    let admin = pair.source("cutover_admin");

    // The global read lock would mark the table that the SELECT holds open, and keep everybody from it.
    let select = long("SELECT SLEEP(20) FROM busy.small");
    until_running(&pair, "SELECT SLEEP").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    take(&admin, directory.path(), silent()).await.unwrap();
    let mut writer = pair.source_admin().await;
    writer.run("do not wait for long", "SET SESSION lock_wait_timeout = 1").await.unwrap();
    writer.run("write", "INSERT INTO busy.small VALUES (2, 2)").await.unwrap();
    assert!(!select.is_finished(), "the SELECT was there all the while");
    select.abort();
    for listed in sessions::of_users(&mut writer, &["shop".to_owned()]).await.unwrap() {
        writer.run("end it", &format!("KILL {}", listed.id)).await.unwrap();
    }

    // A running UPDATE is in everybody's way.
    let other = tempfile::tempdir().unwrap();
    let update = long("UPDATE busy.small SET n = n + SLEEP(8) WHERE id = 1");
    until_running(&pair, "UPDATE").await;
    let began = Instant::now();
    let error = take(&admin, other.path(), silent()).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(6), "patience has an end");
    assert_eq!(error.kind, Kind::Transient);
    assert!(why(&error).contains("of 'shop', at a UPDATE"), "{}", why(&error));
    assert!(!why(&error).contains("SLEEP"), "a statement may hold anybody's data: {}", why(&error));
    assert!(error.next.as_deref().is_some_and(|next| next.contains("KILL")), "{error:?}");
    update.await.unwrap().unwrap();
    take(&admin, other.path(), silent()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_dies_while_writers_are_held_holds_them_for_seconds_only() {
    let pair = Pair::source_alone("wire");
    pair.as_root_of_source(BUSY);
    let (endpoint, cut) = wire::to(&pair.source("cutover_admin")).await;
    let (mut look, mut writer) = (pair.source_admin().await, pair.source_admin().await);
    let tables = read_tables(&mut look, &options(1).schemas).await.unwrap();
    let Options { locks, patience, .. } = options(2);
    let mut freezing = Box::pin(freeze(&endpoint, &tables, &locks, patience));
    // It goes on only when it is asked to, a statement at a time, and the wire is cut once it has the lock.
    let held = "SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE OBJECT_TYPE = 'GLOBAL' AND \
                LOCK_TYPE = 'SHARED' AND LOCK_STATUS = 'GRANTED'";
    while look.one::<u64>("look for the lock", held).await.unwrap() == 0 {
        assert!(futures_util::poll!(freezing.as_mut()).is_pending(), "nobody was held at all");
    }
    cut.cancel();
    let began = Instant::now();
    let writing = tokio::spawn(async move {
        writer.run("write", "INSERT INTO busy.small VALUES (3, 3)").await.unwrap();
        began.elapsed()
    });
    let error = tokio::time::timeout(Duration::from_secs(8), freezing).await.expect("it gives up").unwrap_err();
    assert_eq!(error.kind, Kind::Transient);
    assert!(why(&error).contains("were let go on"), "{}", why(&error));
    let waited = tokio::time::timeout(Duration::from_secs(20), writing).await.expect("writers go on").unwrap();
    assert!(waited > Duration::from_secs(5), "nothing of ours reached the server: {waited:?}");
}

/// A file system of a few MiB of the test's own.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn of(size: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (option, path) = (format!("size={size},mode=0700"), directory.path().display().to_string());
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &option, "tmpfs", &path]).output().unwrap();
        let said = String::from_utf8_lossy(&mounted.stderr);
        assert!(mounted.status.success(), "this test mounts a small disk, and has to be root for it: {said}");
        Self(directory)
    }

    fn grow(&self, size: &str) {
        let option = format!("remount,size={size}");
        let path = self.0.path().display().to_string();
        assert!(Command::new("mount").args(["-o", &option, &path]).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_and_left_as_it_was() {
    let pair = Pair::source_alone("disk");
    pair.as_root_of_source(BUSY);
    let disk = SmallDisk::of("256k");
    let directory = disk.0.path().join("snapshot");
    let admin = pair.source("cutover_admin");
    for readers in [1, 4] {
        let options = options(readers);
        let taking = snapshot::take(&admin, &directory, &options, silent(), CancellationToken::new());
        let error = taking.await.unwrap_err();
        let why = why(&error);
        println!("{error}: {why}; {:?}", error.next);
        assert!(why.contains("the disk is full: about ") && why.contains("MiB are free"), "{why}");
        assert!(error.to_string().contains(directory.to_str().unwrap()), "{error}");
        assert!(error.next.as_deref().is_some_and(|next| next.contains("make room for")), "{error:?}");
        assert!(is_empty(&directory), "the interrupted snapshot is thrown away");
    }
    disk.grow("16m");
    let manifest = take(&admin, &directory, silent()).await.unwrap();
    manifest.check_files(&directory, &CancellationToken::new()).await.unwrap();
}
