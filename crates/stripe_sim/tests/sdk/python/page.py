"""The hosted checkout page, used as a browser uses it: the page is fetched, its form filled in, and sent.

This file alone knows the names of the form's fields.
"""

from html.parser import HTMLParser
from http.client import HTTPConnection
from urllib.parse import urlencode, urljoin, urlsplit

from fault import Fault

#: The fields of the page's form, by what a person puts there.
FIELDS = {
    "method": "method",
    "number": "number",
    "expiry": "expiry",
    "cvc": "cvc",
    "email": "email",
    "name": "name",
}

#: A card as a person has it in hand.
CARD = {"method": "card", "expiry": "12 / 34", "cvc": "123"}


def pay_as_a_person(url, person):
    """Pays at `url` as `person` (number, email, name), with one press of the button.

    Answers where the browser is sent: None when the page comes again, as after a declined card.
    """
    status, _, html = ask("GET", url)
    if status != 200:
        raise Fault(f"the checkout page answers {status}")
    form = Form(html)
    if form.action is None:
        raise Fault("the checkout page has no form to send")
    fields = dict(form.fields)
    for meaning, value in {**CARD, **person}.items():
        name = FIELDS[meaning]
        if name in form.names:
            fields[name] = value
        elif meaning == "number":
            raise Fault(f'the checkout page has no field "{name}", but {", ".join(form.names)}')
    status, location, text = ask("POST", urljoin(url, form.action or url), urlencode(fields))
    if status >= 500:
        raise Fault(f"the checkout page answers {status} to its form: {text[:300]}")
    return location


def ask(method, url, body=None):
    """One request as a browser sends it; answers status, where it leads, and the page. Leads are not followed."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept": "text/html"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("location"), answer.read().decode()
    finally:
        connection.close()


class Form(HTMLParser):
    """The first form of a page that is sent by POST: where to, with which values already, and its fields' names."""

    def __init__(self, html):
        super().__init__()
        self.action = None
        self.fields = []
        self.names = []
        self._inside = False
        self._done = False
        self._pressed = False
        self._select = None
        self._chosen = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        field = {name: value or "" for name, value in attrs}
        if tag == "form" and not self._done and field.get("method", "").lower() == "post":
            self._inside = True
            self.action = field.get("action", "")
        elif self._inside and tag == "option" and self._select is not None:
            # The first choice of a list counts, unless another is marked.
            if "selected" in field or not self._chosen:
                self._chosen = True
                self.fields[self._select] = (self.fields[self._select][0], field.get("value", ""))
        elif self._inside and tag in ("input", "select", "textarea", "button") and field.get("name"):
            self._field(tag, field)

    def handle_endtag(self, tag):
        if tag == "form" and self._inside:
            self._inside, self._done = False, True
        elif tag == "select":
            self._select = None

    def _field(self, tag, field):
        self.names.append(field["name"])
        if tag == "select":
            self._select, self._chosen = len(self.fields), False
            self.fields.append((field["name"], ""))
            return
        kind = field.get("type", "")
        if tag == "button" or kind == "submit":
            counts, self._pressed = not self._pressed, True
        elif kind in ("radio", "checkbox"):
            counts = "checked" in field
        else:
            counts = True
        if counts:
            self.fields.append((field["name"], field.get("value", "")))
