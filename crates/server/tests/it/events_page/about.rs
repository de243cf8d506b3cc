//! What the page says of each event: when Stripe sends it, and what Purser does.

/// Kind, when it is sent, what follows; in the order of the page.
pub const ABOUT: &[(&str, &str, &str)] = &[
    (
        "checkout.session.completed",
        "Sent when a payer is done with a checkout.",
        "Paid: the credits of the pack and the notice `purchase_paid`, or the subscription. Not paid yet (a bank debit): a `pending` purchase.",
    ),
    (
        "checkout.session.async_payment_succeeded",
        "Sent days later, when a bank debit came.",
        "The credits of the pack; the notice `purchase_paid`.",
    ),
    (
        "checkout.session.async_payment_failed",
        "Sent days later, when a bank debit did not come.",
        "The purchase is `failed`; the notice `purchase_failed`.",
    ),
    (
        "checkout.session.expired",
        "Sent when a checkout ended without a payer, or was ended.",
        "The customer can open another one.",
    ),
    (
        "payment_intent.succeeded",
        "Sent when a payment was made.",
        "An auto top-up that waited for it gives its pack; the notice `purchase_paid`. Others are ignored: their checkout or invoice tells.",
    ),
    (
        "payment_intent.payment_failed",
        "Sent when a payment was tried in vain.",
        "An auto top-up that waited for it has failed, and stops until a person acts; the notice `auto_top_up_stopped`. Others are ignored.",
    ),
    ("payment_intent.canceled", "Sent when a payment was given up.", "As `payment_intent.payment_failed`."),
    (
        "charge.refunded",
        "Sent when all or a part of a payment goes back.",
        "All refunds of the payment are read, and their share of its credits is taken back; the notice `purchase_refunded` or `invoice_refunded`.",
    ),
    ("refund.created", "Sent when a refund begins.", "As `charge.refunded`."),
    ("refund.updated", "Sent when a refund has come further.", "As `charge.refunded`."),
    (
        "refund.failed",
        "Sent when the money of a refund came back.",
        "All refunds are read: what was taken back for this one is there again.",
    ),
    (
        "charge.dispute.created",
        "Sent when a payer's bank takes a payment back.",
        "Its share of the credits is frozen; the notice `dispute_opened`. An inquiry freezes nothing.",
    ),
    (
        "charge.dispute.updated",
        "Sent when evidence was given, or an inquiry became a dispute.",
        "All disputes of the payment are read, and the credits are as these stand.",
    ),
    (
        "charge.dispute.closed",
        "Sent when a dispute is decided.",
        "Won: the credits are free again. Lost: they are taken back.",
    ),
    (
        "charge.dispute.funds_withdrawn",
        "Sent when the disputed money left your account.",
        "As `charge.dispute.updated`.",
    ),
    (
        "charge.dispute.funds_reinstated",
        "Sent when the disputed money came back.",
        "As `charge.dispute.updated`; a loss is undone.",
    ),
    (
        "customer.subscription.created",
        "Sent when a subscription begins.",
        "It is read and mirrored with all of its items; plan, access and allowance follow.",
    ),
    (
        "customer.subscription.updated",
        "Sent when anything of a subscription changes: status, items, period, an end that was set.",
        "As `customer.subscription.created`.",
    ),
    (
        "customer.subscription.deleted",
        "Sent when a subscription has ended.",
        "The same; what is left of its period credits goes as the plan says; the notice `subscription_ended`.",
    ),
    (
        "customer.subscription.paused",
        "Sent when a trial ended without anything to pay with, if it is set to pause then.",
        "The same: there is no access, and period credits are frozen.",
    ),
    (
        "customer.subscription.resumed",
        "Sent when a paused subscription goes on.",
        "The same: access is back, and period credits are free.",
    ),
    (
        "customer.subscription.trial_will_end",
        "Sent three days before a trial ends, or at once when it is shorter.",
        "The same, and the notice `trial_ending`.",
    ),
    (
        "customer.subscription.pending_update_applied",
        "Sent when a change that waited for its payment was paid.",
        "As `customer.subscription.updated`.",
    ),
    (
        "customer.subscription.pending_update_expired",
        "Sent when a change that waited for its payment was not paid in time.",
        "As `customer.subscription.updated`.",
    ),
    (
        "invoice.finalized",
        "Sent when an invoice is no draft any more.",
        "It and its subscription are read and mirrored.",
    ),
    ("invoice.updated", "Sent when an invoice changes.", "As `invoice.finalized`."),
    (
        "invoice.paid",
        "Sent when an invoice is paid, by whatever way.",
        "As `invoice.finalized`; its lines give period credits; access is back; the notice `invoice_paid`.",
    ),
    ("invoice.payment_succeeded", "Sent when the payment of an invoice was made.", "As `invoice.paid`."),
    (
        "invoice.payment_failed",
        "Sent each time the payment of an invoice was tried in vain.",
        "As `invoice.finalized`; grace begins with the first; the notice `payment_failed`.",
    ),
    (
        "invoice.payment_action_required",
        "Sent when the payer must prove to be the holder of the card.",
        "As `invoice.payment_failed`.",
    ),
    ("invoice.voided", "Sent when an invoice is taken back.", "As `invoice.finalized`."),
    ("invoice.marked_uncollectible", "Sent when an invoice is given up.", "As `invoice.finalized`."),
    (
        "invoice.upcoming",
        "Sent some days before a subscription renews; how many is set in Stripe's dashboard.",
        "The notice `invoice_upcoming`. It has no id and can be read nowhere, so what it says counts.",
    ),
    (
        "customer.updated",
        "Sent when something of a customer changes.",
        "What it pays with is read and mirrored; what is past due is charged to a new default.",
    ),
    (
        "customer.deleted",
        "Sent when a customer is deleted at Stripe.",
        "It pays with nothing any more. Your customer stays.",
    ),
    ("payment_method.attached", "Sent when a customer saves something to pay with.", "As `customer.updated`."),
    ("payment_method.updated", "Sent when it is changed.", "As `customer.updated`."),
    (
        "payment_method.automatically_updated",
        "Sent when the bank told Stripe of a new number or date of a card.",
        "As `customer.updated`.",
    ),
    (
        "payment_method.detached",
        "Sent when it is taken away. Whose it was stands in `previous_attributes` alone.",
        "As `customer.updated`, and the notice `payment_method_removed`.",
    ),
    (
        "entitlements.active_entitlement_summary.updated",
        "Sent when what a customer is entitled to by Stripe's features changes.",
        "All of it is read and recorded; nothing is decided by it.",
    ),
];

/// What the sandbox never sends, and what it is like.
pub const LIKE: &[(&str, &str)] = &[
    ("customer.subscription.pending_update_applied", "customer.subscription.updated"),
    ("customer.subscription.pending_update_expired", "customer.subscription.updated"),
    ("payment_method.automatically_updated", "payment_method.updated"),
];
