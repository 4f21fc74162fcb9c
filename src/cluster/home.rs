//! Which cluster is the run's own. An address may come to mean another one (a proxy, a tunnel, a name that was moved), and
//! that shows only in who answers: it is asked once after each loss, before anything is believed or written.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;

use super::wire::{Fault, Wire};
use crate::engine::message::ANOTHER_CLUSTER;

/// Shared by everything that talks to the cluster.
pub struct Home {
    /// UID of the namespace `kube-system`; the first that answers, where none was known before.
    known: Mutex<Option<String>>,
    doubted: AtomicBool,
}

impl Home {
    /// `known`: of a run that was begun before.
    pub fn new(known: Option<String>) -> Arc<Home> {
        let known = known.filter(|uid| !uid.is_empty());
        Arc::new(Home { known: Mutex::new(known), doubted: AtomicBool::new(true) })
    }

    /// A connection broke, a stream ended, an answer did not come: the next one may come from elsewhere.
    pub fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    /// Asks, if there is doubt. Where the namespace may not be read nobody can tell, and it is taken for the same.
    ///
    /// # Errors
    /// Another cluster answers, or none.
    pub async fn confirm(&self, wire: &Wire) -> Result<(), Fault> {
        if !self.doubted.load(Ordering::Relaxed) {
            return Ok(());
        }
        // Whoever waited here for the same answer need not ask again.
        let mut known = self.known.lock().await;
        if !self.doubted.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let asked = wire.cluster_uid().await;
        match (asked, &*known) {
            (Ok(Some(here)), Some(home)) if here != *home => {
                self.doubt();
                let message = format!(
                    "{ANOTHER_CLUSTER} at this address: its namespace kube-system has UID {here}, the run's own {home}"
                );
                Err(Fault::unanswered("look at the cluster", message))
            }
            (Ok(here), _) => {
                *known = known.take().or(here);
                Ok(())
            }
            (Err(fault), _) => {
                self.doubt();
                Err(fault)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{Answer, Fake, plan, planned};
    use crate::cluster::{KubeCluster, KubeLease, Options};
    use crate::engine::effect::{Action, Call};
    use crate::engine::message::{CallOutcome, LeaseSeen};
    use crate::ports::{Cluster, Lease};
    use crate::spec::units::Time;

    const SYSTEM: &str = "GET /api/v1/namespaces/kube-system";
    const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/shop/leases";

    fn system(uid: &str) -> Answer {
        Answer::Json(200, json!({"metadata": {"name": "kube-system", "uid": uid}}))
    }

    fn looks(fake: &Fake) -> usize {
        fake.asked().iter().filter(|a| a.path.ends_with("/kube-system")).count()
    }

    #[tokio::test]
    async fn nothing_is_written_to_another_cluster_that_answers_after_a_loss() {
        let fake = Fake::default();
        // Its own, twice; then a loss; then another one, which has no Lease; then its own again.
        fake.on(SYSTEM, system("own"))
            .on(SYSTEM, system("other"))
            .on(SYSTEM, system("other"))
            .on(SYSTEM, system("own"));
        let get = format!("GET {LEASES}/pilothouse-shop");
        let missing = Answer::Json(404, json!({"code": 404, "reason": "NotFound", "message": "not found"}));
        fake.on(&get, missing.clone()).on(&get, missing.clone()).on(&get, Answer::Lost).on(&get, missing);
        fake.on(&format!("POST {LEASES}"), Answer::Json(201, json!({})));
        let home = Home::new(None);
        let lease = KubeLease::new(fake.client(), "shop", "shop", "ivo@host/42/7f3a").at(home.clone());
        let cluster = KubeCluster::new(fake.client(), Options::LOCAL).at(home);

        assert_eq!(lease.renew(Time(0)).await, LeaseSeen::Held { epoch: 1 });
        assert_eq!(lease.renew(Time(2_000)).await, LeaseSeen::Held { epoch: 2 });
        assert_eq!(looks(&fake), 1, "asked once, not at each renewal");
        assert!(matches!(lease.renew(Time(4_000)).await, LeaseSeen::Expired { .. }));
        let written = fake.writes().len();

        let seen = lease.renew(Time(6_000)).await;
        let says =
            "another cluster answers at this address: its namespace kube-system has UID other, the run's own own";
        assert!(matches!(&seen, LeaseSeen::Expired { error } if error.contains(says)), "{seen:?}");
        let plan = plan(vec![planned("billing", "1.1.0")]);
        let action = Action::CreateNext { replicas: 1 };
        let call = Call { key: 7, epoch: 1, service: "billing".into(), action, why: "deployed".into() };
        let outcome = cluster.call(&plan, "7f3a", &call).await;
        assert!(matches!(&outcome, CallOutcome::Failed { error, .. } if error.text.contains(says)), "{outcome:?}");
        assert_eq!(fake.writes().len(), written, "{:?}", fake.writes());

        assert!(matches!(lease.renew(Time(8_000)).await, LeaseSeen::Held { .. }), "its own is back");
    }

    #[tokio::test]
    async fn a_run_that_is_taken_up_knows_its_cluster_before_it_asks() {
        let fake = Fake::default();
        fake.on(SYSTEM, system("other"));
        let lease = KubeLease::new(fake.client(), "shop", "shop", "me").at(Home::new(Some("own".into())));
        assert!(matches!(lease.renew(Time(0)).await, LeaseSeen::Expired { .. }));
        assert_eq!(fake.writes(), []);
        // Where it may not be read it is taken for the same, as at a resume.
        let fake = Fake::default();
        fake.on(&format!("POST {LEASES}"), Answer::Json(201, json!({})));
        let lease = KubeLease::new(fake.client(), "shop", "shop", "me").at(Home::new(Some("own".into())));
        assert_eq!(lease.renew(Time(0)).await, LeaseSeen::Held { epoch: 1 });
    }
}
