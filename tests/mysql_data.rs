//! A snapshot taken, loaded and compared on real servers: the cases that have broken copies before, an
//! interrupted load, a row that was changed behind everybody's back.

#![allow(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/pair.rs"]
mod pair;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cutover::services::Kind;
use cutover::services::mysql::compare::{self, Comparison, Pace, compare};
use cutover::services::mysql::load::{self, state};
use cutover::services::mysql::lock::end_leftover;
use cutover::services::mysql::snapshot::{self, Listener, Locks, Manifest, Options, Patience};
use cutover::services::mysql::{Endpoint, LockName, Session};
use pair::Pair;
use tokio_util::sync::CancellationToken;

fn silent() -> Listener {
    Arc::new(|_| ())
}

fn schemas() -> Vec<String> {
    vec!["hard".to_owned()]
}

async fn taken(pair: &Pair, directory: &Path) -> Manifest {
    let options = Options {
        schemas: schemas(),
        locks: Locks::new("test", "snapshot", 3),
        chunk_bytes: 256 * 1024,
        patience: Patience::default(),
    };
    snapshot::take(&pair.source("cutover_admin"), directory, &options, silent(), CancellationToken::new())
        .await
        .unwrap()
}

async fn loaded(target: &Endpoint, directory: &Path) -> load::Loaded {
    let options = load::Options::new("test", "load", 3);
    load::load(target, directory, &options, silent(), CancellationToken::new()).await.unwrap()
}

async fn compared(source: &Endpoint, target: &Endpoint, manifest: &Manifest) -> Comparison {
    let mut pairs = Vec::new();
    for _ in 0..2 {
        let (source, target) = (Session::open(source).await.unwrap(), Session::open(target).await.unwrap());
        pairs.push(compare::Pair { source, target });
    }
    let (progress, cancel) = (|_, _| (), CancellationToken::new());
    let pace = Pace { progress: &progress, cancel: &cancel, busy_percent: 100 };
    compare(&mut pairs, &schemas(), &manifest.counters(), &pace).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_broken_copies_before_arrives_whole_and_what_is_changed_afterwards_is_found() {
    let pair = Pair::start("data");
    pair.as_root_of_source(include_str!("support/hard_cases.sql"));
    // A managed admin may make triggers only so.
    pair.as_root_of_target("SET GLOBAL log_bin_trust_function_creators = ON, GLOBAL local_infile = ON");
    let (source, target) = (pair.source("cutover_admin"), pair.target("admin"));
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();

    let manifest = taken(&pair, directory).await;
    let chunks_of_big = manifest.chunks.iter().filter(|c| manifest.tables[c.table].table.name == "big").count();
    assert!(chunks_of_big > 4, "{chunks_of_big} chunks: a table is parted by size");
    assert_eq!(taken(&pair, directory).await, manifest, "a complete snapshot is not taken again");
    manifest.check_files(directory, &CancellationToken::new()).await.unwrap();

    // A load that is stopped in the middle goes on by chunk.
    let stop = CancellationToken::new();
    let seen = Arc::new(AtomicUsize::new(0));
    let listener: Listener = {
        let (stop, seen) = (stop.clone(), seen.clone());
        Arc::new(move |progress: snapshot::Progress| {
            if progress.rows > 0 && seen.fetch_add(1, Ordering::Relaxed) == 4 {
                stop.cancel();
            }
        })
    };
    let stopped = load::load(&target, directory, &load::Options::new("test", "load", 2), listener, stop).await;
    assert_eq!(stopped.unwrap_err().kind, Kind::Interrupted);
    let mut there = Session::open(&target).await.unwrap();
    for lock in load::Options::new("test", "load", 3).locks {
        end_leftover(&mut there, &lock, Duration::from_secs(10)).await.unwrap();
    }
    let went_on = loaded(&target, directory).await;
    assert!(went_on.resumed >= 4 && went_on.chunks > 0, "{went_on:?}");
    assert_eq!(went_on.resumed + went_on.chunks, manifest.chunks.len());
    assert_eq!(loaded(&target, directory).await.chunks, 0, "a complete load loads nothing more");
    let status: String =
        there.one("read", "SELECT STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'hard'").await.unwrap();
    assert_eq!(status, "DISABLED");

    let same = compared(&source, &target, &manifest).await;
    assert_eq!(same.differences, Vec::<String>::new());
    assert!(same.rows >= 8000 && same.tables == manifest.tables.len());
    let greeting: String = there.one("read", "SELECT hard.greeting()").await.unwrap();
    assert_eq!(greeting, "Ã© ÃŸ: each of these bytes is a letter of latin1");
    let counter: String =
        there.one("read", "SHOW CREATE TABLE hard.counted").await.map(|(_, text): (String, String)| text).unwrap();
    assert!(counter.contains("AUTO_INCREMENT=1000"), "{counter}");

    // One changed, one lost, one doubled: each is found.
    there.run("spoil", "UPDATE hard.numbers SET f = 16777218 WHERE id = 1").await.unwrap();
    there.run("spoil", "DELETE FROM hard.big WHERE id = 77").await.unwrap();
    there.run("spoil", "INSERT INTO hard.no_key VALUES (1, 'x')").await.unwrap();
    let found = compared(&source, &target, &manifest).await.differences;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().any(|line| line.contains("hard.big") && line.contains("77 is missing")), "{found:?}");

    // So is everything that is not a row.
    let spoiled = [
        ("ALTER TABLE hard.empty_one ENGINE = MyISAM", "table on the target only: hard.empty_one MyISAM"),
        ("ALTER TABLE hard.log_ ROW_FORMAT = COMPRESSED", "table on the target only: hard.log_ InnoDB Compressed"),
        ("ALTER TABLE hard.no_key COMMENT = 'mine'", "table on the target only: hard.no_key"),
        ("ALTER TABLE hard.enums COLLATE = latin1_bin", "table on the target only: hard.enums"),
        ("ALTER TABLE hard.times MODIFY d DATE COMMENT 'a day'", "column on the target only: hard.times 5 d date"),
        (
            "ALTER TABLE hard.texts MODIFY l VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_bin",
            "column on the target only: hard.texts",
        ),
        (
            "ALTER TABLE hard.made DROP CHECK made_chk_1, ADD CONSTRAINT made_chk_1 CHECK (a < 99)",
            "check on the target only: hard.made_chk_1",
        ),
        (
            "ALTER TABLE hard.nullable_unique DROP KEY k, ADD KEY k (b DESC)",
            "index on the target only: hard.nullable_unique k",
        ),
        (
            "ALTER TABLE hard.parts REORGANIZE PARTITION p1 INTO (PARTITION p1 VALUES LESS THAN (2020), PARTITION p2 VALUES LESS THAN MAXVALUE)",
            "partition on the target only: hard.parts p2",
        ),
        (
            "ALTER TABLE hard.counted AUTO_INCREMENT = 7",
            "counter of hard.counted: the target would give 7 next, it has to be 1000 or more",
        ),
        (
            "CREATE OR REPLACE VIEW hard.a_on_top AS SELECT id FROM hard.z_base",
            "view on the target only: hard.a_on_top",
        ),
        ("DROP PROCEDURE hard.p", "routine on the source only: hard.p"),
        (
            "CREATE PROCEDURE hard.p(IN n BIGINT) SELECT n",
            "parameter on the target only: hard.p PROCEDURE 1 IN n bigint",
        ),
        ("DROP TRIGGER hard.logs", "trigger on the source only: hard.logs"),
        ("ALTER EVENT hard.often COMMENT 'mine'", "event on the target only: hard.often"),
    ];
    for (spoil, _) in spoiled {
        there.run("spoil", spoil).await.unwrap();
    }
    let found = compared(&source, &target, &manifest).await.differences;
    for (spoil, line) in spoiled {
        // The procedure was made again, with another parameter.
        if spoil != "DROP PROCEDURE hard.p" {
            assert!(found.iter().any(|found| found.starts_with(line)), "{spoil}: {found:#?}");
        }
    }

    // The same by INSERTs, for a server that takes no local files.
    there.run("empty", "DROP DATABASE hard").await.unwrap();
    // What is kept of somebody else's load stays, and is in nobody's way once it is gone.
    there.run("load something else", "INSERT INTO cutover_state.loads VALUES ('another', FALSE)").await.unwrap();
    state::forget(&mut there, &manifest.id).await.unwrap();
    let standing = state::standing(&mut there, &manifest).await.unwrap();
    assert_eq!(standing, state::Standing::Other("another".to_owned()));
    state::forget(&mut there, "another").await.unwrap();
    assert_eq!(state::standing(&mut there, &manifest).await.unwrap(), state::Standing::Absent);
    assert_eq!(state::contents(&mut there, &[state::SCHEMA]).await.unwrap(), Vec::<String>::new());
    pair.as_root_of_target("SET GLOBAL local_infile = OFF");
    assert_eq!(loaded(&target, directory).await.chunks, manifest.chunks.len());
    assert_eq!(compared(&source, &target, &manifest).await.differences, Vec::<String>::new());

    // A damaged file is no snapshot.
    std::fs::write(directory.join(&manifest.chunks[0].file), b"rubbish").unwrap();
    let checked = manifest.check_files(directory, &CancellationToken::new()).await;
    assert_eq!(checked.unwrap_err().kind, Kind::Permanent);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_copied_right_is_refused() {
    let pair = Pair::start("refused");
    pair.as_root_of_source("CREATE DATABASE hard; CREATE TABLE hard.old (a INT) ENGINE = MyISAM; CREATE TABLE hard.t (a TINYINT); INSERT INTO hard.t VALUES (1)");
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        schemas: schemas(),
        locks: Locks::new("test", "snapshot", 1),
        chunk_bytes: 1 << 20,
        patience: Patience::default(),
    };
    // Larger than everything that may be unpacked ahead of the server.
    let large = Options { chunk_bytes: 4 << 20, ..options.clone() };
    let take = |directory| {
        let (endpoint, options) = (pair.source("cutover_admin"), options.clone());
        async move { snapshot::take(&endpoint, directory, &options, silent(), CancellationToken::new()).await }
    };
    let why = take(directory.path()).await.unwrap_err();
    assert!(why.why.unwrap().to_string().contains("MyISAM"));
    pair.as_root_of_source(
        "DROP TABLE hard.old; XA START 'x'; INSERT INTO hard.t VALUES (2); XA END 'x'; XA PREPARE 'x'",
    );
    let why = take(directory.path()).await.unwrap_err();
    assert!(why.why.unwrap().to_string().contains("XA"));
    pair.as_root_of_source("XA ROLLBACK 'x'");
    take(directory.path()).await.unwrap();

    // Somebody else's rows in the target are not loaded over.
    let mut there = pair.target_admin().await;
    there.run("be there", "CREATE DATABASE hard").await.unwrap();
    there.run("be there", "CREATE TABLE hard.mine (a INT)").await.unwrap();
    let target = pair.target("admin");
    let options = load::Options::new("t", "l", 1);
    let load = load::load(&target, directory.path(), &options, silent(), CancellationToken::new());
    assert_eq!(load.await.unwrap_err().kind, Kind::Conflict);

    // A server that takes no more rows in the middle of a load says so, and the loader ends: what was unpacked for
    // it is waited for by nobody.
    there.run("make room", "DROP DATABASE hard").await.unwrap();
    pair.as_root_of_target("SET GLOBAL local_infile = ON");
    pair.as_root_of_source(
        "CREATE TABLE hard.wide (id INT AUTO_INCREMENT PRIMARY KEY, filler LONGTEXT); \
         INSERT INTO hard.wide (filler) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 12) \
         SELECT REPEAT(SHA2(i, 512), 8000) FROM n; ANALYZE TABLE hard.wide",
    );
    let wide = tempfile::tempdir().unwrap();
    snapshot::take(&pair.source("cutover_admin"), wide.path(), &large, silent(), CancellationToken::new())
        .await
        .unwrap();
    let pair = Arc::new(pair);
    let refusing = pair.clone();
    let listener: Listener = Arc::new(move |progress: snapshot::Progress| {
        if progress.rows > 0 {
            refusing.as_root_of_target("SET GLOBAL local_infile = OFF");
        }
    });
    let options = load::Options::new("t", "l", 1);
    let load = load::load(&target, wide.path(), &options, listener, CancellationToken::new());
    let refused = tokio::time::timeout(Duration::from_mins(1), load).await.expect("the loader ends").unwrap_err();
    assert!(refused.next.is_some_and(|next| next.contains("local_infile")));

    // A session that was left behind is found by its lock and ended.
    let lock = LockName::new("test", "left", "1");
    let mut left = Session::locked(&target, "left", &lock).await.unwrap();
    assert_eq!(Session::locked(&target, "second", &lock).await.unwrap_err().kind, Kind::Conflict);
    let ended = end_leftover(&mut there, &lock, Duration::from_secs(10)).await.unwrap();
    assert_eq!(ended, Some(u64::from(left.id())));
    assert!(left.run("write", "DO 1").await.is_err());
    assert_eq!(end_leftover(&mut there, &lock, Duration::from_secs(1)).await.unwrap(), None);
}
