//! What is asked of a subscription, checked field by field.

use super::requests::Fields;
use purser_rules::{
    ids::{CustomerId, PlanId},
    pricebook::{Interval, Name},
};
use purser_stripe::Seconds;

/// A plan as it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanName {
    /// This version.
    Id(PlanId),
    /// What is sold under this name of the app's.
    Name(Name),
}

/// When something takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Now.
    Now,
    /// When the running period ends.
    PeriodEnd,
}

impl At {
    /// As it stands in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::PeriodEnd => "period_end",
        }
    }
}

/// What a subscription is to be changed to; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The plan.
    pub plan: Option<PlanName>,
    /// How often it is paid.
    pub interval: Option<Interval>,
    /// The price at Stripe, instead of a plan and an interval.
    pub price: Option<String>,
    /// How many: 1–1,000.
    pub quantity: Option<u64>,
    /// The item that is replaced; the one of the base plan unless given.
    pub item: Option<String>,
    /// When; up at once and down at the period's end unless given.
    pub at: Option<At>,
    /// As of when a change at once is billed: what a preview was made with.
    pub proration_date: Option<Seconds>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is changed.
    Change(Target),
    /// It ends.
    Cancel {
        /// When.
        at: At,
        /// One of Stripe's reasons.
        feedback: Option<String>,
        /// In the customer's words.
        comment: Option<String>,
    },
    /// It goes on as it is.
    Resume,
}

impl Action {
    /// As it stands in the API.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Change(_) => "change",
            Self::Cancel { .. } => "cancel",
            Self::Resume => "resume",
        }
    }

    /// What was done, as the audit trail tells it.
    pub(super) const fn audited(&self) -> &'static str {
        match self {
            Self::Change(_) => "subscription.changed",
            Self::Cancel { .. } => "subscription.cancelled",
            Self::Resume => "subscription.resumed",
        }
    }
}

/// Something that is asked of a customer's subscription.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whose.
    pub customer: CustomerId,
    /// Which; the one that counts unless given.
    pub subscription: Option<String>,
    /// What.
    pub action: Action,
    /// The caller's own key.
    pub key: Option<String>,
}

impl Asked {
    /// It, field by field.
    pub(super) fn fields(&self) -> Fields {
        let mut fields = vec![("action", Some(self.action.as_str().to_owned()))];
        fields.push(("subscription_id", self.subscription.clone()));
        match &self.action {
            Action::Change(target) => fields.extend([
                ("plan", target.plan.as_ref().map(said)),
                ("interval", target.interval.map(|interval| interval.as_str().to_owned())),
                ("price", target.price.clone()),
                ("quantity", target.quantity.map(|quantity| quantity.to_string())),
                ("item", target.item.clone()),
                ("at", target.at.map(|at| at.as_str().to_owned())),
                ("proration_date", target.proration_date.map(|date| date.to_string())),
            ]),
            Action::Cancel { at, feedback, comment } => fields.extend([
                ("at", Some(at.as_str().to_owned())),
                ("feedback", feedback.clone()),
                ("comment", comment.clone()),
            ]),
            Action::Resume => {}
        }
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn said(plan: &PlanName) -> String {
    match plan {
        PlanName::Id(id) => id.to_string(),
        PlanName::Name(name) => name.as_str().to_owned(),
    }
}
