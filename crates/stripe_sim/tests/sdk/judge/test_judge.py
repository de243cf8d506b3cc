"""The judge judged: what is wrong is found, and what is right is not.

    python3 -m unittest judge.test_judge        # in tests/sdk
"""

import copy
import json
import unittest
from pathlib import Path

from judge import forms
from judge.judging import Counts, Judge

CONTRACT = json.loads((Path(__file__).parents[3] / "contract" / "endive.json").read_text(encoding="utf-8"))

METER_EVENT = {
    "object": "billing.meter_event",
    "created": 1,
    "event_name": "calls",
    "identifier": "a",
    "livemode": False,
    "payload": {"stripe_customer_id": "cus_1", "value": "5"},
    "timestamp": 1,
}

TEST_CLOCK = {
    "id": "clock_1",
    "object": "test_helpers.test_clock",
    "created": 1,
    "deletes_after": 2,
    "frozen_time": 1,
    "livemode": False,
    "name": None,
    "status": "ready",
    "status_details": {},
}

EVENT = {
    "id": "evt_1",
    "object": "event",
    "api_version": CONTRACT["version"],
    "created": 1,
    "data": {"object": TEST_CLOCK},
    "livemode": False,
    "pending_webhooks": 0,
    "request": {"id": None, "idempotency_key": None},
    "type": "test_helpers.test_clock.ready",
}

THIN = {
    "id": "evt_test_1",
    "object": "v2.core.event",
    "context": None,
    "created": "2026-01-01T00:00:00.000Z",
    "livemode": False,
    "reason": None,
    "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
    "type": "v1.billing.meter.updated",
}

REPORT = {
    "developer_message_summary": "There is 1 invalid event",
    "reason": {"error_count": 1, "error_types": [{"code": "no_meter", "error_count": 1, "sample_errors": []}]},
    "validation_end": "2026-01-01T00:00:10.000Z",
    "validation_start": "2026-01-01T00:00:00.000Z",
}

REFUSAL = {"error": {"type": "invalid_request_error", "message": "No such customer: 'cus_x'", "param": "id"}}


#: One for all: what it needs to know of a schema it makes out once.
JUDGE = Judge(CONTRACT)


def changed(value, path, new):
    """A copy of `value` in which another thing stands at `path`; nothing where `new` is `...`."""
    value = copy.deepcopy(value)
    place = value
    for name in path[:-1]:
        place = place[name]
    if new is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = new
    return value


class Lines(unittest.TestCase):
    """Lines that are right, and the same with one thing wrong."""

    def faults(self, line, **more):
        """What the judge says."""
        return JUDGE.line(line, **more)

    def right(self, line, **more):
        """Nothing is wrong with this one."""
        self.assertEqual(self.faults(line, **more), [])

    def wrong(self, line, *words):
        """Something is wrong with this one, and the first fault says it in these words."""
        faults = self.faults(line)
        self.assertTrue(faults, f"nothing is found wrong with {line}")
        for word in words:
            self.assertIn(word, faults[0])

    def ask(self, body, path="/v1/subscriptions", method="POST", query=""):
        """A request alone."""
        return {"method": method, "path": path, "query": query, "body": body}

    def pair(self, body, answer, status=200, path="/v1/billing/meter_events"):
        """A request and its answer."""
        return {**self.ask(body, path), "status": status, "answer": answer}

    def test_parameters(self):
        good = "customer=cus_1&items[0][price]=price_1&items[0][quantity]=2&items[1][price]=price_2"
        self.right(self.ask(good))
        self.right(self.ask(good + "&cancel_at_period_end=false&expand[]=latest_invoice&expand[]=customer"))
        self.right(self.ask(good + "&metadata[any]=thing&metadata[gone]=&trial_end=now&days_until_due=30"))
        self.right(self.ask("customer=cus_1&items[][price]=price_1&items[][price]=price_2&items[][quantity]=3"))
        self.wrong(self.ask(good + "&colour=red"), "colour")
        self.wrong(self.ask(good + "&items[1][colour]=red"), "/items/1", "colour")
        self.wrong(self.ask(good + "&items[1][quantity]=two"), "/items/1/quantity", "two")
        self.wrong(self.ask(good + "&cancel_at_period_end=yes"), "/cancel_at_period_end", "yes")
        self.wrong(self.ask(good + "&collection_method=by_mail"), "/collection_method", "by_mail")
        self.wrong(self.ask(good + "&collection_method="), "/collection_method")
        self.wrong(self.ask(good + "&items=price_3"), "items is given twice")
        self.wrong(self.ask(good + "&customer=cus_2"), "customer is given twice")
        self.wrong(self.ask("customer[id]=cus_1"), "/customer")
        self.wrong(self.ask("customer=cus_1&items[first][price]=price_1"), "/items")
        self.wrong(self.ask("customer=cus_1&items[0][price=price_1"), "no name of a parameter")
        self.wrong(self.ask("currency=usd", "/v1/prices/price_1"), "currency")

    def test_what_is_required(self):
        self.right(self.ask("currency=usd&product=prod_1", "/v1/prices"))
        self.wrong(self.ask("product=prod_1", "/v1/prices"), "currency")
        self.wrong(self.ask("currency=usd&recurring[interval_count]=2", "/v1/prices"), "/recurring", "interval")

    def test_queries(self):
        self.right(self.ask("", "/v1/customers", "GET", "limit=3&created[gte]=5&expand[]=data.subscriptions"))
        self.wrong(self.ask("", "/v1/customers", "GET", "limit=3&created[since]=5"), "/created")
        self.wrong(self.ask("", "/v1/customers", "GET", "limit=many"), "/limit", "many")

    def test_json_bodies(self):
        path = "/v2/billing/meter_events"
        event = {"event_name": "calls", "payload": {"stripe_customer_id": "cus_1", "value": "5"}}
        self.right(self.ask(json.dumps(event), path))
        self.wrong(self.ask(json.dumps({**event, "colour": "red"}), path), "colour")
        self.wrong(self.ask(json.dumps(changed(event, ["payload", "value"], 5)), path), "/payload/value")
        self.wrong(self.ask(json.dumps(changed(event, ["payload"], ...)), path), "payload")
        self.wrong(self.ask("event_name=calls", path), "no JSON")

    def test_operations(self):
        self.wrong(self.ask("", "/v1/nothing", "GET"), "no operation")
        self.wrong({**self.ask("", "/v1/nothing", "GET"), "status": 200, "answer": {}}, "no operation")
        self.right({**self.ask("", "/v1/nothing", "GET"), "status": 404, "answer": REFUSAL})
        self.assertEqual(JUDGE.operation("POST", "/v1/invoices/create_preview"), "POST /v1/invoices/create_preview")

    def test_old_names(self):
        line = self.ask("amount=5&currency=usd&payment_method_types[]=card", "/v1/payment_intents")
        self.wrong(line, "payment_method_types")
        self.right(line, old_names=True)
        self.assertTrue(self.faults(self.ask("amount=5&currency=usd&colour=red", "/v1/payment_intents"), old_names=True))

    def test_answers(self):
        asked = "event_name=calls&payload[stripe_customer_id]=cus_1&payload[value]=5"
        self.right(self.pair(asked, METER_EVENT))
        self.wrong(self.pair(asked, changed(METER_EVENT, ["timestamp"], ...)), "timestamp")
        self.wrong(self.pair(asked, {**METER_EVENT, "colour": "red"}), "colour")
        self.wrong(self.pair(asked, {**METER_EVENT, "created": "1"}), "/created")
        self.wrong(self.pair(asked, {**METER_EVENT, "created": 1.5}), "/created")
        self.wrong(self.pair(asked, {**METER_EVENT, "livemode": None}), "/livemode")
        self.wrong(self.pair(asked, {**METER_EVENT, "object": "meter_event"}), "/object")

    def test_lists(self):
        page = {"object": "list", "data": [TEST_CLOCK], "has_more": False, "url": "/v1/test_helpers/test_clocks"}
        line = {**self.ask("", "/v1/test_helpers/test_clocks", "GET"), "status": 200, "answer": page}
        self.right(line)
        self.wrong(changed(line, ["answer", "data", 0, "frozen_time"], ...), "/data/0", "frozen_time")
        self.wrong(changed(line, ["answer", "data", 0, "colour"], "red"), "/data/0", "colour")
        self.wrong(changed(line, ["answer", "has_more"], ...), "has_more")

    def test_refusals(self):
        bad = "colour=red"
        self.right(self.pair(bad, REFUSAL, 400))
        self.wrong(self.pair(bad, {"error": {"message": "no"}}, 400), "type")
        self.wrong(self.pair(bad, changed(REFUSAL, ["error", "type"], "bad_luck"), 400), "bad_luck")
        self.wrong(self.pair(bad, changed(REFUSAL, ["error", "colour"], "red"), 400), "colour")
        self.wrong(self.pair(bad, changed(REFUSAL, ["error", "param"], 5), 400), "/error/param")
        self.wrong(self.pair(bad, REFUSAL, 402), "with status 402")
        self.wrong(self.pair(bad, changed(REFUSAL, ["error", "type"], "card_error"), 400), "with status 400")
        self.wrong(self.pair(bad, REFUSAL, 500), "with status 500")

    def test_events(self):
        path = "/v1/events"
        page = {"object": "list", "data": [EVENT], "has_more": False, "url": path}
        line = {**self.ask("", path, "GET"), "status": 200, "answer": page}
        self.right(line)
        inner = ["answer", "data", 0, "data", "object"]
        self.wrong(changed(line, [*inner, "frozen_time"], ...), "test_clock.ready", "frozen_time")
        self.wrong(changed(line, ["answer", "data", 0, "type"], "test_helpers.test_clock.late"), "none of Stripe's")

    def test_deliveries(self):
        self.right({"delivery": EVENT})
        self.wrong({"delivery": {**EVENT, "type": "clock.ready"}}, "none of Stripe's")
        self.wrong({"delivery": {**EVENT, "colour": "red"}}, "colour")
        self.wrong({"delivery": {**EVENT, "api_version": "2020-08-27"}}, "2020-08-27")
        self.wrong({"delivery": changed(EVENT, ["data", "object", "status"], "asleep")}, "/status", "asleep")
        self.wrong({"delivery": changed(EVENT, ["data", "object", "colour"], "red")}, "colour")
        self.right({"delivery": changed(EVENT, ["data", "previous_attributes"], {"status": "advancing"})})
        self.wrong({"delivery": changed(EVENT, ["data", "previous_attributes"], {"colour": "red"})}, "/colour")
        self.wrong({"event": changed(EVENT, ["data", "object", "name"], ...)}, "name")

    def test_thin_events(self):
        self.right({"delivery": THIN})
        self.wrong({"delivery": {**THIN, "type": "v1.billing.meter.lost"}}, "none of Stripe's")
        self.wrong({"delivery": {**THIN, "data": {}}}, "data")
        self.wrong({"delivery": changed(THIN, ["related_object"], ...)}, "related_object")
        self.wrong({"delivery": changed(THIN, ["related_object", "url"], ...)}, "url")
        self.wrong({"delivery": {**THIN, "created": 5}}, "/created")
        told = {**THIN, "type": "v1.billing.meter.error_report_triggered"}
        self.right({"delivery": told})
        fetched = {**self.ask("", "/v2/core/events/evt_test_1", "GET"), "status": 200, "answer": {**told, "data": REPORT}}
        self.right(fetched)
        self.wrong(changed(fetched, ["answer", "data"], ...), "data")
        self.wrong(changed(fetched, ["answer", "data", "reason", "error_types", 0, "code"], "bad_luck"), "bad_luck")

    def test_counts(self):
        JUDGE.counts = Counts()
        for line in (self.pair("event_name=calls&payload[value]=5", METER_EVENT), {"delivery": EVENT}, {"delivery": THIN}):
            self.assertEqual(JUDGE.line(line), [])
        counts = JUDGE.counts
        self.assertEqual(counts.asked, {"POST /v1/billing/meter_events": 1})
        self.assertEqual(counts.values, {"POST /v1/billing/meter_events": 2})
        self.assertEqual(counts.delivered, {"test_helpers.test_clock.ready": 1})
        self.assertEqual(counts.thin_delivered, {"v1.billing.meter.updated": 1})


class Forms(unittest.TestCase):
    """Forms become trees."""

    def test_trees(self):
        tree, faults = forms.parsed("a[b][0][c]=1&a[b][1][c]=2&d=&e[]=x&e[]=y&f%5Bg%5D=h+i")
        self.assertEqual(faults, [])
        places = {"0": {"c": "1"}, "1": {"c": "2"}}
        self.assertEqual(tree, {"a": {"b": places}, "d": "", "e": {"0": "x", "1": "y"}, "f": {"g": "h i"}})

    def test_lists_without_places(self):
        tree, _ = forms.parsed("a[][x]=1&a[][y]=2&a[][x]=3")
        self.assertEqual(tree, {"a": {"0": {"x": "1", "y": "2"}, "1": {"x": "3"}}})

    def test_a_map_may_have_numbers_for_names(self):
        tree, _ = forms.parsed("metadata[7]=seven")
        self.assertEqual(forms.shaped(tree["metadata"], {"map": "string"}), {"7": "seven"})
        self.assertEqual(forms.shaped(tree["metadata"], {"list": "string"}), ["seven"])


if __name__ == "__main__":
    unittest.main()
