//! Prices of an account: what each sells by the price book, made from its metadata where that describes it.

use super::{
    Kind, actor,
    run::{Object, Run},
    tally::{Seen, What},
};
use crate::{
    features::{
        pricebook::{self, Mapped, SeenPrice},
        subscriptions,
    },
    platform::{
        db::{DbError, Tx},
        error::Error,
    },
};
use purser_rules::pricebook::BadMetadata;
use purser_stripe::{
    Call, List,
    calls::{PageOf, catalog},
    objects::{OrDeleted, Price},
};

impl Object for Price {
    const KIND: Kind = Kind::Prices;
    const MIRRORED: bool = false;

    fn list(page: PageOf) -> Call<List<Self>> {
        let expand = Some(vec!["data.product"]);
        catalog::prices(&catalog::Prices { expand, page, ..catalog::Prices::default() })
    }

    async fn take(run: &Run<'_>, price: &Self, _seen: Option<i64>) -> Result<Seen, Error> {
        let Some(seen) = seen_price(price) else {
            let why = "It recurs by an interval, or asks a currency, that the price book does not have.";
            return Ok(Seen::noted(What::Unmapped, why));
        };
        let (random, actor) = (run.app.random().clone(), actor());
        let done = run
            .kept(move |tx| {
                let known = is_known(tx, &seen)?;
                Ok((known, pricebook::create_from_metadata(tx, &random, &actor, &seen)?))
            })
            .await?;
        Ok(match done {
            Some((true, _)) => Seen::kept(What::Unchanged),
            Some((false, Mapped::Plan(_) | Mapped::TopUp(_))) => Seen::kept(What::New),
            Some((false, Mapped::Unmapped(bad))) => Seen::noted(What::Unmapped, unmapped(price, bad)),
            None => Seen::noted(What::Failed, "It was written by others at the same time. Run the sync again."),
        })
    }
}

/// Whether the price book says what the price sells.
fn is_known(tx: &mut Tx<'_>, seen: &SeenPrice) -> Result<bool, DbError> {
    if seen.recurring.is_some() {
        return Ok(pricebook::plan_of_price(tx, &seen.stripe_price_id, &seen.stripe_product_id)?.is_some());
    }
    Ok(pricebook::top_up_of_price(tx, &seen.stripe_price_id)?.is_some())
}

/// What is said of a price that sells nothing of the price book.
fn unmapped(price: &Price, bad: Option<BadMetadata>) -> String {
    let sold = if price.active { "It" } else { "It is not sold any more, and" };
    match bad {
        Some(bad) => format!("{sold} is in no plan or pack. {bad}"),
        None => format!("{sold} is in no plan or pack, and neither it nor its product has metadata for Purser."),
    }
}

/// The price, with what its product says, as the price book wants to see it; none for one it could not hold.
fn seen_price(price: &Price) -> Option<SeenPrice> {
    let product = match price.product.object() {
        Some(OrDeleted::There(product)) => Some(product.as_ref()),
        Some(OrDeleted::Deleted(_)) | None => None,
    };
    subscriptions::seen_price(price, product)
}
