//! What operators are told: a session that is paid, and of which nobody knows what it sold.

use super::auto_top_up;
use crate::platform::error::{Code, Error};
use metrics::counter;

/// Puts the metrics of payments there before the first of them.
pub fn announce() {
    drop(counter!("purser_unmapped_sessions_total"));
    auto_top_up::announce();
}

/// Tells operators of an error that needs one of them.
pub(super) fn alert(error: &Error) {
    if error.code == Code::UnmappedPrice {
        counter!("purser_unmapped_sessions_total").increment(1);
        tracing::error!(error = error.message, "a customer paid for what no price book has");
    }
}
