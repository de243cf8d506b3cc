//! A secret that does not show itself: keys of the API and of webhook endpoints.

use std::fmt;

/// A key or signing secret. `Debug` hides it; it is read with [`Secret::reveal`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes `text`, without white space around it; `None` when nothing else is left, since an empty secret would
    /// let anyone sign.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The secret itself: for a header or a signature, never for a log.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_does_not_show_itself_and_is_never_blank() {
        let secret = Secret::new(" sk_test_1\n").expect("not blank");
        assert_eq!((secret.reveal(), format!("{secret:?}").as_str()), ("sk_test_1", "Secret(…)"));
        assert_eq!((Secret::new(""), Secret::new(" \t\r\n")), (None, None));
    }
}
