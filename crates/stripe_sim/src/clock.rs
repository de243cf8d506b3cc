//! The sandbox's clock: what is due is done in order, each at its time, so that one long step ends like many short ones.

use crate::{
    deliver::{self, Outgoing},
    objects::{
        disputes,
        invoices::{dunning, finalize},
        meters, payment_intents, refunds, schedules,
        subscriptions::turn,
        test_clocks,
    },
    world::{Cx, Timer, World},
};

/// When something is due next: a timer or a delivery.
pub(crate) fn next_at(world: &World) -> Option<i64> {
    [world.timers.next_at(), deliver::next_due(world)].into_iter().flatten().min()
}

/// Moves on to the next instant up to `to` at which something is due, and does it. Answers what is to be sent at that
/// instant; `None` when nothing is due any more and the time is `to`.
pub(crate) fn step(world: &mut World, to: i64) -> Option<Vec<Outgoing>> {
    let Some(at) = next_at(world).filter(|at| *at <= to) else {
        world.now = world.now.max(to);
        return None;
    };
    run_timers(world, at);
    let now = world.now;
    Some(deliver::take_due(world, now))
}

/// When the next timer is due.
pub(crate) fn next_timer(world: &World) -> Option<i64> {
    world.timers.next_at()
}

/// Moves on to the first instant up to `to` at which a timer is due, and does what is due then.
pub(crate) fn run_timers(world: &mut World, to: i64) {
    let at = next_timer(world).filter(|at| *at <= to).unwrap_or(to);
    world.now = world.now.max(at);
    while let Some(timer) = world.timers.pop(world.now) {
        run(&mut Cx::new(world, None), &timer);
    }
}

/// Does what is due.
fn run(cx: &mut Cx<'_>, timer: &Timer) {
    match timer {
        Timer::TrialWillEnd(id) => turn::trial_will_end(cx, id),
        Timer::Upcoming(id) => turn::upcoming(cx, id),
        Timer::Turn(id) => turn::turn(cx, id),
        Timer::Incomplete(id) => turn::incomplete(cx, id),
        Timer::Collect(id) => turn::collect(cx, id),
        Timer::Phase(id) => schedules::run::due(cx, id),
        Timer::Finalize(id) => finalize::due(cx, id),
        Timer::Overdue(id) => dunning::overdue(cx, id),
        Timer::Retry(id) => dunning::retry(cx, id),
        Timer::SessionExpires(id) => crate::objects::checkout::expires(cx, id),
        Timer::DebitSettles(id) => payment_intents::debit_settles(cx, id),
        Timer::RefundSettles(id) => refunds::settles(cx, id),
        Timer::DisputeOpens(id) => disputes::opens(cx, id),
        Timer::DisputeEnds(id) => disputes::ends(cx, id),
        Timer::MeterCheck => meters::check(cx),
        Timer::MeterReport(id) => meters::report(cx, id),
        Timer::ClockReady(id) => test_clocks::ready(cx, id),
    }
}
