//! What did people write? Fleet, Policy and Upgrade files: types, validation, JSON Schema.
