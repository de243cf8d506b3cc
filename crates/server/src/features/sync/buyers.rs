//! Customers of an account: bound to ours by what says who they are, or made where that was asked for.

use super::{
    Kind, Naming, actor,
    run::{Object, Run},
    tally::{Seen, What},
};
use crate::{
    features::{
        customers::{self, Change},
        subscriptions::CUSTOMER_KEY,
    },
    platform::{
        auth::Actor,
        db::Tx,
        error::{Code, Error},
        http::Field,
        ids::Random,
    },
};
use purser_rules::ids::CustomerId;
use purser_stripe::{
    Call, List,
    calls::{PageOf, customers as calls},
    objects::Customer,
};

/// The longest name and address that are taken over, in characters: those that the API takes.
const LONGEST_NAME: usize = 200;
const LONGEST_EMAIL: usize = 254;

impl Object for Customer {
    const KIND: Kind = Kind::Customers;
    const MIRRORED: bool = false;

    fn list(page: PageOf) -> Call<List<Self>> {
        calls::list(&calls::Customers { page, ..calls::Customers::default() })
    }

    async fn take(run: &Run<'_>, customer: &Self, _seen: Option<i64>) -> Result<Seen, Error> {
        let binding = Binding {
            said: customer.clone(),
            naming: run.asked.naming.clone(),
            // Who asks for names asks for customers.
            makes: run.asked.naming != Naming::Known || run.app.config().create_unknown_customers,
            random: run.app.random().clone(),
            actor: actor(),
        };
        let done = run.kept(move |tx| Ok(binding.done(tx)?)).await?;
        let others = || Seen::noted(What::Failed, "It was written by others at the same time. Run the sync again.");
        Ok(done.unwrap_or_else(others))
    }
}

/// A customer of Stripe's, and how to find out which of ours it is.
struct Binding {
    said: Customer,
    naming: Naming,
    /// Whether one that is not there is made.
    makes: bool,
    random: Random,
    actor: Actor,
}

impl Binding {
    /// Binds it, if it is known which of ours it is.
    fn done(&self, tx: &mut Tx<'_>) -> Result<Seen, Error> {
        let stripe_id = &self.said.id;
        if customers::find_by_stripe(tx, stripe_id)?.is_some() {
            return Ok(Seen::kept(What::Unchanged));
        }
        let Some(name) = self.name() else { return Ok(Seen::nobody()) };
        let Ok(id) = CustomerId::new(name) else {
            let why = "What its metadata names is no id of a customer: 1 to 128 of letters, digits and _.:@-.";
            return Ok(Seen::noted(What::Failed, why).bound(false));
        };
        let new = match customers::find(tx, &id) {
            // It was this one's, and nothing is to be done for who is archived.
            Ok(found) if found.archived_at.is_some() && found.stripe_customer_id.as_ref() == Some(stripe_id) => {
                return Ok(Seen::kept(What::Unchanged));
            }
            Ok(_) => false,
            Err(error) if error.code == Code::UnknownCustomer && self.makes => true,
            Err(error) if error.code == Code::UnknownCustomer => return Ok(Seen::nobody()),
            Err(error) => return Err(error),
        };
        // Made if it is not there, and locked either way: what is looked at next stays as it is.
        let there = customers::put(tx, &self.random, &self.actor, &id, &Change::default())?;
        match there.stripe_customer_id.as_ref() {
            None => {}
            // By another who goes through the account at the same time.
            Some(other) if other == stripe_id && customers::find_by_stripe(tx, stripe_id)?.is_some() => {
                return Ok(Seen::kept(What::Unchanged));
            }
            Some(other) if other == stripe_id => {
                let why = "Two customers say to be it, so neither counts. Give stripe_customer_id to one alone.";
                return Ok(Seen::noted(What::Failed, why).bound(false));
            }
            Some(other) => {
                let why = format!("It is to be the customer {}, who is {other} already.", id.as_str());
                return Ok(Seen::noted(What::Failed, why).bound(false));
            }
        }
        let change = Change {
            stripe_customer_id: Field::Set(stripe_id.clone()),
            name: taken_over(there.name.as_ref(), self.said.name.as_ref(), LONGEST_NAME),
            email: taken_over(there.email.as_ref(), self.said.email.as_ref(), LONGEST_EMAIL),
            ..Change::default()
        };
        customers::put(tx, &self.random, &self.actor, &id, &change)?;
        Ok(Seen::kept(if new { What::New } else { What::Changed }))
    }

    /// The id of our customer, if anything names it.
    fn name(&self) -> Option<&str> {
        let metadata = |key: &str| self.said.metadata.get(key).map(String::as_str);
        metadata(CUSTOMER_KEY).or_else(|| match &self.naming {
            Naming::Known => None,
            Naming::StripeId => Some(self.said.id.as_str()),
            Naming::Metadata(key) => metadata(key),
        })
    }
}

/// What ours gets of what Stripe says: nothing if it has its own, or if the API would not take it.
fn taken_over(own: Option<&String>, said: Option<&String>, longest: usize) -> Field<String> {
    let fits = |said: &&String| {
        !said.trim().is_empty() && said.chars().count() <= longest && !said.chars().any(char::is_control)
    };
    match said.filter(fits) {
        Some(said) if own.is_none() => Field::Set(said.clone()),
        _ => Field::Absent,
    }
}
