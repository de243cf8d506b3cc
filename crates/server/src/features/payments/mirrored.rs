//! How a subscription stands at Stripe is taken into the mirror at once, for who must know it now.

use crate::{
    features::subscriptions::{self, Unrecorded},
    platform::{
        App,
        auth::Actor,
        error::{Code, Error},
    },
};

/// How often what was fetched is fetched again while others write it, of whom one gets on each time.
pub(super) const MOST_ROUNDS: usize = 20;

/// Fetches the subscription `id` into the mirror, so that what is answered and read next is how it stands now; `actor`
/// is who looked. One that Stripe does not have stays as it is.
///
/// # Errors
/// `overloaded` while others write it; what Stripe or the database says.
pub(super) async fn mirror(app: &App, id: &str, actor: &Actor) -> Result<(), Error> {
    for _ in 0..MOST_ROUNDS {
        let Some(fetched) = subscriptions::fetch(app, id, None).await? else { return Ok(()) };
        let (random, actor) = (app.random().clone(), actor.clone());
        let kept: Result<(), Unrecorded> =
            app.db().write(move |tx| subscriptions::record(tx, &random, &actor, &fetched)).await;
        match kept {
            Ok(()) => return Ok(()),
            Err(Unrecorded::Stale) => {}
            Err(Unrecorded::Failed(error)) => return Err(error),
        }
    }
    Err(overtaken())
}

/// What is said when others were faster each time.
pub(super) fn overtaken() -> Error {
    Error::new(Code::Overloaded, "Others write this subscription at the same time. Try again.")
}
