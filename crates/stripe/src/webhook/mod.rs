//! What Stripe sends to us: verified by its signature, then read.
//!
//! Verify the raw body before anything looks into it; store it; answer; then act. This module does the first and the
//! reading.

mod event;
mod signature;

pub use event::{Event, EventRequest, FullThinEvent, Notification, RelatedObject, ThinEvent, read};
pub use signature::{BadSignature, TOLERANCE, sign, verify};
