//! What a freeze costs the servers: rows and index entries read for the engine's own sessions, which must not
//! grow with the data. A freeze that another engine began is not measured: its sessions are gone.

use super::world::World;
use crate::actions::Result;
use crate::services::mysql::fence::Held;

/// Where the counters stood when the freeze began.
pub(super) struct Cost {
    source: u64,
    target: u64,
    /// What the proof of the fence has cost, once it is over.
    proof: u64,
}

impl Cost {
    /// Reads the counters at the start of the freeze.
    pub(super) async fn begin(world: &World, held: &mut Held) -> Result<Self> {
        let source = world.source.lock().await.handler_reads().await?;
        let target = world.target.lock().await.handler_reads().await?;
        Ok(Self { source, target, proof: held.handler_reads().await? })
    }

    /// The proof of the fence is over, and its connections go.
    pub(super) async fn proved(&mut self, held: &mut Held) -> Result<()> {
        self.proof = held.handler_reads().await?.saturating_sub(self.proof);
        Ok(())
    }

    /// All that the freeze has cost, when writes go on.
    pub(super) async fn so_far(&self, world: &World) -> Result<u64> {
        let source = world.source.lock().await.handler_reads().await?;
        let target = world.target.lock().await.handler_reads().await?;
        Ok(source.saturating_sub(self.source) + target.saturating_sub(self.target) + self.proof)
    }
}
