//! What happened? Audit and inbox files, hash chain, snapshot.
