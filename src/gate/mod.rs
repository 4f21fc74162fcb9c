//! Is it healthy? Samples in, verdicts out.
