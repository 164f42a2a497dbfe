//! What the stand-in's HTTP and DNS sides share: the world, the allowance, whose turn a zone is.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use super::response::Refused;
use super::world::{Seed, World, now};

/// How the stand-in behaves in time.
#[derive(Debug, Clone)]
pub struct Manners {
    /// From acceptance to INSYNC.
    pub pending: Duration,
    /// How long one change is being accepted; another one of the same zone is refused meanwhile.
    pub accepting: Duration,
    /// The account's requests a second.
    pub rate: f64,
    /// How many of them may come at once.
    pub burst: f64,
}

impl Default for Manners {
    fn default() -> Self {
        Self { pending: Duration::from_millis(300), accepting: Duration::from_millis(20), rate: 5.0, burst: 5.0 }
    }
}

/// The stand-in's heart.
pub struct Service {
    world: Mutex<World>,
    directory: PathBuf,
    manners: Manners,
    keys: (String, SecretString),
    bucket: Mutex<(f64, Instant)>,
    busy: Mutex<BTreeSet<String>>,
    /// Where DNS is answered by now.
    pub(super) bound: Mutex<BTreeSet<SocketAddr>>,
}

impl Service {
    /// With the world that an earlier process left in `directory`, or a fresh one.
    pub fn open(
        directory: PathBuf,
        seed: Seed,
        manners: Manners,
        keys: (String, SecretString),
    ) -> std::io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        let world = World::load(&directory, seed)?;
        world.save(&directory)?;
        let bucket = Mutex::new((manners.burst, Instant::now()));
        Ok(Self {
            world: Mutex::new(world),
            directory,
            manners,
            keys,
            bucket,
            busy: Mutex::default(),
            bound: Mutex::default(),
        })
    }

    /// The world as it is now: what is due is in force.
    pub fn world(&self) -> MutexGuard<'_, World> {
        let mut world = lock(&self.world);
        world.settle(now());
        world
    }

    /// Keeps a world on disk.
    pub fn save(&self, world: &World) -> std::io::Result<()> {
        world.save(&self.directory)
    }

    /// Puts a fresh world in the place of this one.
    pub fn reset(&self, seed: Seed) -> std::io::Result<()> {
        let fresh = World::fresh(seed);
        let mut world = lock(&self.world);
        self.save(&fresh)?;
        *world = fresh;
        Ok(())
    }

    /// The access key id and its secret.
    pub fn keys(&self) -> (&str, &str) {
        (&self.keys.0, self.keys.1.expose_secret())
    }

    /// From acceptance to INSYNC, in milliseconds.
    pub fn pending_ms(&self) -> u64 {
        u64::try_from(self.manners.pending.as_millis()).unwrap_or(u64::MAX)
    }

    /// Takes one request out of the account's allowance.
    pub fn throttle(&self) -> Result<(), Refused> {
        let mut bucket = lock(&self.bucket);
        let refilled = bucket.1.elapsed().as_secs_f64() * self.manners.rate;
        *bucket = ((bucket.0 + refilled).min(self.manners.burst), Instant::now());
        if bucket.0 < 1.0 {
            return Err(Refused::bad("Throttling", "Rate exceeded"));
        }
        bucket.0 -= 1.0;
        Ok(())
    }

    /// Takes the turn to change a zone, for as long as accepting takes.
    pub async fn take_zone(&self, id: &str) -> Result<Turn<'_>, Refused> {
        if !lock(&self.busy).insert(id.to_owned()) {
            return Err(Refused::bad(
                "PriorRequestNotComplete",
                "The request was rejected because Route 53 was still processing a prior request.",
            ));
        }
        let turn = Turn { busy: &self.busy, id: id.to_owned() };
        // The time that the real service takes, not a wait for anything.
        tokio::time::sleep(self.manners.accepting).await;
        Ok(turn)
    }
}

/// A zone that is being changed; free again when this goes.
pub struct Turn<'a> {
    busy: &'a Mutex<BTreeSet<String>>,
    id: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(self.busy).remove(&self.id);
    }
}

/// The value, whatever a panicking thread did: every change to it is made whole before it is stored.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
