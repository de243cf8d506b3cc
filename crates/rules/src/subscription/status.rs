//! What the app sees of a subscription, and whether its customer has access (rules 3.1).

use crate::Time;

/// Seconds in a day of grace.
const DAY: i64 = 86_400;

/// Stripe's word for a subscription whose payment it tries no more: it goes on, and its next invoices stay drafts.
const UNPAID: &str = "unpaid";

/// What the app sees of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// In its trial.
    Trial,
    /// Paid.
    Active,
    /// An invoice is unpaid: access until grace ends.
    PastDue,
    /// Ended.
    Canceled,
    /// Not begun, paused, or never there.
    None,
}

impl Status {
    /// What the app sees for a status of Stripe's. One it may add later is `none`, like those that give nothing.
    #[must_use]
    pub fn of_stripe(word: &str) -> Self {
        match word {
            "trialing" => Self::Trial,
            "active" => Self::Active,
            "past_due" | UNPAID => Self::PastDue,
            "canceled" => Self::Canceled,
            _ => Self::None,
        }
    }

    /// As it stands in the API and on pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Canceled => "canceled",
            Self::None => "none",
        }
    }

    /// Whether the subscription is there: it may give access, by itself or within grace.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Trial | Self::Active | Self::PastDue)
    }
}

/// Whether a subscription gives access now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether it does.
    pub allowed: bool,
    /// When that ends by itself: grace runs out. `None` when no end is known, or there is no access.
    pub until: Option<Time>,
}

/// Whether a subscription to which Stripe gives the status `stripe` gives access at `now`.
///
/// `first_failure` is when the oldest unpaid invoice failed for the first time, if that is known: one that is sent, and
/// not charged, fails when it is due. Grace is `grace_days` from then, 0 for none. Until the failure is known grace has
/// not begun to run, unless Stripe has given up: then what failed may have been paid or taken back since, without the
/// newest invoice, and nothing is going to fail that could begin grace.
#[must_use]
pub fn access(stripe: &str, first_failure: Option<Time>, grace_days: u16, now: Time) -> Access {
    let no = Access { allowed: false, until: None };
    match (Status::of_stripe(stripe), first_failure) {
        (Status::Trial | Status::Active, _) => Access { allowed: true, until: None },
        (Status::PastDue, _) if grace_days == 0 => no,
        (Status::PastDue, None) => Access { allowed: stripe != UNPAID, until: None },
        (Status::PastDue, Some(failed)) => {
            let until = failed.plus_seconds(i64::from(grace_days) * DAY);
            if now < until { Access { allowed: true, until: Some(until) } } else { no }
        }
        (Status::Canceled | Status::None, _) => no,
    }
}

/// When a subscription is scheduled to end, if it is: Stripe says so in one of two ways. The earlier counts.
#[must_use]
pub fn ends_at(cancel_at: Option<Time>, at_period_end: bool, period_end: Option<Time>) -> Option<Time> {
    cancel_at.into_iter().chain(period_end.filter(|_| at_period_end)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse(text).expect(text)
    }

    #[test]
    fn stripes_words_and_what_the_app_sees() {
        for (stripe, app, live) in [
            ("trialing", "trial", true),
            ("active", "active", true),
            ("past_due", "past_due", true),
            ("unpaid", "past_due", true),
            ("canceled", "canceled", false),
            ("incomplete", "none", false),
            ("incomplete_expired", "none", false),
            ("paused", "none", false),
            ("", "none", false),
            ("ACTIVE", "none", false),
            ("a word of next year", "none", false),
        ] {
            let status = Status::of_stripe(stripe);
            assert_eq!((status.as_str(), status.is_live()), (app, live), "{stripe}");
        }
    }

    #[test]
    fn access_is_an_instant() {
        let failed = Some(time("2026-11-21T10:00:00Z"));
        let yes = Access { allowed: true, until: None };
        let no = Access { allowed: false, until: None };
        let until = |text| Access { allowed: true, until: Some(time(text)) };
        let (early, last, end) = ("2026-11-21T10:00:00Z", "2026-11-24T09:59:59.999999Z", "2026-11-24T10:00:00Z");
        for (stripe, first_failure, grace_days, now, expected) in [
            ("trialing", None, 3, early, yes),
            ("trialing", failed, 0, end, yes),
            ("active", None, 0, early, yes),
            ("active", failed, 3, end, yes),
            ("past_due", failed, 3, early, until(end)),
            ("past_due", failed, 3, last, until(end)),
            ("past_due", failed, 3, end, no),
            ("past_due", failed, 1, last, no),
            ("past_due", failed, 0, early, no),
            ("past_due", None, 3, end, yes),
            ("past_due", None, 0, early, no),
            ("canceled", None, 3, early, no),
            ("canceled", failed, 3, early, no),
            ("paused", None, 3, early, no),
            ("paused", failed, 3, early, no),
            ("a word of next year", None, 3, early, no),
        ] {
            let found = access(stripe, first_failure, grace_days, time(now));
            assert_eq!(found, expected, "{stripe} {first_failure:?} {grace_days} {now}");
        }
        assert!(access("past_due", Some(Time::MAX), u16::MAX, time(end)).allowed, "held within what there is");
    }

    /// What failed was paid or taken back, and the newest invoice is a draft.
    #[test]
    fn unpaid_without_a_failure_has_no_grace_to_wait_for() {
        let failed = Some(time("2026-11-21T10:00:00Z"));
        let no = Access { allowed: false, until: None };
        let (last, end) = ("2026-11-24T09:59:59.999999Z", "2026-11-24T10:00:00Z");
        let grace = Access { allowed: true, until: Some(time(end)) };
        for (first_failure, grace_days, now, expected) in [
            (failed, 3, last, grace),
            (failed, 3, end, no),
            (failed, 0, last, no),
            (None, 3, last, no),
            (None, 0, last, no),
            (None, u16::MAX, end, no),
        ] {
            let found = access("unpaid", first_failure, grace_days, time(now));
            assert_eq!(found, expected, "{first_failure:?} {grace_days} {now}");
        }
    }

    #[test]
    fn scheduled_to_end_is_said_in_two_ways() {
        let (may, june) = (Some(time("2026-05-01T00:00:00Z")), Some(time("2026-06-01T00:00:00Z")));
        assert_eq!(ends_at(None, false, june), None);
        assert_eq!(ends_at(None, true, june), june);
        assert_eq!(ends_at(june, false, may), june, "a portal's cancel says no more than this");
        assert_eq!(ends_at(june, true, may), may);
        assert_eq!(ends_at(may, true, june), may);
        assert_eq!(ends_at(None, true, None), None);
    }
}
