//! From a sample to a verdict to a trigger. (Being written.)
use serde::{Deserialize, Serialize};

/// What a gate must remember between two ticks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GateState {}
