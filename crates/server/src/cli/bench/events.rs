//! Events as Stripe sends them, made up and signed: each has an id of its own and is about one of so many charges
//! or payments.

use super::draw::Draw;
use crate::platform::clock::Clock;
use purser_stripe::{Secret, webhook::sign};

/// Makes the events of one caller.
pub(super) struct Events {
    secret: Secret,
    clock: Clock,
    /// What its events' ids begin with: unlike in every other run, and for every other caller.
    name: String,
    made: u64,
    /// How many charges and how many payments they are about.
    about: u64,
}

/// An event as it is sent.
pub(super) struct Event {
    /// Its body.
    pub(super) body: String,
    /// The header `Stripe-Signature`.
    pub(super) signature: String,
}

impl Events {
    /// The events of caller `n` in the run `nonce`, signed with `secret`.
    pub(super) fn new(secret: Secret, clock: Clock, (nonce, n): (u64, u64), about: u64) -> Self {
        Self { secret, clock, name: format!("evt_bench{nonce:016x}{n:04x}"), made: 0, about }
    }

    /// The next one. Nothing acts on the kind of every other one, and the rest wait for a worker, which sees that they
    /// are not Purser's: what is measured is taking them in.
    pub(super) fn next(&mut self, draw: &mut Draw) -> Event {
        let at = self.clock.now().micros().div_euclid(1_000_000);
        let about = draw.below(self.about);
        let (kind, object) = if self.made.is_multiple_of(2) {
            ("charge.updated", charge(about, at))
        } else {
            ("payment_intent.succeeded", payment(about, at))
        };
        let body = format!(
            r#"{{"id":"{name}{id:08x}","object":"event","api_version":"2026-10-28.endive","created":{at},"data":{{"object":{object}}},"livemode":false,"pending_webhooks":1,"request":{{"id":null,"idempotency_key":null}},"type":"{kind}"}}"#,
            name = self.name,
            id = self.made,
        );
        self.made += 1;
        let signature = sign(body.as_bytes(), std::slice::from_ref(&self.secret), at);
        Event { body, signature }
    }
}

/// Charge `n`, made at `at`.
fn charge(n: u64, at: i64) -> String {
    format!(
        r#"{{"id":"ch_bench{n:07}","object":"charge","amount":2000,"amount_captured":2000,"amount_refunded":0,"billing_details":{{"address":{{"city":"Berlin","country":"DE","line1":null,"line2":null,"postal_code":"10115","state":null}},"email":"jenny@example.com","name":"Jenny Rosen","phone":null}},"captured":true,"created":{at},"currency":"usd","customer":"cus_bench{n:07}","description":"Subscription update","disputed":false,"livemode":false,"metadata":{{}},"paid":true,"refunded":false,"status":"succeeded"}}"#
    )
}

/// Payment `n`, made at `at`.
fn payment(n: u64, at: i64) -> String {
    format!(
        r#"{{"id":"pi_bench{n:07}","object":"payment_intent","amount":2000,"amount_capturable":0,"amount_received":2000,"automatic_payment_methods":null,"canceled_at":null,"capture_method":"automatic","confirmation_method":"automatic","created":{at},"currency":"usd","customer":"cus_bench{n:07}","description":"Subscription update","latest_charge":"ch_bench{n:07}","livemode":false,"metadata":{{}},"payment_method":"pm_bench{n:07}","payment_method_types":["card"],"setup_future_usage":"off_session","status":"succeeded"}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::{Draw, Events};
    use crate::{platform::clock::Clock, reactions::acts_on};
    use purser_rules::Time;
    use purser_stripe::{Secret, webhook};

    #[test]
    fn events_are_signed_and_no_two_are_the_same() {
        let secret = || Secret::new("whsec_bench").expect("not blank");
        let clock = Clock::manual(Time::from_micros(1_795_233_600_000_000));
        let mut draw = Draw::new(1, 0);
        let mut events = Events::new(secret(), clock.clone(), (7, 0), 10);
        let mut others = Events::new(secret(), clock, (7, 1), 10);
        let (first, second, other) = (events.next(&mut draw), events.next(&mut draw), others.next(&mut draw));
        for event in [&first, &second, &other] {
            let body = event.body.as_bytes();
            let good = webhook::verify(Some(event.signature.as_str()), body, &[secret()], 1_795_233_600);
            assert!(good.is_ok(), "{}", event.body);
            assert!(webhook::read(body).is_ok(), "{}", event.body);
        }
        assert!(acts_on("payment_intent.succeeded") && !acts_on("charge.updated"));
        assert!(first.body.contains("charge.updated") && second.body.contains("payment_intent.succeeded"));
        assert!(first.body != second.body && first.body != other.body && second.body != other.body);
    }
}
