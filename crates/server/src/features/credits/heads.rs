//! Signed heads: the end of every chain written to a file outside the database, so that a tail cut from it shows.

#[cfg(test)]
mod tests;

use super::{
    store::{self, text},
    verify::Flaw,
    view::hex,
};
use crate::platform::{
    db::{Db, DbError, Row, Tx, Value},
    error::{Code, Error},
};
use purser_rules::{
    Time,
    ids::{CustomerId, Unit},
};
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
};

/// How many wallets are read at a time.
const SLICE: i64 = 1_000;

/// The end of one wallet's chain, one line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    customer: String,
    unit: String,
    seq: u64,
    hash: String,
}

/// The last line of a file: HMAC-SHA256 over all bytes before it.
#[derive(Serialize, Deserialize)]
struct Signature {
    signature: String,
}

/// What a run of `write-heads` did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Written {
    /// Wallets whose heads were written.
    pub wallets: u64,
    /// The file; none when no wallet changed since the last one.
    pub file: Option<PathBuf>,
}

/// Writes the heads of all wallets that changed since the last file in `folder`, signed with `secret`.
///
/// # Errors
/// `internal` when the folder cannot be written, or what the database says.
pub async fn write_heads(db: &Db, folder: &Path, secret: &[u8], now: Time) -> Result<Written, Error> {
    std::fs::create_dir_all(folder).map_err(|error| cannot("write", folder, &error))?;
    // An hour of overlap: wallets that other nodes were just writing are in one file or the other.
    let since = files(folder)?.last().and_then(|path| written_at(path)).map(|at| at.plus_seconds(-3_600));
    let path = folder.join(format!("heads-{}.jsonl", now.to_string().replace(':', "-")));
    let part = path.with_extension("part");
    let mut file = Signed::create(&part, secret).map_err(|error| cannot("write", &part, &error))?;
    let mut written = Written::default();
    let mut after = (String::new(), String::new());
    loop {
        let from = after.clone();
        let heads = db.read(move |tx| changed(tx, since, &from)).await?;
        let Some(last) = heads.last() else { break };
        after = (last.customer.clone(), last.unit.clone());
        for head in &heads {
            file.line(head).map_err(|error| cannot("write", &part, &error))?;
            written.wallets += 1;
        }
    }
    file.finish().map_err(|error| cannot("write", &part, &error))?;
    if written.wallets == 0 {
        std::fs::remove_file(&part).map_err(|error| cannot("remove", &part, &error))?;
        return Ok(written);
    }
    std::fs::rename(&part, &path).map_err(|error| cannot("write", &path, &error))?;
    Ok(Written { file: Some(path), ..written })
}

/// The heads of wallets after `after` that were written at or after `since`.
fn changed(tx: &mut Tx<'_>, since: Option<Time>, after: &(String, String)) -> Result<Vec<Head>, DbError> {
    let sql = "SELECT customer, unit, seq, head FROM wallets WHERE (customer, unit) > ($1, $2) AND last_at >= $3 \
         AND seq > 0 ORDER BY customer, unit LIMIT $4";
    let params =
        vec![text(&after.0), text(&after.1), Value::Ts(since.unwrap_or(Time::from_micros(0))), Value::I64(SLICE)];
    tx.query(sql, params)?.iter().map(head).collect()
}

fn head(row: &Row) -> Result<Head, DbError> {
    Ok(Head {
        customer: row.text(0)?.to_owned(),
        unit: row.text(1)?.to_owned(),
        seq: u64::try_from(row.i64(2)?).map_err(|_| store::bug("a negative seq"))?,
        hash: hex(row.bytes(3)?),
    })
}

/// Compares the ledger with all heads in `folder`: each must still be there.
///
/// # Errors
/// `internal` when a file cannot be read, or what the database says.
pub async fn check_heads(db: &Db, folder: &Path, secret: &[u8]) -> Result<Vec<Flaw>, Error> {
    let mut flaws = Vec::new();
    for path in files(folder)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(heads) = read(&path, secret).map_err(|error| cannot("read", &path, &error))? else {
            flaws.push(Flaw {
                customer_id: String::new(),
                unit: String::new(),
                entry: None,
                grant_id: None,
                what: format!("{name} is not signed with this PURSER_SECRET, or was changed"),
            });
            continue;
        };
        for slice in heads.chunks(1_000) {
            let (slice, name) = (slice.to_vec(), name.clone());
            flaws.extend(db.read(move |tx| missing(tx, &slice, &name)).await?);
        }
    }
    Ok(flaws)
}

/// Those of `heads` that the ledger no longer has.
fn missing(tx: &mut Tx<'_>, heads: &[Head], file: &str) -> Result<Vec<Flaw>, DbError> {
    let sql = "SELECT hash FROM ledger_entries WHERE customer = $1 AND unit = $2 AND seq = $3 AND bucket = $4";
    let mut flaws = Vec::new();
    for head in heads {
        let (customer, unit): (CustomerId, Unit) = (store::customer(&head.customer)?, store::unit(&head.unit)?);
        let seq = Value::I64(i64::try_from(head.seq).unwrap_or(i64::MAX));
        let params = vec![text(customer.as_str()), text(unit.as_str()), seq, store::bucket(&customer)];
        let there = tx.first(sql, params)?;
        let same = there.as_ref().map(|row| row.bytes(0).map(|hash| hex(hash) == head.hash)).transpose()?;
        if same != Some(true) {
            let how = if same.is_none() { "is gone" } else { "is another" };
            flaws.push(Flaw {
                customer_id: head.customer.clone(),
                unit: head.unit.clone(),
                entry: Some(head.seq),
                grant_id: None,
                what: format!("the entry whose hash {file} recorded {how}"),
            });
        }
    }
    Ok(flaws)
}

/// The files of heads in `folder`, the oldest first.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot("read", folder, &error)),
    };
    let paths = listed.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.map_err(|error| cannot("read", folder, &error))?;
    paths.retain(|path| written_at(path).is_some());
    paths.sort_by_key(|path| written_at(path));
    Ok(paths)
}

/// When a file was written, by its name.
fn written_at(path: &Path) -> Option<Time> {
    let stem = path.file_name()?.to_str()?.strip_prefix("heads-")?.strip_suffix(".jsonl")?;
    let (date, time) = stem.split_once('T')?;
    Time::parse(&format!("{date}T{}", time.replace('-', ":")))
}

/// The heads of one file; nothing when its signature is not right.
fn read(path: &Path, secret: &[u8]) -> io::Result<Option<Vec<Head>>> {
    let mut signed = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    let mut heads = Vec::new();
    let mut lines = BufReader::new(File::open(path)?).lines().peekable();
    while let Some(line) = lines.next() {
        let line = line?;
        if lines.peek().is_none() {
            let tag = hex(signed.sign().as_ref());
            let right = serde_json::from_str(&line).is_ok_and(|last: Signature| last.signature == tag);
            return Ok(right.then_some(heads));
        }
        signed.update(line.as_bytes());
        signed.update(b"\n");
        match serde_json::from_str(&line) {
            Ok(head) => heads.push(head),
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

/// A file being written and signed.
struct Signed {
    file: BufWriter<File>,
    signed: hmac::Context,
}

impl Signed {
    fn create(path: &Path, secret: &[u8]) -> io::Result<Self> {
        let signed = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
        Ok(Self { file: BufWriter::new(File::create(path)?), signed })
    }

    fn line(&mut self, head: &Head) -> io::Result<()> {
        let mut line = serde_json::to_vec(head)?;
        line.push(b'\n');
        self.signed.update(&line);
        self.file.write_all(&line)
    }

    fn finish(mut self) -> io::Result<()> {
        let last = Signature { signature: hex(self.signed.sign().as_ref()) };
        self.file.write_all(&serde_json::to_vec(&last)?)?;
        self.file.write_all(b"\n")?;
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(Code::Internal, format!("Cannot {what} {}: {error}.", path.display()))
}
