//! Who the API server says we are, and what time it has.

use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::Api;
use kube::api::{GetParams, PostParams};
use kube::client::Body;
use kube::core::Request;

use super::Cluster;
use crate::services::clock::{self, Drift};
use crate::services::{Kind, Result};

impl Cluster {
    /// The user's name as the API server sees it (1.28 and later).
    pub async fn whoami(&self) -> Result<String> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let review = api.create(&PostParams::default(), &SelfSubjectReview::default()).await;
        let status = review.map_err(self.fault("ask who we are"))?.status;
        Ok(status.and_then(|status| status.user_info).and_then(|user| user.username).unwrap_or_default())
    }

    /// The API server's clock against ours; `None` where its answers carry no `Date`.
    pub async fn drift(&self) -> Result<Option<Drift>> {
        let doing = "ask for the time";
        let request = Request::new("/api/v1/namespaces").get("kube-system", &GetParams::default());
        let request = request.map_err(|why| self.error(doing, Kind::Permanent).because(why))?.map(Body::from);
        let before = Timestamp::now();
        let answer = self.client.send(request).await.map_err(self.fault(doing))?;
        let after = Timestamp::now();
        let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
        Ok(date.and_then(|date| clock::of_date(before, date, after)))
    }
}
