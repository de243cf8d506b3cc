//! Balances and checks that are asked for together are read together: one look at the database for all.

use super::{
    reads::{self, Checked},
    store::{self, wallet_key},
    write::unknown_customer,
};
use crate::{
    features::{
        customers::{self, Facts},
        pricebook::{self, Defaults},
    },
    platform::{
        db::{Batch, DbError, Tx},
        error::Error,
    },
};
use purser_rules::{
    Amount,
    credit::{Mode, Wallet},
    ids::{CustomerId, Unit},
};
use std::collections::{BTreeSet, HashMap};

/// One question about a wallet as it is now.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whose wallet.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// A spend to check; the balance alone when there is none.
    pub spend: Option<(Amount, Mode)>,
}

/// The batch of questions. Each is answered as of a moment after it was asked.
#[derive(Clone, Copy, Debug)]
pub struct Asks;

impl Batch for Asks {
    const NAME: &'static str = "balances";
    type Item = Ask;
    type Answer = Result<Checked, Error>;

    fn run(&self, tx: &mut Tx<'_>, items: &[Ask]) -> Result<Vec<Self::Answer>, DbError> {
        let wallets: BTreeSet<_> = items.iter().map(|item| (&item.customer, &item.unit)).collect();
        let of: BTreeSet<_> = items.iter().map(|item| &item.customer).collect();
        let mut answers = tx
            .load(vec![
                store::wallets(wallets.iter().map(|(customer, unit)| wallet_key(customer, unit)).collect(), false),
                customers::load_facts(of),
                pricebook::load_defaults(),
            ])?
            .into_iter();
        let rows = answers.next().unwrap_or_default();
        let wallets = rows.iter().map(store::wallet).collect::<Result<Vec<_>, _>>()?;
        let wallets =
            wallets.into_iter().map(|wallet| ((wallet.customer.clone(), wallet.unit.clone()), wallet)).collect();
        let facts = answers.next().unwrap_or_default();
        let facts = facts.iter().map(customers::facts).collect::<Result<_, _>>()?;
        let defaults = pricebook::defaults(&answers.next().unwrap_or_default())?;
        items.iter().map(|item| answer(tx, item, &wallets, (&facts, &defaults))).collect()
    }

    fn lane(_: &Ask) -> u8 {
        0
    }
}

/// One question's answer. What concerns the database is the whole batch's.
fn answer(
    tx: &mut Tx<'_>,
    ask: &Ask,
    wallets: &HashMap<(CustomerId, Unit), Wallet>,
    (facts, defaults): (&HashMap<CustomerId, Facts>, &Defaults),
) -> Result<Result<Checked, Error>, DbError> {
    let Some(facts) = facts.get(&ask.customer) else { return Ok(Err(unknown_customer(&ask.customer))) };
    let wallet = wallets.get(&(ask.customer.clone(), ask.unit.clone())).cloned();
    let wallet = wallet.unwrap_or_else(|| Wallet::new(ask.customer.clone(), ask.unit.clone()));
    reads::checked(tx, wallet, (facts, defaults), ask.spend).map(Ok)
}
