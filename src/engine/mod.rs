//! What happens next? A pure state machine: messages in, effects out.
