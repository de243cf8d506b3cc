//! What of an allowance has fallen due: computed from the plan, the zones, the wallet and `now` (rules 1.11).

use super::{
    allowance::{DueAllowance, Given},
    calendar::{Calendar, Every, ZoneSince},
    grant::{Rollover, SourceKind, Terms},
    reversal::over,
    wallet::Wallet,
};
use crate::{Amount, Time, period::Period};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// How far back untouched periods are looked at, when there is debt for them to pay.
pub const MOST_PERIODS: usize = 1_200;

/// What a plan or add-on gives again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowanceTerms {
    /// How often.
    pub every: Every,
    /// How much each time, seats multiplied; nothing or more.
    pub amount: Amount,
    /// The plan's rank: what is up and what is down.
    pub rank: i32,
    /// The grants' place in the spend order: 0–1000, lower first.
    pub priority: u16,
    /// What unused credits become; nothing, they end with the period.
    pub rollover: Option<CarryOver>,
}

/// How unused credits of a period live on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarryOver {
    /// At most this much of each period.
    pub max: Amount,
    /// For how many periods after their own: 1 to [`CarryOver::MOST_PERIODS`]; more count as that many.
    pub periods: u16,
}

impl CarryOver {
    /// For how many periods credits are carried over at most.
    pub const MOST_PERIODS: u16 = 31;

    /// For how many periods credits are carried over.
    #[must_use]
    pub fn lives(self) -> u16 {
        self.periods.min(Self::MOST_PERIODS)
    }
}

/// A time in which a customer has the terms of a plan, with access to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// From this instant.
    pub from: Time,
    /// Not any more from this instant, known beforehand: access ends. `None` when no end is known.
    pub until: Option<Time>,
    /// What it gives.
    pub terms: AllowanceTerms,
}

/// One recurring allowance of a customer in one unit.
#[derive(Clone, Copy, Debug)]
pub struct Allowance<'a> {
    /// The plan group or add-on it is of: with a period's label it is the key of a grant.
    pub group: &'a str,
    /// The plans that give it. Of several in force at once the last listed counts: the default plan
    /// without end, then the bought one until its access ends.
    pub spans: &'a [Span],
    /// The customer's time zones, in the order in which they were set.
    pub zones: &'a [ZoneSince],
}

/// Which terms are in force, and since when.
struct InForce<'a> {
    terms: Option<&'a AllowanceTerms>,
    since: Time,
    /// When access to a plan ended that would count else.
    ended: Option<Time>,
}

impl<'a> Allowance<'a> {
    /// What has fallen due by `now` and is not in the wallet: the running period's grant, what untouched
    /// periods carried over, what a change of plan adds to the running period or cuts from it.
    ///
    /// Asked of a wallet that has put down the last answer, it answers nothing more until the next period
    /// or change of plan.
    #[must_use]
    pub fn due(&self, wallet: &Wallet, now: Time) -> Vec<DueAllowance> {
        let now = now.max(wallet.last_at);
        let mut due = Vec::new();
        for every in Every::ALL {
            let given = wallet.body.allowances.iter().find(|given| given.group == self.group && given.every == every);
            match given {
                Some(given) if given.end > now => due.extend(self.change_within(wallet, given, now)),
                _ if self.gives(every) => self.begun(wallet, every, given, now, &mut due),
                _ => {}
            }
        }
        due.extend(self.back(wallet, now));
        due
    }

    /// What was carried over and revoked when access ran out, and lives yet: access is back.
    fn back(&self, wallet: &Wallet, now: Time) -> Vec<DueAllowance> {
        let InForce { terms, since, .. } = self.in_force(now);
        let Some(terms) = terms else { return Vec::new() };
        let of_group = wallet.body.lapsed.iter().filter(|lapsed| lapsed.group == self.group);
        let back = of_group.filter(|lapsed| lapsed.rank < terms.rank);
        let left = back.filter(|lapsed| lapsed.amount.is_positive() && lapsed.expires_at > now);
        let terms = left.map(|lapsed| Terms {
            id: wallet.derive_grant(SourceKind::Rollover, &lapsed.source_id),
            source_kind: SourceKind::Rollover,
            source_id: lapsed.source_id.clone(),
            amount: lapsed.amount,
            priority: lapsed.priority,
            effective_at: since.max(wallet.last_at),
            expires_at: Some(lapsed.expires_at),
            rollover: None,
            metadata: None,
        });
        terms.map(|terms| DueAllowance::Grant { terms, given: None }).collect()
    }

    /// Whether any of the plans gives something in this cycle.
    fn gives(&self, every: Every) -> bool {
        self.spans.iter().any(|span| span.terms.every == every && span.terms.amount.is_positive())
    }

    fn in_force(&self, at: Time) -> InForce<'a> {
        let place = self.spans.iter().rposition(|span| span.from <= at && span.until.is_none_or(|until| at < until));
        let above = self.spans.iter().skip(place.map_or(0, |place| place + 1));
        let ended = above.filter_map(|span| span.until).filter(|until| *until <= at).max();
        let from = place.map(|place| self.spans[place].from);
        let since = ended.into_iter().chain(from).max().unwrap_or(Time::MIN);
        InForce { terms: place.map(|place| &self.spans[place].terms), since, ended }
    }

    /// The terms of `every` in force at the end of `period`, and since when.
    fn at_end(&self, every: Every, period: &Period) -> Option<(&'a AllowanceTerms, Time)> {
        let force = self.in_force(Time::from_micros(period.end.micros() - 1));
        let terms = force.terms.filter(|terms| terms.every == every && terms.amount.is_positive())?;
        Some((terms, force.since))
    }

    /// A period whose grant is in the wallet still runs: what the plan in force now adds to it or cuts from it.
    fn change_within(&self, wallet: &Wallet, given: &Given, now: Time) -> Option<DueAllowance> {
        let InForce { terms, since, .. } = self.in_force(now);
        let (amount, rank) = match terms {
            Some(terms) if terms.every == given.every => (terms.amount, terms.rank),
            Some(terms) => (Amount::ZERO, terms.rank),
            None => (Amount::ZERO, i32::MIN),
        };
        if rank < given.rank && amount < given.plan {
            let carried = self.carried(given, terms);
            let given = Given { plan: amount, rank, ..given.clone() };
            return Some(DueAllowance::Cut { at: since, given, restorable: Some(Amount::MAX), carried });
        }
        let terms = terms.filter(|terms| terms.every == given.every)?;
        self.raise(wallet, given, terms, since)
    }

    /// How much `terms` leave of each grant that a period carried over, by the periods' keys: that of `given`, whose
    /// grants may end at the very instant, and those before it.
    fn carried(&self, given: &Given, terms: Option<&AllowanceTerms>) -> Vec<(String, Amount)> {
        let calendar = Calendar::new(given.every, self.zones);
        let kept = terms.filter(|terms| terms.every == given.every).and_then(|terms| terms.rollover);
        let mut carried = Vec::new();
        let mut period = calendar.period_at(Time::from_micros(given.end.micros() - 1));
        for number in 0..=CarryOver::MOST_PERIODS {
            let max = kept.filter(|kept| number <= kept.lives()).map_or(Amount::ZERO, |kept| kept.max);
            carried.push((format!("{}:{}", self.group, period.label), max));
            period = calendar.before(&period);
        }
        carried
    }

    /// What `terms` add to a period that had a smaller plan: what is above the most already given, and
    /// what was cut when access ran out. If that is nothing, what was used may come back to it all the same.
    fn raise(&self, wallet: &Wallet, given: &Given, terms: &AllowanceTerms, since: Time) -> Option<DueAllowance> {
        let again = given.lapsed.min(over(terms.amount.min(given.most), given.plan));
        let more = over(terms.amount, given.most).checked_add(again)?;
        if more.is_zero() {
            let back = || Given { plan: terms.amount, rank: terms.rank, ..given.clone() };
            return (terms.amount > given.plan).then(|| DueAllowance::Left { at: since, given: back() });
        }
        if given.grants.len() >= Given::MOST_GRANTS {
            return None;
        }
        let calendar = Calendar::new(given.every, self.zones);
        let max = terms.rollover.map_or(Amount::ZERO, |rollover| over(rollover.max, given.rolls));
        let source_id = Given::source(&given.key(), given.grants.len());
        let new = Terms {
            effective_at: since.max(wallet.last_at),
            expires_at: Some(given.end),
            rollover: rollover(&calendar, given.end, terms).map(|whole| Rollover { max, ..whole }),
            ..grant(wallet, source_id, more, terms)
        };
        let mut given = Given { plan: terms.amount, rank: terms.rank, ..given.clone() };
        given.most = given.most.max(terms.amount);
        given.lapsed = over(given.lapsed, again);
        given.rolls = given.rolls.checked_add(max).unwrap_or(Amount::MAX);
        given.grants.push(new.id);
        Some(DueAllowance::Grant { terms: new, given: Some(given) })
    }

    /// A period has begun that is not in the wallet: its grant, and what the untouched ones before it leave.
    fn begun(&self, wallet: &Wallet, every: Every, given: Option<&Given>, now: Time, due: &mut Vec<DueAllowance>) {
        let calendar = Calendar::new(every, self.zones);
        let running = calendar.period_at(now);
        if given.is_some_and(|given| running.label <= given.label) {
            return;
        }
        self.untouched(wallet, &calendar, every, given, &running, due);
        let InForce { terms, since, ended } = self.in_force(now);
        due.extend(ended.and_then(|ended| self.ended(wallet, &calendar, every, given, ended)));
        let Some(terms) = terms.filter(|terms| terms.every == every && terms.amount.is_positive()) else { return };
        let new = self.first(wallet, &calendar, &running, terms, since);
        let given = self.memory(&running, terms, &new);
        due.push(DueAllowance::Grant { terms: new, given: Some(given) });
    }

    /// Access to a plan ended, and nobody has written since: what was carried over until then is cut as of then, with
    /// the period it ended in if the wallet has that. If not, the wallet remembers a period that ended with access.
    fn ended(
        &self,
        wallet: &Wallet,
        calendar: &Calendar,
        every: Every,
        given: Option<&Given>,
        ended: Time,
    ) -> Option<DueAllowance> {
        let before = Time::from_micros(ended.micros().saturating_sub(1));
        let terms = self.in_force(before).terms.filter(|terms| terms.every == every)?;
        // An older version of the plan may have rolled over; what waits may be of that.
        let body = &wallet.body;
        let is_carried = body.grants.iter().any(|grant| grant.source_kind == SourceKind::Rollover);
        let rolls = terms.rollover.is_some() || given.is_some_and(|given| given.rolls.is_positive());
        if !rolls && !is_carried && body.waiting.count == 0 {
            return None;
        }
        let known = given.filter(|given| given.end >= ended).cloned().unwrap_or_else(|| {
            let period = calendar.period_at(before);
            let first = self.first(wallet, calendar, &period, terms, before);
            let label = calendar.before(&period).label;
            Given { label, end: ended, grants: Vec::new(), ..self.memory(&period, terms, &first) }
        });
        self.change_within(wallet, &known, ended).filter(|due| matches!(due, DueAllowance::Cut { .. }))
    }

    /// What a wallet remembers of `period` once `first`, its grant, is put down.
    fn memory(&self, period: &Period, terms: &AllowanceTerms, first: &Terms) -> Given {
        Given {
            group: self.group.to_string(),
            every: terms.every,
            label: period.label.clone(),
            end: period.end,
            plan: terms.amount,
            rank: terms.rank,
            most: terms.amount,
            lapsed: Amount::ZERO,
            rolls: first.rollover.map_or(Amount::ZERO, |rollover| rollover.max),
            grants: vec![first.id],
        }
    }

    /// What periods that nobody wrote in leave behind: those that pay debt are put down whole, as they would
    /// have been; of the others only what they carried over, if it lives yet.
    fn untouched(
        &self,
        wallet: &Wallet,
        calendar: &Calendar,
        every: Every,
        given: Option<&Given>,
        running: &Period,
        due: &mut Vec<DueAllowance>,
    ) {
        let owed = wallet.body.debt.outstanding().micros();
        let carried = self.spans.iter().filter_map(|span| span.terms.rollover).map(CarryOver::lives);
        let reach = if owed > 0 { MOST_PERIODS } else { carried.max().map_or(0, usize::from) };
        let mut periods: Vec<Period> = Vec::new();
        let mut period = calendar.before(running);
        while periods.len() < reach && self.is_untouched(wallet, &period, given) {
            let before = calendar.before(&period);
            periods.push(period);
            period = before;
        }
        let mut paid = 0;
        for period in periods.iter().rev() {
            let Some((terms, since)) = self.at_end(every, period) else { continue };
            let whole = self.first(wallet, calendar, period, terms, since);
            let given = Some(self.memory(period, terms, &whole));
            if paid < owed {
                paid += terms.amount.micros();
                due.push(DueAllowance::Grant { terms: whole, given });
            } else if let Some(terms) = carried_over(wallet, &whole).filter(|terms| alive(terms, running)) {
                due.push(DueAllowance::Grant { terms, given });
            }
        }
    }

    /// Whether the allowance was there in `period`, after what the wallet remembers and its last write.
    fn is_untouched(&self, wallet: &Wallet, period: &Period, given: Option<&Given>) -> bool {
        let after = given.is_none_or(|given| given.end <= period.start && given.label < period.label);
        after && wallet.last_at < period.end && self.spans.iter().any(|span| span.from < period.end)
    }

    /// The grant a period begins with.
    fn first(
        &self,
        wallet: &Wallet,
        calendar: &Calendar,
        period: &Period,
        terms: &AllowanceTerms,
        since: Time,
    ) -> Terms {
        let source_id = format!("{}:{}", self.group, period.label);
        Terms {
            effective_at: period.start.max(since),
            expires_at: Some(period.end),
            rollover: rollover(calendar, period.end, terms),
            ..grant(wallet, source_id, terms.amount, terms)
        }
    }
}

/// A grant of `terms` without its times.
fn grant(wallet: &Wallet, source_id: String, amount: Amount, terms: &AllowanceTerms) -> Terms {
    Terms {
        id: wallet.derive_grant(SourceKind::Allowance, &source_id),
        source_kind: SourceKind::Allowance,
        source_id,
        amount,
        priority: terms.priority,
        effective_at: Time::MIN,
        expires_at: None,
        rollover: None,
        metadata: None,
    }
}

/// What of a period that ends at `end` rolls over, and for how long.
fn rollover(calendar: &Calendar, end: Time, terms: &AllowanceTerms) -> Option<Rollover> {
    let carry = terms.rollover?;
    let until = calendar.end_after(end, carry.lives());
    Some(Rollover { max: carry.max, seconds: (until.micros() - end.micros()) / 1_000_000 })
}

/// The grant that the expiry of an untouched `whole` makes; it is the one that the wallet itself would make.
fn carried_over(wallet: &Wallet, whole: &Terms) -> Option<Terms> {
    let (Rollover { max, seconds }, end) = (whole.rollover?, whole.expires_at?);
    let source_id = whole.id.to_string();
    Some(Terms {
        id: wallet.derive_grant(SourceKind::Rollover, &source_id),
        source_kind: SourceKind::Rollover,
        source_id,
        amount: whole.amount.min(max),
        priority: whole.priority,
        effective_at: end,
        expires_at: Some(end.plus_seconds(seconds)),
        rollover: None,
        metadata: None,
    })
    .filter(|terms| terms.amount.is_positive())
}

/// Whether something of the grant can still be spent in the running period.
fn alive(terms: &Terms, running: &Period) -> bool {
    terms.expires_at.is_none_or(|at| at > running.start)
}
