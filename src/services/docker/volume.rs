//! Named volumes.

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};

use super::{Engine, Labels, by_labels};
use crate::services::Result;

impl Engine {
    /// Makes a volume unless one of this name is there.
    pub async fn ensure_volume(&self, name: &str, labels: &Labels) -> Result<()> {
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels.clone().into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        self.docker.create_volume(request).await.map(drop).map_err(self.fault(format!("make the volume {name}")))
    }

    /// Names of the volumes with these labels.
    pub async fn volumes_labelled(&self, labels: &[(&str, &str)]) -> Result<Vec<String>> {
        let options = ListVolumesOptions { filters: Some(by_labels(labels)) };
        let found = self.docker.list_volumes(Some(options)).await.map_err(self.fault("list volumes"))?;
        Ok(found.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect())
    }

    /// Removes a volume; not there is done already (`false`).
    pub async fn remove_volume(&self, name: &str) -> Result<bool> {
        let removed = self.docker.remove_volume(name, None::<RemoveVolumeOptions>).await;
        self.gone_is_done(removed, format!("remove the volume {name}"))
    }
}
