//! The hashes of the ledger against the golden vectors: they never change within a version.

use purser_rules::{
    Amount, Time,
    credit::{Cause, CauseKind, Chain, Digest, Entry, EntryKind, Hash, Rollover, SourceKind, Terms, Why},
    ids::{CustomerId, GrantId, RequestId, Unit},
};
use std::{collections::BTreeMap, path::Path, process::Command};

const VECTORS: &str = include_str!("golden/ledger_hashes.txt");

/// A block of the file: what it is, and its values by name.
struct Vector<'a> {
    kind: &'a str,
    values: BTreeMap<&'a str, &'a str>,
}

impl<'a> Vector<'a> {
    fn all(file: &'a str) -> Vec<Self> {
        file.split("\n\n").filter_map(Self::read).collect()
    }

    fn read(block: &'a str) -> Option<Self> {
        let mut lines = block.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let kind = lines.next()?;
        let values = lines.map(|line| line.split_once(" =").expect("name = value"));
        Some(Self { kind, values: values.map(|(name, value)| (name, value.strip_prefix(' ').unwrap_or(""))).collect() })
    }

    fn text(&self, name: &str) -> &'a str {
        self.values.get(name).unwrap_or_else(|| panic!("{} without {name}", self.kind))
    }

    fn number(&self, name: &str) -> i64 {
        self.text(name).parse().expect(name)
    }

    fn amount(&self, name: &str) -> Amount {
        Amount::from_micros(self.number(name)).expect(name)
    }

    fn time(&self, name: &str) -> Time {
        Time::from_micros(self.number(name))
    }

    fn grant(&self, name: &str) -> GrantId {
        GrantId(u128::from_str_radix(self.text(name), 16).expect(name))
    }

    fn request(&self, name: &str) -> RequestId {
        RequestId(u128::from_str_radix(self.text(name), 16).expect(name))
    }

    fn digest(&self, name: &str) -> Digest {
        Digest(unhex(self.text(name)).try_into().expect(name))
    }

    fn maybe<T>(&self, name: &str, read: impl FnOnce(&Self, &str) -> T) -> Option<T> {
        self.values.contains_key(name).then(|| read(self, name))
    }

    fn hash(&self) -> [u8; 32] {
        match self.kind {
            "entry" => self.entry_hash().0,
            "terms" => self.terms().digest().0,
            "digest" => Digest::of(self.text("text").as_bytes()).0,
            "salted" => Digest::salted(&unhex(self.text("salt")), self.text("text").as_bytes()).0,
            other => panic!("{other} is no kind of vector"),
        }
    }

    fn entry_hash(&self) -> Hash {
        let customer = CustomerId::new(self.text("customer")).expect("a customer");
        let unit = Unit::new(self.text("unit")).expect("a unit");
        Chain::hash(&customer, &unit, &Hash(self.digest("previous").0), &self.entry())
    }

    fn entry(&self) -> Entry {
        Entry {
            seq: self.text("seq").parse().expect("a sequence number"),
            at: self.time("at"),
            kind: match self.number("kind") {
                1 => EntryKind::Grant,
                2 => EntryKind::Spend,
                24 => EntryKind::DebtIncurred,
                26 => EntryKind::DebtForgiven,
                27 => EntryKind::Overflow,
                28 => EntryKind::OverflowReturned,
                other => panic!("entry kind {other}"),
            },
            grant: self.maybe("grant", Self::grant),
            amount: self.amount("amount"),
            terms: self.maybe("terms", Self::digest),
            why: Why {
                cause: Cause {
                    kind: match self.number("cause_kind") {
                        1 => CauseKind::Api,
                        2 => CauseKind::Stripe,
                        3 => CauseKind::Job,
                        4 => CauseKind::Operator,
                        other => panic!("cause kind {other}"),
                    },
                    id: self.text("cause_id").into(),
                    request: self.maybe("request", Self::request),
                },
                subject: self.text("subject").into(),
                user: self.maybe("user", Self::digest),
                metadata: self.maybe("metadata", Self::digest),
            },
            hash: Hash::default(),
        }
    }

    fn terms(&self) -> Terms {
        Terms {
            id: self.grant("id"),
            source_kind: match self.number("source_kind") {
                2 => SourceKind::Allowance,
                5 => SourceKind::Manual,
                6 => SourceKind::Import,
                other => panic!("source kind {other}"),
            },
            source_id: self.text("source_id").into(),
            amount: self.amount("amount"),
            priority: self.text("priority").parse().expect("a priority"),
            effective_at: self.time("effective_at"),
            expires_at: self.maybe("expires_at", Self::time),
            rollover: self
                .maybe("rollover_max", |_, _| ())
                .map(|()| Rollover { max: self.amount("rollover_max"), seconds: self.number("rollover_seconds") }),
            metadata: self.maybe("metadata", Self::digest),
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_golden_vector_is_computed() {
    let vectors = Vector::all(VECTORS);
    for kind in ["entry", "terms", "digest", "salted"] {
        assert!(vectors.iter().any(|vector| vector.kind == kind), "no vector of {kind}");
    }
    for vector in vectors {
        assert_eq!(hex(&vector.hash()), vector.text("hash"), "{} {:?}", vector.kind, vector.values);
    }
}

#[test]
fn the_python_of_the_docs_agrees() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let check = |vectors: &Path| {
        let script = top.join("../../docs/examples/verify_chain.py");
        Command::new("python3").arg("-B").arg(script).arg(vectors).output().expect("this test needs python3")
    };
    let good = check(&top.join("tests/golden/ledger_hashes.txt"));
    assert!(good.status.success(), "{good:?}");
    let changed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("changed_hashes.txt");
    std::fs::write(&changed, VECTORS.replace("amount = 1500000\n", "amount = 1500001\n")).expect("a file");
    let bad = check(&changed);
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    assert!(String::from_utf8_lossy(&bad.stdout).contains(": entry: the hash is "), "{bad:?}");
}

/// Every field counts, an absent one is not an empty one, and bytes cannot move from one to the next.
#[test]
fn any_change_changes_the_hash() {
    let vectors = Vector::all(VECTORS);
    let full = vectors.iter().find(|vector| vector.kind == "entry" && vector.values.contains_key("user"));
    let entry = full.expect("an entry with a user").entry();
    let hash_in = |customer: &str, unit: &str, previous: u8, entry: &Entry| {
        let (customer, unit) = (CustomerId::new(customer).expect("a customer"), Unit::new(unit).expect("a unit"));
        Chain::hash(&customer, &unit, &Hash([previous; 32]), entry)
    };
    let changes: [fn(&mut Entry); 15] = [
        |_| (),
        |entry| entry.seq += 1,
        |entry| entry.at = Time::from_micros(entry.at.micros() + 1),
        |entry| entry.kind = EntryKind::Hold,
        |entry| entry.grant = None,
        |entry| entry.grant = Some(GrantId(0)),
        |entry| entry.amount = Amount::units(7),
        |entry| entry.terms = Some(Digest([0; 32])),
        |entry| entry.why.cause.kind = CauseKind::Job,
        |entry| entry.why.cause.id.push('x'),
        |entry| entry.why.subject.insert(0, 'x'),
        |entry| entry.why.user = None,
        |entry| entry.why.metadata = None,
        |entry| core::mem::swap(&mut entry.why.user, &mut entry.why.metadata),
        |entry| {
            let last = entry.why.cause.id.pop().expect("a cause");
            entry.why.subject.insert(0, last);
        },
    ];
    let mut hashes = vec![hash_in("ab", "c", 1, &entry), hash_in("a", "bc", 1, &entry), hash_in("a", "c", 1, &entry)];
    hashes.extend(changes.iter().map(|change| {
        let mut changed = entry.clone();
        change(&mut changed);
        hash_in("a", "c", 2, &changed)
    }));
    for (at, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..at].contains(hash), "change {at} hashes like one before it");
    }
    let mut with_hash = entry.clone();
    with_hash.hash = Hash([9; 32]);
    assert_eq!(hash_in("a", "c", 2, &with_hash), hash_in("a", "c", 2, &entry), "its own hash does not count");
}
