//! The sync of an account that was there before Purser: what is sold, who buys, what they have, what they paid, and what
//! of that is disputed.
//!
//! Objects are listed newest first, a page at a time, and put down one by one, each in a transaction of its own; then
//! it is put down how far the list was read. So it may end anywhere and be run again, and beside a server that works.
//! It grants nothing for what was paid before: that is a matter of import.

mod buyers;
mod mirrored;
mod place;
mod run;
mod sold;
mod tally;

pub use tally::{Note, Tally};

use crate::platform::{
    App,
    auth::Actor,
    db::DbError,
    error::{Code, Error},
    stripe::Stripe,
};
use purser_stripe::objects::{Customer, Dispute, Invoice, Price, Subscription};
use run::Run;
use std::time::Duration;

/// What everything that a sync does is put down to.
fn actor() -> Actor {
    Actor::stripe("stripe-sync")
}

/// What is gone through, in this order: what is sold before who has it, who buys before what they have, what was paid
/// before what is disputed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Prices, with their products.
    Prices,
    /// Customers.
    Customers,
    /// Subscriptions, those that have ended too.
    Subscriptions,
    /// Invoices.
    Invoices,
    /// Disputes; of them those that are open count.
    Disputes,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Prices, Self::Customers, Self::Subscriptions, Self::Invoices, Self::Disputes];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prices => "prices",
            Self::Customers => "customers",
            Self::Subscriptions => "subscriptions",
            Self::Invoices => "invoices",
            Self::Disputes => "disputes",
        }
    }
}

/// Which customer of ours one of Stripe's is, if none says to be it and its metadata has no `purser_customer_id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// Nobody: it is counted, and bound once somebody says to be it.
    #[default]
    Known,
    /// One named like Stripe's own id.
    StripeId,
    /// One named by this key of its metadata.
    Metadata(String),
}

/// How a sync is to go.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whether it only says what it would do. Each object is put down and taken back, so what would follow from others
    /// is not seen.
    pub dry_run: bool,
    /// Whether to begin anew where a run before was ended.
    pub restart: bool,
    /// How customers are named.
    pub naming: Naming,
    /// The first pause after Stripe did not answer; each next one is twice as long, 32 times at most.
    pub pause: Duration,
}

impl Default for Asked {
    fn default() -> Self {
        Self { dry_run: false, restart: false, naming: Naming::default(), pause: Duration::from_secs(1) }
    }
}

/// What a sync found, with what runs before it found that were ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// Whether it went on where a run before was ended.
    pub resumed: bool,
    /// What became of the objects of each kind.
    pub kinds: Vec<(Kind, Tally)>,
}

/// Goes through the account; tells `progress` after each page how far it is. When a sync came to its end, the next one
/// begins anew.
///
/// # Errors
/// `stripe_not_configured`; what Stripe says of a list, after it was asked again for a while; what the database says.
/// What was put down until then stays, and the next run goes on there.
pub async fn run(app: &App, asked: Asked, progress: &dyn Fn(Kind, &Tally)) -> Result<Synced, Error> {
    let none = || Error::new(Code::StripeNotConfigured, "There is no key of Stripe's. Set STRIPE_SECRET_KEY.");
    let client = app.part::<Stripe>().client().ok_or_else(none)?;
    let resumed = !asked.dry_run && begin(app, asked.restart).await?;
    let run = Run { app, client, asked, progress };
    let kinds = vec![
        (Kind::Prices, run.all::<Price>().await?),
        (Kind::Customers, run.all::<Customer>().await?),
        (Kind::Subscriptions, run.all::<Subscription>().await?),
        (Kind::Invoices, run.all::<Invoice>().await?),
        (Kind::Disputes, run.all::<Dispute>().await?),
    ];
    Ok(Synced { resumed, kinds })
}

/// Forgets how far the sync before came if it came to its end, or is to begin anew; answers whether one goes on.
async fn begin(app: &App, restart: bool) -> Result<bool, DbError> {
    app.db()
        .write(move |tx| {
            let (begun, ended) = place::how_far(tx)?;
            if begun && (restart || ended) {
                place::forget(tx)?;
            }
            Ok::<_, DbError>(begun && !restart && !ended)
        })
        .await
}
