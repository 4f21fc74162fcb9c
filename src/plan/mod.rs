//! In what order and how? Waves, steps, estimates, preview of effects.
