//! Texts with a least and a most length; U+0000 is refused in all of them.

use super::invalid;
use serde::de;

/// A text field with its bounds; made by [`text_fields`].
pub trait Text: Sized {
    /// The fewest characters.
    const LEAST: usize;
    /// The most characters.
    const MOST: usize;
}

/// Checks `text` against the bounds of `T`.
///
/// # Errors
/// A serde error that says `invalid_field` and why.
#[doc(hidden)]
pub fn check<T: Text, E: de::Error>(text: &str) -> Result<(), E> {
    let length = text.chars().count();
    if text.contains('\0') {
        Err(invalid("It holds the character U+0000."))
    } else if length < T::LEAST {
        Err(invalid(format_args!("It must have at least {} characters.", T::LEAST)))
    } else if length > T::MOST {
        Err(invalid(format_args!("It may have at most {} characters.", T::MOST)))
    } else {
        Ok(())
    }
}

/// Makes text types: `text_fields! { /// Doc. Name = 1..=200, "Description"; }`.
macro_rules! text_fields {
    ($($(#[$doc:meta])* $name:ident = $least:literal ..= $most:literal, $says:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, taken out.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl $crate::platform::http::fields::Text for $name {
            const LEAST: usize = $least;
            const MOST: usize = $most;
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                $crate::platform::http::fields::check::<Self, D::Error>(&text)?;
                Ok(Self(text))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .min_length(Some($least))
                    .max_length(Some($most))
                    .pattern(Some("^[^\\x00]*$"))
                    .description(Some($says))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}
pub(crate) use text_fields;

text_fields! {
    /// A person inside a customer, by the id the app chose.
    UserName = 1..=128, "A person inside the customer, by your id.";
    /// Which source of its kind a grant comes from.
    SourceName = 1..=255, "Which source of its kind the grant comes from; unique per customer, unit and kind.";
}
