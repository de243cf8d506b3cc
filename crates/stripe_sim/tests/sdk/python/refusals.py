"""Bad input, and how it must be refused: the SDK's class, the HTTP status, type, code and parameter.

What a row does not name is not compared: there the documentation and what others recorded leave it open. A None says
that there must be none.
"""

import stripe

from rules import DAY

INVALID = {"error": stripe.InvalidRequestError, "status": 400, "type": "invalid_request_error"}
MISSING = {**INVALID, "code": "resource_missing"}
GONE = {**MISSING, "status": 404}
DECLINED = {"error": stripe.CardError, "status": 402, "type": "card_error", "code": "card_declined"}

#: How to say that a payment is made by card alone.
BY_CARD = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}

#: Refusals that the story meets on its way.
ALREADY_PAID = {**INVALID, "code": None, "says": "already paid"}
ALREADY_REFUNDED = {**INVALID, "code": "charge_already_refunded"}
CANCELED_AGAIN = {**GONE, "param": "id", "says": "No such subscription"}
CANCELED_CHANGED = {**INVALID, "code": "invalid_canceled_subscription_fields"}
CHARGED_BACK = {**INVALID, "code": "charge_disputed"}
EVENT_TWICE = {**INVALID, "says": "An event already exists with identifier"}
EXPIRED_AGAIN = {**INVALID, "says": 'Only Checkout Sessions with a status in ["open"] can be expired'}
REFUND_TOO_LARGE = {
    **INVALID,
    "code": None,
    "param": "amount",
    "says": "greater than unrefunded amount on charge",
}
SIGNATURE = {"error": stripe.SignatureVerificationError}


def refuse_all(year, one, other, bare):
    """Tries all bad input that needs no story of its own. `one` and `other` are customers; `bare` cannot pay."""
    rows = [
        *_parameters(year, one, other),
        *_objects(year, one, bare),
        *_payments(year),
        *_protocol(year, one),
    ]
    for what, expected, call in rows:
        year.refused(what, expected, call)


def _parameters(year, one, other):
    """Parameters that are wrong as such."""
    customers, prices, subscriptions = year.v1.customers, year.v1.prices, year.v1.subscriptions
    cent = {"currency": "usd", "unit_amount": 1}
    create, price = customers.create, prices.create
    deep = {"customer": one.id, "expand": ["data.items.data.price.product"]}

    def both():
        product = prices.retrieve(year.price["pro"])["product"]
        return price({**cent, "product": product, "product_data": {"name": "Both"}})

    return [
        (
            "an unknown parameter",
            {**INVALID, "code": "parameter_unknown", "param": "wat"},
            lambda: create({"wat": "x"}),
        ),
        (
            "an unknown inner parameter",
            {**INVALID, "code": "parameter_unknown", "param": "invoice_settings[nope]"},
            lambda: create({"invoice_settings": {"nope": "x"}}),
        ),
        (
            "a missing parameter",
            {**INVALID, "code": "parameter_missing", "param": "currency"},
            lambda: price({"unit_amount": 100, "product_data": {"name": "Nothing"}}),
        ),
        (
            "a word that is none",
            {**INVALID, "code": None, "param": "tax_exempt", "says": "must be one of"},
            lambda: create({"tax_exempt": "maybe"}),
        ),
        (
            "a number that is none",
            {**INVALID, "code": "parameter_invalid_integer", "param": "limit"},
            lambda: customers.list({"limit": "abc"}),
        ),
        (
            "an object where a text is due",
            {**INVALID, "param": "description", "says": "Invalid string"},
            lambda: create({"description": {"a": "b"}}),
        ),
        (
            "a text where an object is due",
            {**INVALID, "param": "invoice_settings", "says": "Invalid object"},
            lambda: create({"invoice_settings": "x"}),
        ),
        (
            "an address that is none",
            {**INVALID, "code": "email_invalid", "param": "email"},
            lambda: create({"email": "not-an-email"}),
        ),
        (
            "a name in metadata that is too long",
            {**INVALID, "says": "Metadata keys can have up to 40 characters"},
            lambda: create({"metadata": {"k" * 41: "x"}}),
        ),
        (
            "both cursors",
            {**INVALID, "code": None, "param": None},
            lambda: customers.list({"starting_after": one.id, "ending_before": other.id}),
        ),
        (
            "a cursor that is nowhere",
            {**MISSING, "param": "starting_after"},
            lambda: customers.list({"starting_after": "cus_nobody"}),
        ),
        (
            "an expansion of nothing",
            {**INVALID, "code": None, "says": "This property cannot be expanded (wat)"},
            lambda: customers.retrieve(one.id, {"expand": ["wat"]}),
        ),
        (
            "an expansion too deep",
            {**INVALID, "code": "property_expansion_max_depth"},
            lambda: subscriptions.list(deep),
        ),
        (
            "a lookup key in use",
            {**INVALID, "param": "lookup_key"},
            lambda: price({**cent, "product_data": {"name": "Again"}, "lookup_key": year.lookup}),
        ),
        (
            "two ways to name a product",
            {**INVALID, "says": "You may only specify one of these parameters"},
            both,
        ),
        (
            "a price of nothing",
            {**INVALID, "says": "You must specify either `product` or `product_data`"},
            lambda: price(cent),
        ),
        (
            "a price for once in a subscription",
            {**INVALID, "param": "items[0][price]", "says": "type=one_time"},
            lambda: subscriptions.create({"customer": one.id, "items": [{"price": year.price["topup"]}]}),
        ),
    ]


def _objects(year, one, bare):
    """Objects that are not there, or not in a state for it."""
    customers, products, subscriptions = year.v1.customers, year.v1.products, year.v1.subscriptions
    meter_events, clocks = year.v1.billing.meter_events, year.v1.test_helpers.test_clocks
    items = [{"price": year.price["basic"]}]
    payload = {"stripe_customer_id": one.id, "value": "1"}
    usage = {"event_name": year.meter["event_name"], "payload": payload, "timestamp": year.now - 36 * DAY}

    def subscribe(**more):
        return lambda: subscriptions.create({"customer": one.id, "items": items, **more})

    return [
        (
            "a customer that is not there",
            {**GONE, "param": "id", "says": "No such customer: 'cus_nobody'"},
            lambda: customers.retrieve("cus_nobody"),
        ),
        (
            "an invoice for nobody",
            {**MISSING, "param": "customer"},
            lambda: year.v1.invoices.create({"customer": "cus_nobody"}),
        ),
        ("a subscription for nobody", {**GONE, "param": "customer"}, subscribe(customer="cus_nobody")),
        (
            "a subscription to nothing",
            {**MISSING, "param": "items[0][price]"},
            subscribe(items=[{"price": "price_none"}]),
        ),
        (
            "a subscription with no way to pay",
            {**MISSING, "says": "no attached payment source"},
            subscribe(customer=bare.id),
        ),
        (
            "one price twice",
            {**INVALID, "says": "multiple Subscription Items with the same Price"},
            subscribe(items=items + items),
        ),
        (
            "a trial that ended yesterday",
            {**INVALID, "param": "trial_end"},
            subscribe(trial_end=year.now - DAY),
        ),
        (
            "a pending first payment",
            {**INVALID, "param": "payment_behavior"},
            subscribe(payment_behavior="pending_if_incomplete"),
        ),
        (
            "a resume of what runs",
            {**INVALID, "says": "You can only resume a subscription if it is"},
            lambda: subscriptions.resume(one.sub),
        ),
        (
            "a product that has prices",
            {**INVALID, "code": None, "says": "user-created prices"},
            lambda: products.delete(year.v1.prices.retrieve(year.price["pro"])["product"]),
        ),
        (
            "usage of no meter",
            {**INVALID, "says": "No active meter found for event name"},
            lambda: meter_events.create({"event_name": "nothing", "payload": payload}),
        ),
        (
            "usage of long ago",
            {**INVALID, "says": "more than 35 days in past"},
            lambda: meter_events.create(usage),
        ),
        (
            "a clock that goes back",
            INVALID,
            lambda: clocks.advance(year.clock, {"frozen_time": year.now - DAY}),
        ),
    ]


def _payments(year):
    """Payments that fail."""
    create = year.v1.payment_intents.create

    def pay(card):
        asked = {"amount": 2000, "currency": "usd", "payment_method": card, "confirm": True, **BY_CARD}
        return lambda: create(asked)

    return [
        (
            "a card that is declined",
            {**DECLINED, "decline": "generic_decline", "param": None},
            pay("pm_card_visa_chargeDeclined"),
        ),
        (
            "a card without funds",
            {**DECLINED, "decline": "insufficient_funds", "says": "insufficient funds"},
            pay("pm_card_visa_chargeDeclinedInsufficientFunds"),
        ),
        ("a lost card", {**DECLINED, "decline": "lost_card"}, pay("pm_card_visa_chargeDeclinedLostCard")),
        ("an expired card", {**DECLINED, "code": "expired_card"}, pay("pm_card_chargeDeclinedExpiredCard")),
        (
            "a wrong check number",
            {**DECLINED, "code": "incorrect_cvc"},
            pay("pm_card_chargeDeclinedIncorrectCvc"),
        ),
        (
            "a bank in trouble",
            {**DECLINED, "code": "processing_error"},
            pay("pm_card_chargeDeclinedProcessingError"),
        ),
        (
            "an amount of nothing",
            {**INVALID, "code": "parameter_invalid_integer", "param": "amount"},
            lambda: create({"amount": 0, "currency": "usd"}),
        ),
    ]


def _protocol(year, one):
    """Requests that are wrong before anything is read."""
    customers = year.v1.customers
    again = {"idempotency_key": f"again-{year.number}"}

    def twice():
        customers.update(one.id, {"description": "once"}, again)
        return customers.update(one.id, {"description": "twice"}, again)

    return [
        (
            "a key that is none",
            {**INVALID, "error": stripe.AuthenticationError, "status": 401, "code": None},
            lambda: year.client_of("nonsense").v1.customers.list(),
        ),
        (
            "a version that is none",
            {**INVALID, "says": "Invalid Stripe API version"},
            lambda: customers.list({"limit": 1}, {"stripe_version": "not-a-real-version"}),
        ),
        (
            "an address nobody has",
            {**INVALID, "status": 404, "code": None, "says": "Unrecognized request URL"},
            lambda: year.client.raw_request("get", "/v1/nothing"),
        ),
        (
            "one key for two requests",
            {"error": stripe.IdempotencyError, "status": 400, "type": "idempotency_error"},
            twice,
        ),
    ]
