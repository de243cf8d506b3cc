//! Names of things: customers, units, buckets, and our own prefixed, time-ordered ids.

use crate::time::Time;
use alloc::string::{String, ToString};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One of 256 fixed buckets; every customer's rows carry theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bucket(pub u8);

/// Who pays, by the id the app chose: 1–128 of `A-Za-z0-9_.:@-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CustomerId {
    text: String,
    /// Computed once: every statement on the customer names it.
    bucket: Bucket,
}

impl CustomerId {
    /// Takes `text` as a customer's id.
    ///
    /// # Errors
    /// [`BadName`] when it is empty, longer than 128, or has another character.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let fits = (1..=128).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:@-".contains(&b));
        let bucket = || Bucket(Sha256::digest(text.as_bytes())[0]);
        if fits && plain { Ok(Self { text: text.to_string(), bucket: bucket() }) } else { Err(BadName) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bucket this customer belongs to: the first byte of the SHA-256 of the id. Never to change.
    #[must_use]
    pub const fn bucket(&self) -> Bucket {
        self.bucket
    }
}

impl From<CustomerId> for String {
    fn from(id: CustomerId) -> Self {
        id.text
    }
}

/// What a balance is counted in: 1–64 of `a-z0-9_`, a letter first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Unit(String);

impl Unit {
    /// Takes `text` as a unit.
    ///
    /// # Errors
    /// [`BadName`] when it is empty, too long, or has another character.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let fits = (1..=64).contains(&text.len()) && text.as_bytes()[0].is_ascii_lowercase();
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits && plain { Ok(Self(text.to_string())) } else { Err(BadName) }
    }

    /// The default unit, `credits`.
    #[must_use]
    pub fn credits() -> Self {
        Self(String::from("credits"))
    }

    /// The unit as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no name of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadName;

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a name or id of its kind")
    }
}

impl TryFrom<String> for CustomerId {
    type Error = BadName;

    /// Takes an id as it was stored.
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

impl TryFrom<String> for Unit {
    type Error = BadName;

    /// Takes a unit as it was stored.
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::new(&text)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u128);

        impl $name {
            /// What the id's text begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A time-ordered id made at `at` from `random`, its last byte the owner's bucket.
            #[must_use]
            pub fn new(at: Time, random: u128, bucket: Bucket) -> Self {
                Self(time_ordered(at, random, bucket))
            }

            /// The id that `texts` always make, its last byte the owner's bucket: for what must be
            /// found again without having been written.
            #[must_use]
            pub fn derive(texts: &[&str], bucket: Bucket) -> Self {
                Self(derived(texts, bucket))
            }

            /// The bucket the id was made for.
            #[must_use]
            pub const fn bucket(self) -> Bucket {
                Bucket(self.0.to_be_bytes()[15])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:032x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                parse_hex(text.strip_prefix($prefix).ok_or(BadName)?).map(Self)
            }
        }
    )*};
}

ids! {
    /// A grant.
    GrantId = "grt_";
    /// A ledger entry: its number in its wallet, then the first 8 bytes of its hash.
    EntryId = "ent_";
    /// A hold.
    HoldId = "hold_";
    /// A consumption: one accepted spend.
    ConsumptionId = "con_";
    /// An API key (its public half).
    KeyId = "key_";
    /// A line of the audit trail.
    AuditId = "aud_";
    /// A request, for logs and support.
    RequestId = "req_";
    /// A job in the queue.
    JobId = "job_";
    /// A version of a plan.
    PlanId = "plan_";
    /// A price of a plan: ours, not Stripe's, whose ids begin with `price_`.
    PlanPriceId = "ppr_";
    /// A change of a subscription that was asked for.
    ChangeId = "chg_";
    /// A version of a top-up plan.
    TopUpPlanId = "tup_";
    /// A purchase: one sale of a top-up plan.
    PurchaseId = "pur_";
    /// A checkout that was asked for; Stripe's session of it has an id of its own.
    CheckoutId = "chk_";
    /// A notification: one thing a customer is told.
    NotificationId = "ntf_";
    /// An attempt of auto top-up to buy a pack.
    TopUpAttemptId = "ata_";
}

impl EntryId {
    /// The entry's number in its wallet.
    #[must_use]
    pub const fn seq(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0.to_be_bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// UUID version 7 with the bucket in its last byte: 48 bits of milliseconds, then random bits.
fn time_ordered(at: Time, random: u128, bucket: Bucket) -> u128 {
    let millis = u64::try_from(at.micros().div_euclid(1000)).unwrap_or(0);
    let bytes = random.to_be_bytes();
    let mut tail = [0; 10];
    tail.copy_from_slice(&bytes[..10]);
    tail[9] = bucket.0;
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid().as_u128()
}

/// The first bytes of the SHA-256 of the texts, each after its length (so that `a`, `bc` is not
/// `ab`, `c`), and the bucket.
fn derived(texts: &[&str], bucket: Bucket) -> u128 {
    let mut sha = Sha256::new();
    for text in texts {
        sha.update((text.len() as u64).to_be_bytes());
        sha.update(text.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha.finalize()[..16]);
    bytes[15] = bucket.0;
    u128::from_be_bytes(bytes)
}

/// Exactly 32 lower-case hexadecimal digits.
fn parse_hex(text: &str) -> Result<u128, BadName> {
    let plain = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if plain { u128::from_str_radix(text, 16).map_err(|_| BadName) } else { Err(BadName) }
}

#[cfg(test)]
mod tests;
