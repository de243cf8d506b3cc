//! A request for a page: where to, with what, and whether it may change anything.

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, request::Parts},
};

/// The longest form that is read, in bytes.
const LONGEST_FORM: usize = 64 * 1024;
/// The longest state that is loaded, in bytes.
const LONGEST_STATE: usize = 1 << 30;
/// The longest webhook that the inbox takes, in bytes.
const LONGEST_WEBHOOK: usize = 1 << 20;
/// The paths that states are sent to.
const LOADING: &[&str] = &["/_sandbox/state/load", "/_sandbox/api/load"];

/// A request for a page.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub method: Method,
    pub path: String,
    pub query: Fields,
    pub body: Bytes,
    /// Its `Content-Type`; empty when there is none.
    pub kind: String,
    /// Its `Stripe-Signature`; empty when there is none.
    pub signature: String,
}

/// Why a request is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It would change something, and another site's page sent it.
    Foreign,
    /// Its body is too long, or broke off.
    TooLong,
}

/// Names and texts of a query or a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a query or a form.
    pub fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The text under `name`, without blanks around it; empty when there is none. Of several the last counts.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(other, _)| other == name).map_or("", |(_, text)| text.trim())
    }

    /// The same, if it is not empty.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|text| !text.is_empty())
    }

    /// As a query, with `text` under `name`.
    pub fn with(&self, name: &str, text: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(other, _)| other != name));
        query.append_pair(name, text);
        query.finish()
    }

    /// The whole number under `name`.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }
}

impl Visit {
    /// Reads a request whole.
    ///
    /// # Errors
    /// Why it is not looked at.
    pub async fn read(parts: Parts, body: Body) -> Result<Self, Unread> {
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        if !reads && !is_own(&parts.headers) {
            return Err(Unread::Foreign);
        }
        let path = parts.uri.path();
        let most = match path {
            path if LOADING.contains(&path) => LONGEST_STATE,
            super::inbox::PATH => LONGEST_WEBHOOK,
            _ => LONGEST_FORM,
        };
        let body = to_bytes(body, most).await.map_err(|_| Unread::TooLong)?;
        Ok(Self {
            path: path.to_owned(),
            query: Fields::read(parts.uri.query().unwrap_or_default().as_bytes()),
            body,
            kind: header(&parts.headers, "content-type").unwrap_or_default().to_owned(),
            signature: header(&parts.headers, "stripe-signature").unwrap_or_default().to_owned(),
            method: parts.method,
        })
    }

    /// The parts of the path between its slashes.
    pub fn parts(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// The form it carries.
    pub fn form(&self) -> Fields {
        Fields::read(&self.body)
    }

    /// Whether it only wants to see something.
    pub fn reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Whether it wants to change something.
    pub fn posts(&self) -> bool {
        self.method == Method::POST
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a request comes from a page of the sandbox itself, or from no page at all, as a program's does.
///
/// Browsers say where a form was sent from: in `Sec-Fetch-Site` where they trust the address, in `Origin` everywhere.
fn is_own(headers: &HeaderMap) -> bool {
    match header(headers, "sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => match header(headers, "origin") {
            Some(origin) => {
                let of = origin.split_once("://").map(|(_, of)| of);
                of.is_some() && of == header(headers, "host")
            }
            None => !headers.contains_key("origin"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, is_own};
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    #[test]
    fn only_its_own_pages_and_programs_may_change_the_sandbox() {
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[("host", "127.0.0.1:12111")], true),
            (&[("host", "127.0.0.1:12111"), ("sec-fetch-mode", "cors")], true),
            (&[("host", "127.0.0.1:12111"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "127.0.0.1:12111"), ("sec-fetch-site", "same-site")], false),
            (&[("host", "127.0.0.1:12111"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "127.0.0.1:12111"), ("origin", "http://127.0.0.1:12111")], true),
            (&[("host", "127.0.0.1:12111"), ("origin", "http://127.0.0.1:3000")], false),
            (&[("host", "127.0.0.1:12111"), ("origin", "https://example.com")], false),
            (&[("host", "127.0.0.1:12111"), ("origin", "null")], false),
            (&[("origin", "null")], false),
        ];
        for (given, expected) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in *given {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                headers.insert(name, HeaderValue::from_str(value).expect("a value"));
            }
            assert_eq!(is_own(&headers), *expected, "{given:?}");
        }
    }

    #[test]
    fn fields_are_read_without_blanks_around_them() {
        let fields = Fields::read(b"a=+x+&b=&n=12&a=+y&c=%E2%82%AC");
        assert_eq!((fields.get("a"), fields.get("b"), fields.get("z"), fields.get("c")), ("y", "", "", "€"));
        assert_eq!((fields.given("b"), fields.given("a")), (None, Some("y")));
        assert_eq!((fields.number("n"), fields.number("a")), (Some(12), None));
        assert_eq!(Fields::read(b"type=x&page=2").with("page", "3"), "type=x&page=3");
    }
}
