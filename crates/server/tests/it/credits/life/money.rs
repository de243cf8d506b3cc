//! The part of a life where something is undone: payments refunded and disputed, spends returned.

use super::script::{CUSTOMER, Life, listed, new_grant, odd, refusal};
use crate::{
    credits::world::{SECOND, micros, text},
    naive::{No, P},
};
use purser::{
    features::credits::{self, GrantRequest, ReversalRequest},
    platform::auth::Actor,
};
use purser_rules::{
    Amount, Time,
    credit::{Dispute, DisputeState, Payment, SourceKind},
    ids::{CustomerId, GrantId, Unit},
};
use serde_json::json;

impl Life<'_> {
    /// A grant of money, as a feature above gives it: its payment may be reversed later.
    pub async fn paid_grant(&mut self) {
        let now = self.world.now();
        let kind = [SourceKind::Topup, SourceKind::Subscription, SourceKind::Topup][self.dice.pick(3)];
        let amount = odd(self.dice.range(1, 30));
        let (app, customer) = (&self.world.app, CustomerId::new(CUSTOMER).expect("a name"));
        let id = GrantId::new(now, app.random().number(), customer.bucket());
        let end = now.micros() + self.dice.range(1, 80) * SECOND;
        let asked = GrantRequest {
            id,
            customer,
            unit: Unit::credits(),
            amount: Amount::from_micros(amount).expect("an amount"),
            source_kind: kind,
            source_id: Some(format!("pi_{id}")),
            priority: None,
            effective_at: None,
            expires_at: Some(Time::from_micros(end)),
            metadata: None,
            key: None,
            actor: Actor::job("payments"),
        };
        let random = app.random().clone();
        let granted = asked.amount;
        let given = app.db().write(move |tx| credits::grant(tx, &asked, true, &random)).await.expect("given");
        self.answers.push(String::from_utf8(given.body).expect("UTF-8"));
        let times = (now.micros(), Some(end));
        self.naive.grant(new_grant(id.0, kind, amount, kind.default_priority(), times), now.micros());
        let payment = Payment::new(format!("pi_{id}"), 12, vec![id], granted, kind.makes_debt());
        self.payments.push((P { grants: vec![id.0], ..P::default() }, payment, false));
    }

    pub async fn give_back(&mut self) {
        let recent = self.spends.len().min(12);
        if recent == 0 {
            return;
        }
        let at = self.spends.len() - 1 - self.dice.pick(recent);
        let given = if self.dice.one_in(3) { None } else { Some(odd(self.dice.range(1, 15))) };
        let mut body = json!({ "idempotency_key": self.key() });
        given.into_iter().for_each(|amount| body["amount"] = json!(text(amount)));
        let answer = self.write(format!("/consumptions/{}/return", self.spends[at].0), body).await;
        let now = self.now();
        let used = &mut self.spends[at].1;
        let left = used.over - used.over_back + used.parts.iter().map(|part| part.1 - part.2).sum::<i64>();
        let reversed = self.payments.iter_mut().filter(|payment| payment.2);
        let mut models: Vec<(P, Payment)> = reversed.map(|(p, says, _)| (p.clone(), says.clone())).collect();
        let amount = given.unwrap_or(left);
        let expected =
            if amount == 0 { Err(No::ReturnMore(0)) } else { self.naive.give_back(used, amount, &mut models, now) };
        match expected {
            Ok((parts, over)) => {
                let back = answer.ok();
                assert_eq!((listed(&back["grants"]), micros(&back["overflow"])), (parts, over), "{back}");
                let reversed = self.payments.iter_mut().filter(|payment| payment.2);
                reversed.zip(models).for_each(|(kept, (p, _))| kept.0 = p);
            }
            Err(no) => assert_eq!(refusal(&answer), no),
        }
    }

    /// Something new is said of one of the latest payments: refunded, disputed, judged.
    pub async fn reverse(&mut self) {
        let (recent, now) = (self.payments.len().min(8), self.world.now());
        if recent == 0 {
            return;
        }
        let at = self.payments.len() - 1 - self.dice.pick(recent);
        let (p, payment, reversed) = &mut self.payments[at];
        match self.dice.below(4) {
            0 => payment.refunded = self.dice.range(0, 14),
            1 if payment.disputes.len() < 3 => {
                let id = format!("dp_{}", payment.disputes.len());
                let amount = self.dice.range(1, 12);
                payment.disputes.push(Dispute { id, amount, state: DisputeState::Open, opened_at: now });
            }
            _ => {
                let states = [DisputeState::Won, DisputeState::Lost, DisputeState::Reinstated, DisputeState::Open];
                let which = self.dice.pick(payment.disputes.len());
                let state = states[self.dice.pick(4)];
                // What was lost is not open again: an appeal leaves it lost.
                let changes =
                    |dispute: &&mut Dispute| (dispute.state, state) != (DisputeState::Lost, DisputeState::Open);
                payment.disputes.get_mut(which).filter(changes).into_iter().for_each(|dispute| dispute.state = state);
            }
        }
        *reversed = true;
        let random = self.world.app.random().clone();
        let asked = ReversalRequest {
            customer: CustomerId::new(CUSTOMER).expect("a name"),
            unit: Unit::credits(),
            payment: payment.clone(),
            actor: Actor::job("payments"),
        };
        let done = self.world.app.db().write(move |tx| credits::reverse(tx, &asked, &random)).await;
        self.answers.push(String::from_utf8(done.expect("a small life").body).expect("UTF-8"));
        self.naive.reverse(p, payment, now.micros());
    }
}
