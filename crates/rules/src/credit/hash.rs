//! What is hashed and how: the chain of a ledger, a grant's terms, and digests of what is kept elsewhere.
//!
//! The layouts are a promise (docs/ledger-format.md): they change only together with [`VERSION`].

use super::{
    entry::{Digest, Entry, Hash},
    grant::Terms,
};
use crate::ids::{CustomerId, Unit};
use sha2::{Digest as _, Sha256};

/// The version of the layouts, the first byte that is hashed.
const VERSION: u8 = 1;

/// What stands for the length of a field that is absent.
const ABSENT: [u8; 4] = [0xFF; 4];

/// Computes the hashes of one wallet's entries.
#[derive(Clone, Copy, Debug)]
pub struct Chain;

impl Chain {
    /// The hash of `entry` (its own `hash` field left out) after `previous`, in the wallet of
    /// `customer` and `unit`. Before the first entry `previous` is zeroes.
    #[must_use]
    pub fn hash(customer: &CustomerId, unit: &Unit, previous: &Hash, entry: &Entry) -> Hash {
        let why = &entry.why;
        let mut fields = Fields::new();
        fields.put(&previous.0);
        fields.put(customer.as_str().as_bytes());
        fields.put(unit.as_str().as_bytes());
        fields.put(&entry.seq.to_be_bytes());
        fields.put(&entry.at.micros().to_be_bytes());
        fields.put(&(entry.kind as i16).to_be_bytes());
        fields.maybe(entry.grant.map(|grant| grant.0.to_be_bytes()));
        fields.put(&entry.amount.micros().to_be_bytes());
        fields.maybe(entry.terms.map(|digest| digest.0));
        fields.put(&(why.cause.kind as i16).to_be_bytes());
        fields.put(why.cause.id.as_bytes());
        fields.maybe(why.cause.request.map(|request| request.0.to_be_bytes()));
        fields.put(why.subject.as_bytes());
        fields.maybe(why.user.map(|digest| digest.0));
        fields.maybe(why.metadata.map(|digest| digest.0));
        Hash(fields.finish())
    }
}

impl Terms {
    /// The digest of all that never changes about the grant, to stand in its first ledger entry.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut fields = Fields::new();
        fields.put(&self.id.0.to_be_bytes());
        fields.put(&(self.source_kind as i16).to_be_bytes());
        fields.put(self.source_id.as_bytes());
        fields.put(&self.amount.micros().to_be_bytes());
        fields.put(&self.priority.to_be_bytes());
        fields.put(&self.effective_at.micros().to_be_bytes());
        fields.maybe(self.expires_at.map(|at| at.micros().to_be_bytes()));
        fields.maybe(self.rollover.map(|rollover| rollover.max.micros().to_be_bytes()));
        fields.maybe(self.rollover.map(|rollover| rollover.seconds.to_be_bytes()));
        fields.maybe(self.metadata.map(|digest| digest.0));
        Digest(fields.finish())
    }
}

impl Digest {
    /// The plain SHA-256 of `bytes`: for metadata, as received.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of `text` with the customer's `salt`: for personal data, which is erased by
    /// forgetting the text and the salt.
    #[must_use]
    pub fn salted(salt: &[u8], text: &[u8]) -> Self {
        let mut fields = Fields::new();
        fields.put(salt);
        fields.put(text);
        Self(fields.finish())
    }
}

/// A version byte, then fields, each after its length as four bytes, highest first.
struct Fields(Sha256);

impl Fields {
    fn new() -> Self {
        Self(Sha256::new_with_prefix([VERSION]))
    }

    fn put(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).expect("a hashed field is shorter than 4 GiB");
        self.0.update(length.to_be_bytes());
        self.0.update(bytes);
    }

    /// An absent field has the length 2^32 − 1 and no bytes: it is not the same as an empty one.
    fn maybe<const N: usize>(&mut self, bytes: Option<[u8; N]>) {
        match bytes {
            Some(bytes) => self.put(&bytes),
            None => self.0.update(ABSENT),
        }
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
