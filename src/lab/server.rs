//! What the lab's two boxes with a database have in common: a container on a [`DataDirectory`].

use std::time::Duration;

use super::data_directory::DataDirectory;
use super::{LABEL, Site};
use crate::services::Result;
use crate::services::docker::{ContainerSpec, Context, Mount};

/// How long such a box may take until its health check passes.
const PATIENCE: Duration = Duration::from_secs(90);

/// One box.
#[derive(Debug, Clone)]
pub struct Server {
    /// The container's name.
    pub container: &'static str,
    /// Its host name.
    pub hostname: &'static str,
    /// Its address on the lab's network.
    pub address: &'static str,
    /// Its data directory and image.
    pub data: DataDirectory,
    /// Other files it needs before it starts.
    pub files: Context,
}

impl Server {
    /// Keeps the box if it is the right one, starts it if it was stopped, makes it otherwise. The data
    /// stays unless they are of another world.
    pub async fn up(&self, site: &Site<'_>) -> Result<()> {
        let found = site.engine.container(self.container).await?;
        let label = world_label();
        let same_world = found.as_ref().is_some_and(|found| found.labels.get(&label) == Some(&self.data.key));
        let image = site.engine.image(&self.data.image).await?.map(|image| image.id);
        let same_image = found.as_ref().is_some_and(|found| Some(&found.image_id) == image.as_ref());
        if !(same_world && same_image) {
            if found.is_some() {
                // Gracefully: its data may stay.
                site.engine.stop(self.container, Duration::from_mins(1)).await?;
            }
            site.engine.remove_container(self.container).await?;
            if !same_world {
                self.data.refresh(site).await?;
            }
            self.make(site).await?;
        }
        site.engine.start(self.container).await?;
        site.engine.wait_healthy(self.container, PATIENCE).await
    }

    /// The same box anew, on a copy of the pristine directory.
    pub async fn reset(&self, site: &Site<'_>) -> Result<()> {
        site.engine.remove_container(self.container).await?;
        self.data.refresh(site).await?;
        self.make(site).await?;
        site.engine.start(self.container).await?;
        site.engine.wait_healthy(self.container, PATIENCE).await
    }

    async fn make(&self, site: &Site<'_>) -> Result<()> {
        site.say(self.data.part, "starting");
        site.ensure_network().await?;
        let common = site.spec(self.data.part, self.container, &self.data.image, self.address);
        let mut labels = common.labels.clone();
        labels.insert(world_label(), self.data.key.clone());
        let spec = ContainerSpec {
            labels,
            hostname: Some(self.hostname.to_owned()),
            aliases: vec![self.hostname.to_owned()],
            mounts: vec![Mount::Volume { name: self.data.live(), at: "/var/lib/mysql".to_owned() }],
            // MySQL wants to write its pages out when it is asked to end.
            stop_timeout: Some(60),
            ..common
        };
        site.engine.create(&spec).await?;
        site.give_secrets(self.container, self.data.secrets).await?;
        site.engine.copy_in(self.container, "/", self.files.clone()).await
    }
}

fn world_label() -> String {
    format!("{LABEL}.world")
}
