//! A cluster and its metrics to practise on: real HTTP on loopback.
//!
//! A [`World`] is a cluster in virtual time: an API server's objects, the controllers and node agents that move
//! them, and the requests the pods serve. It has no clock; whoever holds it moves it forward. A [`Server`]
//! answers for it on loopback as a Kubernetes API server and as the pods' own `/metrics`.
//!
//! Nothing here knows what is being practised: the room imports no other room, and its faults and traffic follow
//! what stands in the cluster.
//!
//! # Layout
//! - `world` virtual time and what is due; `scenario`, `fault`, `fixture`: the story and the first state
//! - `store`, `kinds`, `objects`, `defaults`, `validate`, `strict`, `fields`, `patch`, `protobuf`, `selector`, `status`: the objects' rules
//! - `deploy`, `rollout`, `replicas`, `kubelet`, `gateway`, `quota`: the controllers
//! - `routing`, `traffic`, `exposition`: which rule a request goes by; requests and counters
//! - `api`, `writes`, `who`, `table`, `discovery`, `watch`, `podweb`: what is asked and answered, without I/O
//! - `shared`, `server`, `drive`: the world behind a lock, on a socket, against a clock

mod api;
mod defaults;
mod deploy;
mod discovery;
mod drive;
mod exposition;
mod fault;
mod fields;
mod fixture;
mod gateway;
mod kinds;
mod kubelet;
mod moment;
mod objects;
mod patch;
mod podweb;
mod protobuf;
mod quota;
mod replicas;
mod rollout;
mod routing;
mod scenario;
mod seeded;
mod selector;
mod server;
mod shared;
mod status;
mod store;
mod strict;
mod table;
mod traffic;
mod validate;
mod watch;
mod who;
mod world;
mod writes;

pub use api::{Answer, Ask, Body};
pub use drive::drive;
pub use fault::{Fault, MetricsAnswer};
pub use fixture::{Client, DEMO_TARGETS, Fixture, ServiceSpec, Subject};
pub use scenario::{FOREIGN_HOLDER, Scenario};
pub use server::Server;
pub use shared::Shared;
pub use watch::Watch;
pub use who::{ADMIN_TOKEN, VIEWER_TOKEN};
pub use world::{Config, Outage, World};

#[cfg(test)]
mod tests;
