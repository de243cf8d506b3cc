//! The texts of statements: parameters and type tokens per database, and the bulk verbs built from tables.

use super::{
    Column, Kind, Table, Type,
    tx::{Op, There},
};
use std::{collections::HashMap, sync::Arc};

/// Most ordinary texts kept per connection; there are fewer in the program.
const MOST_TEXTS: usize = 1024;

/// `$1…$n` as SQLite wants them: `?1…?n` (it numbers `$2, $1` by appearance). Quoted text stays as it is.
pub(super) fn for_sqlite(sql: &str) -> String {
    let mut quoted = false;
    let mut text = String::with_capacity(sql.len());
    for c in sql.chars() {
        quoted ^= c == '\'';
        text.push(if c == '$' && !quoted { '?' } else { c });
    }
    text
}

/// A migration's text for one database: its `{tokens}` replaced.
///
/// # Errors
/// The token that is not known.
pub(super) fn render(text: &str, kind: Kind) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (token, after) = after.split_once('}').ok_or("an unclosed token")?;
        if let Some(only) = token.strip_prefix("only ") {
            let (part, after) = after.split_once("{end}").ok_or("a part without its {end}")?;
            match (only, kind) {
                ("sqlite", Kind::Sqlite) | ("postgres", Kind::Postgres) => out.push_str(&render(part, kind)?),
                ("sqlite" | "postgres", _) => {}
                _ => return Err(format!("unknown database {only}")),
            }
            rest = after;
            continue;
        }
        // Comments speak of `{tokens}`; they are no statements.
        let comment = out.rsplit('\n').next().is_some_and(|line| line.contains("--"));
        match token_text(token, kind) {
            Some(text) => out.push_str(text),
            None if comment => out.push_str(token),
            None => return Err(format!("unknown token {{{token}}}")),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// What a token stands for.
fn token_text(token: &str, kind: Kind) -> Option<&'static str> {
    let (sqlite, postgres) = match token {
        "i64" => ("INTEGER", "BIGINT"),
        "bool" => ("INTEGER", "BOOLEAN"),
        "text" => ("TEXT", "TEXT COLLATE \"C\""),
        "bytes" => ("BLOB", "BYTEA"),
        "id" => ("BLOB", "UUID"),
        "ts" => ("INTEGER", "TIMESTAMPTZ"),
        "json" => ("TEXT", "JSONB"),
        "strict" => ("STRICT", ""),
        "clustered" => ("STRICT, WITHOUT ROWID", ""),
        "hot" => ("", "WITH (fillfactor=70)"),
        _ => return None,
    };
    Some(match kind {
        Kind::Sqlite => sqlite,
        Kind::Postgres => postgres,
    })
}

/// An array of this type in a cast, on PostgreSQL.
const fn array(ty: Type) -> &'static str {
    match ty {
        Type::I64 => "bigint[]",
        Type::Bool => "boolean[]",
        Type::Text => "text[]",
        Type::Bytes => "bytea[]",
        Type::Id => "uuid[]",
        Type::Ts => "timestamptz[]",
        Type::Json => "jsonb[]",
    }
}

/// `a, b, c`, each through `name`.
fn list<'a>(columns: impl IntoIterator<Item = &'a Column>, name: impl Fn(usize, &str) -> String) -> String {
    let names: Vec<String> = columns.into_iter().enumerate().map(|(at, (column, _))| name(at, column)).collect();
    names.join(", ")
}

/// `prefix.a = … AND prefix.b = …`
fn equal(columns: &[Column], left: &str, right: impl Fn(usize) -> String) -> String {
    let pairs: Vec<String> =
        columns.iter().enumerate().map(|(at, (column, _))| format!("{left}{column} = {}", right(at))).collect();
    pairs.join(" AND ")
}

/// `unnest($1::text[]) AS v0, …`, a row per element. In a list of columns the rows are made one after the other; a
/// function in FROM would keep them all first, at twice the cost.
fn unnest<'a>(columns: impl IntoIterator<Item = &'a Column>) -> String {
    let made =
        columns.into_iter().enumerate().map(|(at, (_, ty))| format!("unnest(${}::{}) AS v{at}", at + 1, array(*ty)));
    made.collect::<Vec<_>>().join(", ")
}

/// ` AND t.bucket = ANY($n)`, so that a cluster sees which parts are concerned.
fn buckets(columns: &[Column]) -> String {
    let at = columns.iter().position(|(column, _)| *column == "bucket");
    at.map_or_else(String::new, |at| format!(" AND t.bucket = ANY(${})", at + 1))
}

/// Loads many rows (PostgreSQL), or those of one key (SQLite).
pub(super) fn many(kind: Kind, table: &Table, by: &[Column], columns: &[Column], lock: bool) -> String {
    let wanted = list(columns, |_, column| format!("t.{column}"));
    let name = table.name;
    match kind {
        Kind::Sqlite => format!("SELECT {wanted} FROM {name} t WHERE {}", equal(by, "t.", |at| format!("?{}", at + 1))),
        Kind::Postgres => {
            let join = equal(by, "t.", |at| format!("v.v{at}"));
            let order = list(by, |_, column| format!("t.{column}"));
            let lock = if lock { format!(" ORDER BY {order} FOR UPDATE OF t") } else { String::new() };
            format!("SELECT {wanted} FROM (SELECT {}) v JOIN {name} t ON {join}{}{lock}", unnest(by), buckets(by))
        }
    }
}

/// Inserts many rows (PostgreSQL), or one (SQLite).
pub(super) fn insert(kind: Kind, table: &Table, there: There) -> String {
    let all = || table.key.iter().chain(table.columns);
    let names = list(all(), |_, column| column.to_owned());
    let source = match kind {
        Kind::Sqlite => format!("VALUES ({})", list(all(), |at, _| format!("?{}", at + 1))),
        Kind::Postgres => format!("SELECT {}", unnest(all())),
    };
    let keys = || list(table.key, |_, column| column.to_owned());
    let conflict = match there {
        There::Conflict => String::new(),
        There::Replace if !table.columns.is_empty() => {
            let set = list(table.columns, |_, column| format!("{column} = excluded.{column}"));
            format!(" ON CONFLICT ({}) DO UPDATE SET {set}", keys())
        }
        // PostgreSQL waits for who writes a row only where there is something to do to it.
        There::Lock if kind == Kind::Postgres => {
            let set = list(table.key, |_, column| format!("{column} = excluded.{column}"));
            format!(" ON CONFLICT ({}) DO UPDATE SET {set}", keys())
        }
        There::Leave | There::Replace | There::Lock => format!(" ON CONFLICT ({}) DO NOTHING", keys()),
    };
    format!("INSERT INTO {} ({names}) {source}{conflict}", table.name)
}

/// Updates many rows (PostgreSQL), or one (SQLite).
pub(super) fn update(kind: Kind, table: &Table, columns: &[Column]) -> String {
    let (name, keys) = (table.name, table.key.len());
    match kind {
        Kind::Sqlite => {
            let set = list(columns, |at, column| format!("{column} = ?{}", keys + at + 1));
            format!("UPDATE {name} SET {set} WHERE {}", equal(table.key, "", |at| format!("?{}", at + 1)))
        }
        Kind::Postgres => {
            let set = list(columns, |at, column| format!("{column} = v.v{}", keys + at));
            let source = unnest(table.key.iter().chain(columns));
            let join = equal(table.key, "t.", |at| format!("v.v{at}"));
            format!("UPDATE {name} t SET {set} FROM (SELECT {source}) v WHERE {join}{}", buckets(table.key))
        }
    }
}

/// Which text a bulk verb needs.
#[derive(PartialEq, Eq, Hash)]
enum Verb {
    Many(&'static str, &'static [Column], &'static [Column], bool),
    Insert(&'static str, There),
    Update(&'static str, &'static [Column]),
}

/// The texts of one database, each made once.
pub(super) struct Texts {
    kind: Kind,
    plain: HashMap<String, Arc<str>>,
    verbs: HashMap<Verb, Arc<str>>,
}

impl Texts {
    /// No texts yet.
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, plain: HashMap::new(), verbs: HashMap::new() }
    }

    /// The text of `op`.
    pub(super) fn of(&mut self, op: &Op) -> Arc<str> {
        let kind = self.kind;
        match op {
            Op::Query { sql, .. } => self.plain(sql),
            Op::Many { table, by, columns, lock, .. } => {
                let verb = Verb::Many(table.name, by, columns, *lock);
                self.verbs.entry(verb).or_insert_with(|| many(kind, table, by, columns, *lock).into()).clone()
            }
            Op::Insert { table, there, .. } => {
                let verb = Verb::Insert(table.name, *there);
                self.verbs.entry(verb).or_insert_with(|| insert(kind, table, *there).into()).clone()
            }
            Op::Update { table, columns, .. } => {
                let verb = Verb::Update(table.name, columns);
                self.verbs.entry(verb).or_insert_with(|| update(kind, table, columns).into()).clone()
            }
        }
    }

    /// An ordinary statement's text.
    fn plain(&mut self, sql: &str) -> Arc<str> {
        if let Some(text) = self.plain.get(sql) {
            return text.clone();
        }
        if self.plain.len() >= MOST_TEXTS {
            self.plain.clear();
        }
        let text: Arc<str> = match self.kind {
            Kind::Sqlite => for_sqlite(sql).into(),
            Kind::Postgres => sql.into(),
        };
        self.plain.insert(sql.to_owned(), text.clone());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table {
        name: "things",
        key: &[("id", Type::Text), ("bucket", Type::I64)],
        columns: &[("a", Type::Bytes), ("b", Type::Ts)],
    };

    #[test]
    fn parameters_are_numbered_for_sqlite() {
        assert_eq!(for_sqlite("SELECT $2, '$3''$4', $1"), "SELECT ?2, '$3''$4', ?1");
    }

    #[test]
    fn tokens_are_rendered_for_each_database() {
        let text = "-- the {tokens}\nCREATE TABLE t (a {i64}, b {bool}, c {text}, d {bytes}, e {id}, f {ts}, g {json}) {clustered} {hot}; {strict}";
        assert_eq!(
            render(text, Kind::Sqlite).as_deref(),
            Ok(
                "-- the tokens\nCREATE TABLE t (a INTEGER, b INTEGER, c TEXT, d BLOB, e BLOB, f INTEGER, g TEXT) STRICT, WITHOUT ROWID ; STRICT"
            )
        );
        assert_eq!(
            render(text, Kind::Postgres).as_deref(),
            Ok(
                "-- the tokens\nCREATE TABLE t (a BIGINT, b BOOLEAN, c TEXT COLLATE \"C\", d BYTEA, e UUID, f TIMESTAMPTZ, g JSONB)  WITH (fillfactor=70); "
            )
        );
        assert_eq!(render("a {i32}", Kind::Sqlite), Err("unknown token {i32}".into()));
        let text = "a{only sqlite} {i64}{end}{only postgres}, {id}{end};";
        assert_eq!(render(text, Kind::Sqlite).as_deref(), Ok("a INTEGER;"));
        assert_eq!(render(text, Kind::Postgres).as_deref(), Ok("a, UUID;"));
        assert_eq!(render("a{only sqlite}", Kind::Postgres), Err("a part without its {end}".into()));
        assert_eq!(render("{only mysql}{end}", Kind::Postgres), Err("unknown database mysql".into()));
    }

    #[test]
    fn bulk_verbs_are_one_statement_on_postgresql() {
        assert_eq!(
            many(Kind::Postgres, &TABLE, TABLE.key, TABLE.columns, true),
            "SELECT t.a, t.b FROM (SELECT unnest($1::text[]) AS v0, unnest($2::bigint[]) AS v1) v JOIN things t \
             ON t.id = v.v0 AND t.bucket = v.v1 AND t.bucket = ANY($2) ORDER BY t.id, t.bucket FOR UPDATE OF t"
        );
        assert_eq!(
            insert(Kind::Postgres, &TABLE, There::Replace),
            "INSERT INTO things (id, bucket, a, b) SELECT unnest($1::text[]) AS v0, unnest($2::bigint[]) AS v1, \
             unnest($3::bytea[]) AS v2, unnest($4::timestamptz[]) AS v3 \
             ON CONFLICT (id, bucket) DO UPDATE SET a = excluded.a, b = excluded.b"
        );
        assert_eq!(
            insert(Kind::Postgres, &TABLE, There::Lock),
            "INSERT INTO things (id, bucket, a, b) SELECT unnest($1::text[]) AS v0, unnest($2::bigint[]) AS v1, \
             unnest($3::bytea[]) AS v2, unnest($4::timestamptz[]) AS v3 \
             ON CONFLICT (id, bucket) DO UPDATE SET id = excluded.id, bucket = excluded.bucket"
        );
        assert_eq!(
            update(Kind::Postgres, &TABLE, &[("b", Type::Ts)]),
            "UPDATE things t SET b = v.v2 FROM (SELECT unnest($1::text[]) AS v0, unnest($2::bigint[]) AS v1, \
             unnest($3::timestamptz[]) AS v2) v WHERE t.id = v.v0 AND t.bucket = v.v1 AND t.bucket = ANY($2)"
        );
    }
}
