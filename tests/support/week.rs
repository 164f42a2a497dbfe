//! The chapters of the week that screens are drawn from, each grown from the one before it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use cutover::domain::event::Event;
use cutover::domain::limit::Limit;
use cutover::domain::preview::{Preview, Verb};
use cutover::domain::{Condition, Failure};
use cutover::protocol::live::{Asking, Companion, Meter, Supervisor};
use cutover::protocol::order::Previewed;
use jiff::Timestamp;
use serde_json::json;

use super::story::{Story, meter, time};

const HISTORY: &str = "adfd5424-e751-11f1-980b-0242ac110002";
const DIGEST: &str = "sha256:c1ba6d42c3305c3a5642af467dc9d95d91af4e2a6d07a471dd63af2b2f447abe";

/// Monday, nine o'clock: nothing was started.
pub fn monday() -> Story {
    Story::begins()
}

/// The first snapshot is being taken.
pub fn snapshotting() -> Story {
    let mut story = monday();
    story.wait(300.0).start("snapshot").pin("snapshot", "source MySQL", HISTORY);
    story.intend("snapshot", "snapshot", "take a snapshot into /var/lib/cutover/shop-rev3/snapshot").wait(540.0);
    let now = story.now;
    story.meter("snapshot", meter("copy shop.orders", "rows", (31_400_000, 84_000_000), 58_000.0, 907.0, now));
    story
}

/// Monday's work for people is next: where the tenants' uploads are.
pub fn by_hand() -> Story {
    let mut story = snapshotting();
    story.live.meters.clear();
    story.happens("snapshot", "snapshot", 960.0);
    story.done(
        "snapshot",
        &[],
        &[("every file of the snapshot is as its manifest says", "812 files, 41 207 MiB on disk")],
    );
    story.wait(60.0).start("prepare").pin("prepare", "target MySQL", "ffdcc30a-e713-11f1-aa2d-0242ac110002");
    story.does("prepare", "source:gtid_mode=ON", "set gtid_mode=ON on the source, online", 4.0);
    story.does("prepare", "source:replication-account", "make account 'cutover_repl'@'%' on the source", 0.2);
    story.done("prepare", &[], &[("source MySQL: GTIDs are on", "gtid_mode=ON, enforce_gtid_consistency=ON")]);
    story.wait(30.0).start("lower-ttl").pin("lower-ttl", "hosted zone", "Z0123456789ABCDEFGHIJ shop.example.com.");
    story.does("lower-ttl", "ttl", "lower the TTL of shop.example.com. to 60 s", 31.0);
    let over = story.now + jiff::SignedDuration::from_hours(24);
    story.done(
        "lower-ttl",
        &[("old_ttl_over_at", time(over))],
        &[("8.8.8.8 answers for at most 60 s", "A 203.0.113.10 (60 s)")],
    );
    story
}

/// Wednesday: the image is about to be pushed.
pub fn built() -> Story {
    let mut story = by_hand();
    for (step, evidence) in [
        ("uploads", "s3://shop-uploads, 48 112 files compared"),
        ("cron", "7 jobs: 5 CronJobs, 2 ended"),
        ("sessions", "in MySQL, table shop.sessions"),
        ("allow-lists", "198.51.100.7 announced to Adyen and Postmark; both reached"),
    ] {
        story.start(step).wait(1200.0).done(step, &[("evidence", json!(evidence))], &[("typed in", evidence)]);
    }
    story.tell(Event::Noted { by: "mara".into(), text: "uploads are read-only on the box from now on".into() });
    story.until("2026-03-03T09:00:00Z").start("cluster");
    story.pin("cluster", "Kubernetes", "shop-eks a7ce927d-d620-47b2-8fb4-593e258632d4").wait(0.2);
    story.done("cluster", &[], &[("2 nodes are Ready", "ip-10-0-2-11 v1.33.4, ip-10-0-3-27 v1.33.4")]);
    story.wait(120.0).start("containerise").pin("containerise", "Docker engine", "DKHU:AMDM:DSR5 ops-1");
    story.does("containerise", "build", "build the image cutover/shop:shop-rev3-51c0de", 212.0);
    story.done(
        "containerise",
        &[("image", json!("cutover/shop:shop-rev3-51c0de"))],
        &[("it lives without its tables, and is not ready", "/healthz 200, /readyz 503")],
    );
    story.wait(60.0);
    story
}

/// The registry refused the push.
pub fn refused() -> Story {
    let mut story = built();
    story.start("push").pin("push", "registry", "123456789012.dkr.ecr.eu-central-1.amazonaws.com");
    story.intend("push", "push", "push 123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/backend:shop-rev3-51c0de");
    story.wait(3.4);
    let failure =
        Failure::permanent("push to 123456789012.dkr.ecr.eu-central-1.amazonaws.com as shop/backend was denied")
            .because("the registry said: denied: your authorization token has expired")
            .next("sign in again (`aws ecr get-login-password`), then retry: layers that arrived are not sent again");
    story.fails("push", "push", &failure);
    story.tell(Event::HandRaised { by: "ines".into(), text: "wait, the ECR role is being changed right now".into() });
    story.wait(140.0);
    story
}

/// Thursday: the copy is being loaded.
pub fn loading() -> Story {
    let mut story = refused();
    let hand = story.events.len() as u64;
    story.tell(Event::HandAnswered { hand, by: "mara".into(), text: "done, ines says go".into() });
    story.start("push").does("push", "push", "push …/shop/backend:shop-rev3-51c0de", 74.0);
    story.done(
        "push",
        &[("digest", json!(DIGEST))],
        &[("the registry's tag stands for the digest that was pushed", DIGEST)],
    );
    story.until("2026-03-04T09:00:00Z").start("ingress");
    story.does(
        "ingress",
        "object:Deployment nginx-ingress/nginx-ingress",
        "apply Deployment nginx-ingress/nginx-ingress",
        18.0,
    );
    story.does(
        "ingress",
        "object:Service nginx-ingress/nginx-ingress",
        "apply Service nginx-ingress/nginx-ingress",
        96.0,
    );
    let address = "k8s-nginx-5f1c.elb.eu-central-1.amazonaws.com";
    story.done(
        "ingress",
        &[("address", json!(address))],
        &[("the ingress answers at its address", "404 from NGINX, TLS of shop.example.com")],
    );
    story.wait(600.0).start("deploy").does("deploy", "object:Deployment shop/shop", "apply Deployment shop/shop", 31.0);
    story.done("deploy", &[], &[("3 pods run the digest that was pushed", "3 of 3")]);
    story.until("2026-03-05T07:00:00Z").start("restore");
    story.does("restore", "snapshot", "take a snapshot for the target", 1480.0);
    story.intend("restore", "load", "load the snapshot into the target").wait(2520.0);
    let now = story.now;
    story.meter("restore", meter("load shop.orders", "rows", (52_080_000, 84_000_000), 48_400.0, 660.0, now));
    story
}

/// Friday, four in the morning: everything is ready for the switch.
pub fn ready() -> Story {
    let mut story = loading();
    story.live.meters.clear();
    story.happens("restore", "load", 700.0);
    story.does("restore", "channel", "follow 10.0.1.12:3306", 1.2);
    story.done(
        "restore",
        &[],
        &[("every row is on the target, at one GTID set", "212 tables, 6 204 chunks, 301 448 112 rows, in 11 min")],
    );
    let detail = "from 10.0.1.12:3306, receiver running, applier running, 0 s behind, 0 transactions to apply";
    story.companion("restore", detail);
    story.until("2026-03-05T19:40:00Z");
    story
        .tell(Event::Noted { by: "tom".into(), text: "approved the evening before; I sleep with the phone on".into() });
    story.until("2026-03-06T03:04:00Z");
    let at = story.now;
    story.live.companions.insert("restore".into(), Companion { healthy: true, detail: detail.into(), at });
    story.live.supervisor = Some(Supervisor { pid: 4241, alive: true });
    story.live.limits = limits(story.now);
    story
}

/// Writes wait; the source is fenced; the point of switching is ahead.
pub fn frozen() -> Story {
    let mut story = ready();
    story.start("dns");
    story.does("dns", "reverse-channel", "configure the channel from the target on the source", 0.22);
    story.does("dns", "stage-front-198.51.100.20", "point the front's relay at 198.51.100.20", 0.31);
    let at = story.now;
    story.note("dns", "try", json!(1)).note("dns", "frozen_at", time(at));
    story.does("dns", "hold", "hold writes at the front", 0.19);
    story.tell(Event::Fence { step: "dns".into(), service: "source MySQL".into(), shut: true });
    story.does("dns", "fence-source", "fence the source against writes", 0.014);
    story.does("dns", "reset-forward-channel", "stop and reset the channel from the source", 0.041);
    story.intend("dns", "start-reverse-channel", "start the channel from the target to the source").wait(0.7);
    let told = meter("told to come again", "writes", (137, 137), 160.0, 0.0, story.now);
    story.meter("dns", Meter { total: None, eta_s: None, ..told });
    story
}

/// Beyond the point of switching; writes still wait.
pub fn beyond() -> Story {
    let mut story = frozen();
    story.happens("dns", "start-reverse-channel", 0.02);
    story.tell(Event::PointOfSwitching { step: "dns".into() });
    story.does("dns", "open-target", "let 'shop_app'@'%' write on the target, end its sessions", 0.016);
    story.intend("dns", "probe-write", "write through the ingress: POST /t/1/notes").wait(0.05);
    story
}

/// It failed beyond the point of switching: nobody can write, and only going on helps.
pub fn stuck() -> Story {
    let mut story = beyond();
    let failure = Failure::transient("write through the ingress at shop.example.com: POST /t/1/notes")
        .because("503 Service Unavailable, for 30 s")
        .next("look at the readiness of the backend's pods");
    story.wait(30.0).fails("dns", "probe-write", &failure).wait(12.0);
    story
}

/// Aborted, and tried again: the second try waits for the lag before its own freeze.
pub fn tried_again() -> Story {
    let mut story = frozen();
    story.tell(Event::Fence { step: "dns".into(), service: "source MySQL".into(), shut: false });
    let failure = Failure::permanent("the freeze took longer than its budget").next("run the step again");
    story.wait(5.0).fails("dns", "start-reverse-channel", &failure);
    story.wait(300.0).start("dns").wait(12.0);
    story
}

/// Tenants are served by the new stack.
pub fn switched() -> Story {
    let mut story = beyond();
    story.happens("dns", "probe-write", 0.01);
    story.does("dns", "relay", "relay what comes to the old address", 0.09);
    story.note("dns", "freeze_seconds", json!(1.131));
    story.does("dns", "record", "point shop.example.com. at k8s-nginx-5f1c.elb.eu-central-1.amazonaws.com.", 33.0);
    story.does("dns", "jobs", "run the background jobs: shop-jobs to 1", 4.0);
    story.done(
        "dns",
        &[("freeze_seconds", json!(1.131))],
        &[
            ("the zone holds what was written", "shop.example.com. A alias to k8s-nginx-5f1c…"),
            ("8.8.8.8 answers with the new address", "A 198.51.100.20 (60 s)"),
        ],
    );
    let detail = "back to 10.0.1.12:3306, receiver running, applier running, 0 s behind; 1.1.1.1 new, 8.8.8.8 old for 14 s more; old answers run out in 14 s; 443 requests/s come to the ingress; 31 requests/s relayed by the old address, 1204 in all";
    story.companion("dns", detail).wait(46.0);
    let at = story.now;
    story.live.companions.insert("dns".into(), Companion { healthy: true, detail: detail.into(), at });
    story
}

/// Saturday: it is over.
pub fn over() -> Story {
    let mut story = switched();
    story.until("2026-03-07T03:20:00Z").start("settle").wait(86_100.0);
    story.done("settle", &[], &[("the service over the soak", "172 800 reads, 3 failed")]);
    story.wait(60.0).start("last-clients").wait(60.0);
    story.done("last-clients", &[], &[("the old address", "0 requests relayed in the last 60 s")]);
    let evidence = "instance stopped; its disk is kept until 2026-04-04";
    story.start("switch-off").wait(600.0);
    story.done("switch-off", &[("evidence", json!(evidence))], &[("typed in", evidence)]);
    story
}

/// The switch was taken back.
pub fn taken_back() -> Story {
    let mut story = switched();
    let consent = story.events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::StepStarted { consent, .. } => Some(consent.clone()),
        _ => None,
    });
    let digest = "bac".to_owned();
    story.tell(Event::RollbackStarted {
        step: "dns".into(),
        attempt: 2,
        digest,
        consent: consent.unwrap(),
        accepted_loss: 0,
    });
    story.tell(Event::Undoing { step: "dns".into(), attempt: 2, effect: "jobs".into() }).wait(2.1);
    story.tell(Event::Undone { step: "dns".into(), effect: "jobs".into() });
    story.tell(Event::Undoing { step: "dns".into(), attempt: 2, effect: "record".into() }).wait(1.2);
    story
}

/// Somebody asks for the wheel.
pub fn asked() -> Story {
    let mut story = loading();
    let at = story.now;
    story.live.asking = Some(Asking { by: "tom".into(), why: "you have been up since two".into(), at, offered: false });
    story
}

/// The switch's preview, with its board.
pub fn switch_preview(story: &Story, lag: Option<&str>) -> Previewed {
    let at = story.now;
    let mut preview = Preview::undone_by(
        "the record and the front as they were; what was written since flows back, then the source opens",
    );
    preview.identity("hosted zone", "Z0123456789ABCDEFGHIJ shop.example.com.");
    preview.identity("source MySQL", HISTORY).identity("Kubernetes", "shop-eks a7ce927d-d620-47b2-8fb4-593e258632d4");
    preview.change(
        Verb::Change,
        "record shop.example.com. A",
        vec!["203.0.113.10 (TTL 60 s)".into(), "alias to k8s-nginx-5f1c.elb.eu-central-1.amazonaws.com.".into()],
    );
    preview.change(
        Verb::Change,
        "front on 203.0.113.10",
        vec!["serves itself".into(), "relays to 198.51.100.20".into()],
    );
    preview.change(Verb::Create, "channel from the target to the source", vec![]);
    preview.change(Verb::Keep, "CAA, MX and TXT of shop.example.com.", vec![]);
    preview.setting("freeze budget", "10 s").figure("open transactions", "3, the oldest 0.2 s");
    preview.conditions = board(at, lag);
    preview.takes = Some(4.0);
    Previewed { digest: preview.digest(), seq: story.events.len() as u64, preview }
}

fn board(at: Timestamp, lag: Option<&str>) -> Vec<Condition> {
    let forward = match lag {
        Some(lag) => Condition::holds("the target follows the source", lag, at)
            .within("5 s")
            .fails("wait until it has caught up, or see what keeps its applier busy"),
        None => Condition::holds("the target follows the source", "0 s behind", at).within("5 s"),
    };
    vec![
        forward,
        Condition::holds("the full verification is young enough", "19 h", at)
            .within("12 h")
            .waits("dns verifies again before its freeze: 11 min"),
        Condition::holds("the old TTL has run out", "since Tue 10:17Z", at),
        Condition::holds("the record is as lower-ttl left it", "A 203.0.113.10 (60 s)", at),
        Condition::holds("the ingress answers as the new build", "3 of 3 pods ready", at),
        Condition::holds("no transaction has been open for long", "oldest 0.2 s", at).within("2 s"),
    ]
}

/// What can run out in the night of the switch.
fn limits(now: Timestamp) -> Vec<Limit> {
    let hours = |hours| Some(now + jiff::SignedDuration::from_hours(hours));
    vec![
        Limit::holds("disk of this run", "41,204.0 MiB free at /var/lib/cutover").against("512.0 MiB", true),
        Limit::holds("binlogs of the source MySQL", "kept for 168 h")
            .against("needed for 0.2 s", true)
            .until(hours(167), 12 * 3600),
        Limit::holds("login at AWS", "ASIA5EXAMPLE by an SSO session")
            .until(hours(3), 4 * 3600)
            .fix("log in again (`aws sso login`), in the engine's own environment"),
        Limit::holds("login at the cluster", "it knows us as mara"),
    ]
}
