//! What a version promises: checked when it is made, never changed once a customer has it (rules 2.2, 2.3).

use super::words::{AllowancePeriod, ChangeCredits, OnDelete};
use crate::{
    Amount,
    credit::{CarryOver, SourceKind},
    ids::Unit,
};
use serde::{Deserialize, Serialize};

/// The latest place in the spend order.
const MOST_PRIORITY: u16 = 1000;
/// The longest life of a grant, in days: ten years.
const MOST_DAYS: u16 = 3650;
/// The longest trial, in days: Stripe's own limit.
const MOST_TRIAL: u16 = 730;

/// What a plan version promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTerms {
    /// The credits that come with it, if any do.
    pub credits: Option<Credits>,
    /// How long it may be tried: 0–730 days.
    pub trial_days: u16,
    /// What a trial gives, in the unit of its credits.
    pub trial_credits: Amount,
    /// What an upgrade in the middle of a paid period gives.
    pub change_credits: ChangeCredits,
    /// What becomes of what is left when the subscription is deleted.
    pub on_delete: OnDelete,
}

/// Credits that come again each period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credits {
    /// How many; more than nothing.
    pub amount: Amount,
    /// What they are counted in.
    pub unit: Unit,
    /// How often they come.
    pub period: AllowancePeriod,
    /// When what is left of them ends.
    pub expiry: Expiry,
    /// What is carried into the next period; only where they would end with theirs.
    pub rollover: Option<CarryOver>,
    /// Their place in the spend order: 0–1000, lower first.
    pub priority: u16,
    /// Whether each seat brings them.
    pub per_seat: bool,
}

/// When granted credits end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// With their period.
    PeriodEnd,
    /// So many days after they came: 1–3650.
    Days(u16),
}

/// What a credit pack promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUpTerms {
    /// How many credits; more than nothing.
    pub credits: Amount,
    /// What they are counted in.
    pub unit: Unit,
    /// How long they live: 1–3650 days; for ever when `None`.
    pub expires_in_days: Option<u16>,
    /// Their place in the spend order: 0–1000, lower first.
    pub priority: u16,
}

/// Why terms are refused: each names one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTerms {
    /// A plan's credits are nothing or less.
    CreditsAmount,
    /// A plan's credits live too short or too long.
    CreditsExpiry,
    /// A plan's credits are too late in the spend order.
    CreditsPriority,
    /// Credits that outlive their period would be carried over too.
    Rollover,
    /// Nothing, or less, would be carried over.
    RolloverMax,
    /// It would be carried for too few or too many periods.
    RolloverPeriods,
    /// The trial is too long.
    TrialDays,
    /// A trial would give less than nothing.
    TrialCredits,
    /// A pack's credits are nothing or less.
    PackCredits,
    /// A pack's credits live too short or too long.
    PackExpiry,
    /// A pack's credits are too late in the spend order.
    PackPriority,
}

impl BadTerms {
    /// The field it is about, as the API names it.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::CreditsAmount => "credits.amount",
            Self::CreditsExpiry => "credits.expires_in_days",
            Self::CreditsPriority => "credits.priority",
            Self::Rollover => "credits.rollover",
            Self::RolloverMax => "credits.rollover.max",
            Self::RolloverPeriods => "credits.rollover.periods",
            Self::TrialDays => "trial_days",
            Self::TrialCredits => "trial_credits",
            Self::PackCredits => "credits",
            Self::PackExpiry => "expires_in_days",
            Self::PackPriority => "priority",
        }
    }

    /// What it must be, in a sentence.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::CreditsAmount | Self::RolloverMax | Self::PackCredits => "The amount must be more than 0.",
            Self::CreditsExpiry | Self::PackExpiry => "It must be 1 to 3650.",
            Self::CreditsPriority | Self::PackPriority => "It must be 0 to 1000.",
            Self::Rollover => {
                "Only credits that end with their period are carried over: leave out expires_in_days, or the rollover."
            }
            Self::RolloverPeriods => "It must be 1 to 31.",
            Self::TrialDays => "It must be 0 to 730.",
            Self::TrialCredits => "The amount must not be less than 0.",
        }
    }
}

impl PlanTerms {
    /// A plan that gives nothing of its own: no credits, no trial, what is left revoked when it is deleted.
    pub const NOTHING: Self = Self {
        credits: None,
        trial_days: 0,
        trial_credits: Amount::ZERO,
        change_credits: ChangeCredits::Prorated,
        on_delete: OnDelete::Revoke,
    };

    /// The terms, if they may be promised.
    ///
    /// # Errors
    /// [`BadTerms`]: the first field that is wrong.
    pub fn checked(self) -> Result<Self, BadTerms> {
        if let Some(credits) = &self.credits {
            credits.check()?;
        }
        if self.trial_days > MOST_TRIAL {
            return Err(BadTerms::TrialDays);
        }
        if self.trial_credits < Amount::ZERO {
            return Err(BadTerms::TrialCredits);
        }
        Ok(self)
    }

    /// What its credits, those of a trial too, are counted in.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.credits.as_ref().map_or_else(Unit::credits, |credits| credits.unit.clone())
    }
}

impl Credits {
    /// So many credits each `period`, in the default unit and place, ending with their period.
    #[must_use]
    pub fn each(period: AllowancePeriod, amount: Amount) -> Self {
        Self {
            amount,
            unit: Unit::credits(),
            period,
            expiry: Expiry::PeriodEnd,
            rollover: None,
            priority: SourceKind::Subscription.default_priority(),
            per_seat: false,
        }
    }

    fn check(&self) -> Result<(), BadTerms> {
        if !self.amount.is_positive() {
            return Err(BadTerms::CreditsAmount);
        }
        if let Expiry::Days(days) = self.expiry
            && !(1..=MOST_DAYS).contains(&days)
        {
            return Err(BadTerms::CreditsExpiry);
        }
        if self.priority > MOST_PRIORITY {
            return Err(BadTerms::CreditsPriority);
        }
        let Some(rollover) = self.rollover else { return Ok(()) };
        if self.expiry != Expiry::PeriodEnd {
            return Err(BadTerms::Rollover);
        }
        if !rollover.max.is_positive() {
            return Err(BadTerms::RolloverMax);
        }
        if !(1..=CarryOver::MOST_PERIODS).contains(&rollover.periods) {
            return Err(BadTerms::RolloverPeriods);
        }
        Ok(())
    }
}

impl TopUpTerms {
    /// How long a pack's credits live unless it says otherwise, in days.
    pub const DAYS: u16 = 365;

    /// So many credits for a year, in the default unit and place.
    #[must_use]
    pub fn of(credits: Amount) -> Self {
        Self {
            credits,
            unit: Unit::credits(),
            expires_in_days: Some(Self::DAYS),
            priority: SourceKind::Topup.default_priority(),
        }
    }

    /// The terms, if they may be promised.
    ///
    /// # Errors
    /// [`BadTerms`]: the first field that is wrong.
    pub fn checked(self) -> Result<Self, BadTerms> {
        if !self.credits.is_positive() {
            return Err(BadTerms::PackCredits);
        }
        if self.expires_in_days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
            return Err(BadTerms::PackExpiry);
        }
        if self.priority > MOST_PRIORITY { Err(BadTerms::PackPriority) } else { Ok(self) }
    }
}

#[cfg(test)]
mod tests;
