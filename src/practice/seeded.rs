//! Chance that can be repeated: every purpose has its own stream, named, so the order in which clients ask
//! does not change what anybody draws.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// Letters and digits of generated names: no vowels, so no words (Kubernetes' own alphabet).
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The seed of a world.
#[derive(Clone, Copy, Debug)]
pub struct Seeded {
    seed: u64,
}

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    fn digest(&self, name: &str) -> [u8; 32] {
        let mut h = Sha256::new();
        h.update(b"pilothouse-practice\0");
        h.update(self.seed.to_be_bytes());
        h.update(name.as_bytes());
        h.finalize().into()
    }

    /// A stream of its own for the purpose `name`.
    pub fn stream(&self, name: &str) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.digest(name))
    }

    /// One draw in `lo..=hi` for the purpose `name`.
    pub fn between(&self, name: &str, lo: i64, hi: i64) -> i64 {
        let span = (hi - lo).max(0) as u64 + 1;
        lo + (self.stream(name).next_u64() % span) as i64
    }

    /// One draw in `[0, 1)` for the purpose `name`.
    pub fn fraction(&self, name: &str) -> f64 {
        unit(&mut self.stream(name))
    }

    /// A UUID of version 4's shape.
    pub fn uid(&self, name: &str) -> String {
        let mut b = self.digest(&format!("uid/{name}"));
        b[6] = (b[6] & 0x0f) | 0x40;
        b[8] = (b[8] & 0x3f) | 0x80;
        let x = hex(&b[..16]);
        format!("{}-{}-{}-{}-{}", &x[..8], &x[8..12], &x[12..16], &x[16..20], &x[20..32])
    }

    /// Lower-case hexadecimal of 32 bytes, as an image digest has it.
    pub fn hex64(&self, name: &str) -> String {
        hex(&self.digest(name))
    }

    /// The random end of a generated name.
    pub fn suffix(&self, name: &str, letters: usize) -> String {
        let mut rng = self.stream(&format!("suffix/{name}"));
        (0..letters).map(|_| ALPHABET[(rng.next_u32() as usize) % ALPHABET.len()] as char).collect()
    }
}

/// A draw in `[0, 1)` from 53 bits of `rng`.
pub fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The pod-template-hash of a canonical template text: FNV-1a of 32 bits, in decimal, each digit moved into
/// the vowel-free alphabet (as `k8s.io/apimachinery/pkg/util/rand.SafeEncodeString` does).
pub fn template_hash(text: &str) -> String {
    let hash = text.bytes().fold(0x811c_9dc5u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    hash.to_string().bytes().map(|b| ALPHABET[b as usize % ALPHABET.len()] as char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_draws_the_same_whatever_was_drawn_before() {
        let a = Seeded::new(7);
        let first = a.between("pod-start/x", 0, 1_000_000);
        let _ = a.between("pod-start/y", 0, 1_000_000);
        assert_eq!(a.between("pod-start/x", 0, 1_000_000), first);
        assert_ne!(Seeded::new(8).between("pod-start/x", 0, 1_000_000_000), a.between("pod-start/x", 0, 1_000_000_000));
    }

    #[test]
    fn uids_have_the_shape_of_version_4() {
        let uid = Seeded::new(1).uid("a");
        assert_eq!(uid.len(), 36);
        assert_eq!(&uid[14..15], "4");
        assert!("89ab".contains(&uid[19..20]), "{uid}");
    }
}
