//! Errors in Stripe's words: status, type, code, parameter and message as Stripe answers them.
//!
//! Sources stand in `docs/decisions/0025-the-sandbox.md`; texts were recorded by others against Stripe's test mode.

use serde_json::{Map, Value, json};

/// A refusal, as Stripe answers it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// `invalid_request_error`, `card_error`, `idempotency_error` or `api_error`.
    pub kind: &'static str,
    /// The code, such as `resource_missing`.
    pub code: Option<String>,
    /// Which parameter.
    pub param: Option<String>,
    /// In words.
    pub message: String,
    /// What else stands in it: `decline_code`, `payment_intent` and others.
    pub more: Map<String, Value>,
    /// The header `Stripe-Should-Retry`, where it is sent.
    pub should_retry: Option<bool>,
    /// Whether what was done before it stands: a declined payment is remembered.
    pub kept: bool,
}

impl ApiError {
    /// A request that is wrong as such.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_request_error",
            code: None,
            param: None,
            message: message.into(),
            more: Map::new(),
            should_retry: None,
            kept: false,
        }
    }

    /// A request with a wrong parameter.
    pub fn wrong(message: &str, param: &str) -> Self {
        Self::invalid(message).at(param)
    }

    /// The same about the parameter `param`.
    pub fn at(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    /// The same with a code.
    pub fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    /// The same with another status.
    pub const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with one more member.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The same, and what was done before it stands.
    pub const fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    /// No such object; `noun` is what it would be.
    pub fn no_such(noun: &str, id: &str) -> Self {
        Self::invalid(format!("No such {noun}: '{id}'")).code("resource_missing")
    }

    /// A parameter that is not there.
    pub fn missing(param: &str) -> Self {
        Self::wrong(&format!("Missing required param: {param}."), param).code("parameter_missing")
    }

    /// Parameters nobody knows.
    pub fn unknown_parameters(names: &[String]) -> Self {
        let first = names.first().map_or("", String::as_str);
        let message = match names {
            [one] => format!("Received unknown parameter: {one}"),
            several => format!("Received unknown parameters: {}", several.join(", ")),
        };
        Self::wrong(&message, first).code("parameter_unknown")
    }

    /// A text that is no whole number.
    pub fn invalid_integer(text: &str, param: &str) -> Self {
        Self::wrong(&format!("Invalid integer: {text}"), param).code("parameter_invalid_integer")
    }

    /// An empty text where nothing can be unset.
    pub fn empty(param: &str) -> Self {
        let message = format!(
            "You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; \
             however '{param}' cannot be unset. You should remove '{param}' from your request or supply a non-empty \
             value."
        );
        Self::wrong(&message, param).code("parameter_invalid_empty")
    }

    /// A word that is none of those there are.
    pub fn not_one_of(words: &[Value], param: &str) -> Self {
        let words: Vec<String> =
            words.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), Into::into)).collect();
        let listed = match words.as_slice() {
            [] => String::new(),
            [one] => one.clone(),
            [one, two] => format!("{one} or {two}"),
            [most @ .., last] => format!("{}, or {last}", most.join(", ")),
        };
        // Inside a list Stripe names the whole path, else the name alone.
        Self::wrong(&format!("Invalid {param}: must be one of {listed}"), param)
    }

    /// A URL nobody knows.
    pub fn unknown_url(method: &str, path: &str) -> Self {
        let see = "Please see https://stripe.com/docs or we can help at https://support.stripe.com/.";
        let hint = if path.ends_with('/') {
            "If you are trying to list objects, remove the trailing slash. If you are trying to retrieve an object, \
             make sure you passed a valid (non-empty) identifier in your code. "
        } else {
            ""
        };
        Self::invalid(format!("Unrecognized request URL ({method}: {path}). {hint}{see}")).status(404)
    }

    /// What Stripe does and the sandbox does not.
    pub fn not_simulated(operation: &str) -> Self {
        let message = format!("The sandbox does not do {operation}. What it does is listed at /_sandbox/operations.");
        Self { status: 501, kind: "api_error", ..Self::invalid(message) }
    }

    /// No key.
    pub fn no_key() -> Self {
        Self::invalid(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using \
             Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication \
             for details, or we can help at https://support.stripe.com/.",
        )
        .status(401)
    }

    /// A key that is none.
    pub fn bad_key(key: &str) -> Self {
        Self::invalid(format!("Invalid API Key provided: {}", masked(key))).status(401)
    }

    /// Two requests at once on one object.
    pub fn locked() -> Self {
        let message = "This object cannot be accessed right now because another API request or Stripe process is \
             currently accessing it. If you see this error intermittently, retry the request. If you see this error \
             frequently and are making multiple concurrent requests to a single object, make your requests serially or \
             at a lower rate.";
        Self { should_retry: Some(true), ..Self::invalid(message).code("lock_timeout").status(429) }
    }

    /// Too many requests.
    pub fn rate_limited() -> Self {
        Self::invalid(
            "Testmode request rate limit exceeded, the rate limits in testmode are lower than livemode. You can learn \
             more about rate limits here https://stripe.com/docs/rate-limits.",
        )
        .code("rate_limit")
        .status(429)
    }

    /// A key that was used for another address.
    pub fn other_endpoint(key: &str, path: &str, before: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used for the same endpoint they were first used for ('{path}' vs \
             '{before}'). Try using a key other than '{key}' if you meant to execute a different request."
        );
        Self { kind: "idempotency_error", ..Self::invalid(message) }
    }

    /// A key that was used with other parameters.
    pub fn other_parameters(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using \
             a key other than '{key}' if you meant to execute a different request."
        );
        Self { kind: "idempotency_error", ..Self::invalid(message) }
    }

    /// A key whose first request is still running.
    pub fn key_in_use(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you submitted \
             twice, and the other request is still going through): {key}. Please try again later."
        );
        Self { kind: "idempotency_error", ..Self::invalid(message).code("idempotency_key_in_use").status(409) }
    }

    /// A key that is none: empty or too long. That its type is this one is ours.
    pub fn bad_idempotency_key(length: usize) -> Self {
        let message = format!(
            "Idempotent key length is {length}, which is outside accepted lengths. Idempotent Keys must be 1-255 \
             characters long. If you're looking for a decent generator, try using a UUID defined by IETF RFC 4122."
        );
        Self { kind: "idempotency_error", ..Self::invalid(message) }
    }

    /// A body that is no form.
    pub fn not_a_form() -> Self {
        Self::invalid(
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any \
             questions, we can help at https://support.stripe.com/.",
        )
    }

    /// A body that is longer than the sandbox reads. The text is ours.
    pub fn too_long() -> Self {
        Self::invalid("This request is too long: at most 1 MiB is read.").status(413)
    }

    /// Stripe's own trouble.
    pub fn trouble(status: u16) -> Self {
        Self { kind: "api_error", ..Self::invalid("An unknown error occurred").status(status) }
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        let mut error = self.more.clone();
        error.insert("message".into(), json!(self.message));
        error.insert("type".into(), json!(self.kind));
        if let Some(param) = &self.param {
            error.insert("param".into(), json!(param));
        }
        if let Some(code) = &self.code {
            error.insert("code".into(), json!(code));
            if matches!(self.kind, "invalid_request_error" | "card_error") {
                let page = code.replace('_', "-");
                error.insert("doc_url".into(), json!(format!("https://stripe.com/docs/error-codes/{page}")));
            }
        }
        json!({ "error": error })
    }
}

/// A key with its middle hidden, as Stripe shows it.
fn masked(key: &str) -> String {
    let (kind, rest) = match key.rsplit_once('_') {
        Some((kind, rest)) => (format!("{kind}_"), rest),
        None => (String::new(), key),
    };
    let hidden = rest.chars().count().saturating_sub(4);
    let shown: String = rest.chars().skip(hidden).collect();
    format!("{kind}{}{shown}", "*".repeat(hidden))
}

#[cfg(test)]
mod tests {
    use super::{ApiError, masked};
    use serde_json::json;

    #[test]
    fn a_refusal_is_written_as_stripe_does() {
        let error = ApiError::no_such("customer", "cus_x").at("id").status(404);
        let body = json!({ "error": {
            "code": "resource_missing",
            "doc_url": "https://stripe.com/docs/error-codes/resource-missing",
            "message": "No such customer: 'cus_x'",
            "param": "id",
            "type": "invalid_request_error",
        } });
        assert_eq!((error.status, error.body()), (404, body));
    }

    #[test]
    fn words_are_listed_and_keys_hidden() {
        let error = ApiError::not_one_of(&[json!("none"), json!("reverse"), json!("exempt")], "tax_exempt");
        assert_eq!(error.message, "Invalid tax_exempt: must be one of none, reverse, or exempt");
        assert_eq!(masked("sk_test_placeholder"), "sk_test_*******lder");
    }
}
