"""What is sold in the story, and what it costs by the rules."""

from fault import check, same
from rules import ENDLESS, graduated, packages, volume

#: What is asked for a month, in cents.
COST = {"basic": 1000, "pro": 3000, "seat": 1200, "platform": 10_000, "topup": 1500}

#: Calls beyond the first thousand of a month cost four cents each. A tier: up to, unit, flat.
CALLS = [(1000, 0, 0), (ENDLESS, 4, 0)]

#: Stripe's own example of tiers (docs.stripe.com/subscriptions/pricing-models/tiered-pricing).
TIERS = [(5, 700, 0), (10, 650, 0), (ENDLESS, 600, 0)]

#: Its example with a flat part (same page).
FLAT_TIERS = [(5, 500, 1000), (10, 400, 2000), (15, 300, 3000), (20, 200, 4000), (ENDLESS, 100, 5000)]


def stock(year):
    """Makes the products, the meter and the prices."""
    prices = year.v1.prices

    def sell(name, title, more):
        product = year.v1.products.create({"name": title})
        made = prices.create({"currency": "usd", "product": product["id"], **more})
        same(f"the price {name}", [made["object"], made["active"], made["product"]], ["price", True, product["id"]])
        year.price[name] = made["id"]
        return made

    def add(name, title, more):
        return sell(name, title, {"recurring": {"interval": "month"}, **more})

    year.lookup = f"basic_{year.number}"
    basic = add("basic", "Basic", {"unit_amount": COST["basic"], "lookup_key": year.lookup})
    same("a licensed price", [basic["type"], basic["recurring"]["usage_type"]], ["recurring", "licensed"])
    same("its amount", [basic["unit_amount"], basic["currency"]], [COST["basic"], "usd"])
    found = prices.list({"lookup_keys": [year.lookup]})["data"]
    same("the prices with that lookup key", [one["id"] for one in found], [basic["id"]])
    add("pro", "Pro", {"unit_amount": COST["pro"]})
    add("seat", "Seat", {"unit_amount": COST["seat"]})
    add("platform", "Platform", {"unit_amount": COST["platform"]})
    add("graduated", "Desks", _stepped("graduated", TIERS))
    add("volume", "Rooms", _stepped("volume", TIERS))
    add("flat graduated", "Lockers", _stepped("graduated", FLAT_TIERS))
    add("flat volume", "Lamps", _stepped("volume", FLAT_TIERS))
    add("packs", "Packs", {"unit_amount": 1000, "transform_quantity": {"divide_by": 5, "round": "up"}})
    topup = sell("topup", "Credits", {"unit_amount": COST["topup"]})
    same("a price for once", [topup["type"], topup["recurring"]], ["one_time", None])
    year.meter = _meter(year)
    recurring = {"interval": "month", "usage_type": "metered", "meter": year.meter["id"]}
    calls = add("calls", "Calls", {**_stepped("graduated", CALLS), "recurring": recurring})
    metered = [calls["recurring"]["usage_type"], calls["recurring"]["meter"]]
    same("a metered price", metered, ["metered", year.meter["id"]])
    check("tiers" not in calls, "tiers are shown though nobody asked for them")
    tiers = prices.retrieve(year.price["graduated"], {"expand": ["tiers"]})["tiers"]
    shown = [(tier["up_to"], tier["unit_amount"], tier["flat_amount"]) for tier in tiers]
    same("the tiers", shown, [(5, 700, None), (10, 650, None), (None, 600, None)])


def _stepped(mode, tiers):
    """The parameters of a price with tiers."""
    steps = []
    for up_to, unit, flat in tiers:
        step = {"up_to": "inf" if up_to == ENDLESS else up_to, "unit_amount": unit}
        steps.append({**step, "flat_amount": flat} if flat else step)
    return {"billing_scheme": "tiered", "tiers_mode": mode, "tiers": steps}


def _meter(year):
    """Makes the meter."""
    meter = year.v1.billing.meters.create(
        {
            "display_name": "Calls",
            "event_name": f"calls_{year.number}",
            "default_aggregation": {"formula": "sum"},
            "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
            "value_settings": {"event_payload_key": "value"},
        }
    )
    same("the meter", [meter["object"], meter["status"]], ["billing.meter", "active"])
    return meter


def price_list(year, customer):
    """Asks the sandbox for previews of what quantities cost, and compares them with the rules."""
    asked = [("graduated", quantity, graduated(TIERS, quantity)) for quantity in (1, 5, 6, 20, 25)]
    asked += [("volume", quantity, volume(TIERS, quantity)) for quantity in (1, 5, 6, 20, 25)]
    asked += [("flat graduated", quantity, graduated(FLAT_TIERS, quantity)) for quantity in (12, 0)]
    asked += [("flat volume", 12, volume(FLAT_TIERS, 12))]
    asked += [("packs", quantity, packages(1000, 5, quantity)) for quantity in (1, 5, 6, 7)]
    asked += [("seat", 12, 12 * COST["seat"])]
    for name, quantity, total in asked:
        items = [{"price": year.price[name], "quantity": quantity}]
        preview = year.v1.invoices.create_preview(
            {"customer": customer, "subscription_details": {"items": items}}
        )
        lines = sum(line["amount"] for line in preview["lines"]["data"])
        got = [preview["total"], lines, preview["status"]]
        same(f"the preview of {quantity} × {name}", got, [total, total, "draft"])
