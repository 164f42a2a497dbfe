//! What an inventory sees on the lab's real services: one foreign object planted in each, by programs that are
//! not ours where there is one, and what a step made without saying so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by ending")]

#[path = "support/drive.rs"]
mod drive;
#[path = "support/planted.rs"]
mod planted;

use std::collections::BTreeSet;

use cutover::actions::{Action, Checking, Effect, Outputs, Reading, Result, Working, again};
use cutover::domain::resource::Side;
use cutover::domain::{Check, Preview, Resource};
use cutover::lab::inventory::{self, Difference, Inventory, Places};
use cutover::lab::{self, Lab, UpOptions};
use cutover::loader;
use drive::Drive;
use planted::{Cluster, Docker, File, Mysql, Record, Tag};

async fn look(places: &Places) -> Inventory {
    let world = inventory::take(places).await;
    assert!(world.unanswered.is_empty(), "every service answers: {:?}", world.unanswered);
    world
}

/// What nobody explains, in words.
fn leftovers(before: &Inventory, after: &Inventory, touched: &BTreeSet<Resource>) -> Vec<String> {
    Difference::between(before, after).leftovers(touched).iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_object_in_each_service_is_seen_and_so_is_what_a_step_kept_to_itself() {
    let lab = Lab::open(lab::directory()).unwrap();
    lab.up(&UpOptions { rows: Some(2000), only: vec![], install: false }, &|_| ()).await.unwrap();
    lab.reset(&|_| ()).await.unwrap();
    let plan = loader::load("runbooks/rehearsal.toml".as_ref()).unwrap();
    let state = tempfile::tempdir().unwrap();
    let places = Places::of(&plan, &lab::directory(), state.path());

    // The world moves by itself (heartbeats, leases, the tenants' rows), and nothing of that is a change.
    let before = look(&places).await;
    let again = look(&places).await;
    assert_eq!(leftovers(&before, &again, &BTreeSet::new()), [""; 0], "nothing was done");

    let docker = Docker::plant();
    let tag = Tag::plant(&docker);
    let cluster = Cluster::plant().await;
    let (source, target) = (Mysql::plant(Side::Source), Mysql::plant(Side::Target));
    let record = Record::plant(&plan).await;
    let file = File::plant(state.path());
    let after = look(&places).await;
    let expected =
        [docker.names(), tag.names(), cluster.names(), source.names(), target.names(), record.names(), file.names()];
    let expected: BTreeSet<String> = expected.concat().into_iter().map(|name| format!("{name} is new")).collect();

    // Taken away again, the world is as it was.
    drop((docker, file));
    tag.remove().await;
    cluster.remove().await;
    source.remove();
    target.remove();
    record.remove().await;
    let seen: BTreeSet<String> = leftovers(&before, &after, &BTreeSet::new()).into_iter().collect();
    assert_eq!(seen, expected);
    let end = look(&places).await;
    assert_eq!(leftovers(&before, &end, &BTreeSet::new()), [""; 0], "everything was taken away");

    // A step that makes two things and owns up to one.
    let drive = Drive::new("lies", LIES, state.path());
    let made = Lies.apply(&drive.context("lies").working()).await;
    let after = look(&places).await;
    let seen = leftovers(&before, &after, &cutover::actions::Recorder::state(&*drive.memory).touched());
    for volume in [CONFESSED, CONCEALED] {
        planted::run("docker", &["volume", "rm", volume]);
    }
    made.unwrap();
    assert_eq!(seen, [format!("docker/volume/{CONCEALED} is new")]);
}

const CONFESSED: &str = "x-cutover-test-confessed";
const CONCEALED: &str = "x-cutover-test-concealed";
const LIES: &str = r#"
name = "lies"
environment = "lab"
[service]
name = "shop"
host = "app.lab.example"
[[step]]
id = "lies"
action = "manual"
owner = "nobody"
day = 1
with = { instructions = "none" }
"#;

/// An action that says less than it does.
struct Lies;

impl Action for Lies {
    async fn preview(&self, _cx: &Reading) -> Result<Preview> {
        Ok(Preview::default())
    }

    async fn apply(&self, cx: &Working) -> Result<Outputs> {
        let effect = Effect::new("volume", "make a volume").touches(Resource::volume(CONFESSED));
        let act = async {
            for volume in [CONFESSED, CONCEALED] {
                planted::run("docker", &["volume", "create", volume]);
            }
            Ok(())
        };
        cx.effect(effect, again(), act).await?;
        Ok(Outputs::new())
    }

    async fn verify(&self, _cx: &Checking) -> Result<Vec<Check>> {
        Ok(Vec::new())
    }
}
