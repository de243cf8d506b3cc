#!/usr/bin/env python3
"""Runs Stripe's CLI against a running sandbox, event by event.

    npm ci --prefix node && STRIPE_API_BASE=http://127.0.0.1:4242 python3 triggers.py [EVENT...]

For each event that Purser acts on it runs `stripe trigger`, or, where there is no trigger, `stripe fixtures` with a
file of ours, and looks whether the event came.

The CLI is an independent client: it sends forms without a Stripe-Version, with parameters in any order and some by
older names. It waits for nothing and does not look whether its event exists; this program does. Some events come with
time: for those the clock of the sandbox is moved afterwards. Nothing leaves this computer: what the CLI has for others
ends at a proxy that is not there, and what a trigger sends to another host of Stripe's goes to the sandbox by a socket.

STRIPE_CLI names the program; else it is the one of node/node_modules, else the one of PATH. Ends with 1 when an event
did not come, and says which.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode, urlsplit

HERE = Path(__file__).resolve().parent
API_VERSION = "2026-10-28.endive"
HOUR = 3600
DAY = 24 * HOUR

#: How long the CLI, and an event after it, may take in the life of this computer, in seconds.
CLI_PATIENCE = 60
EVENT_PATIENCE = 15


@dataclass(frozen=True)
class Row:
    """An event, and how it comes about."""

    event: str
    # The trigger, where it has another name than the event.
    trigger: str = ""
    # Whether a file of ours makes it, as there is no trigger.
    fixture: bool = False
    # By how much the clock is moved then, in seconds.
    later: int = 0
    # Whether it is a thin event: its trigger talks to another host.
    thin: bool = False


ROWS = [
    Row("customer.subscription.created"),
    Row("customer.subscription.updated"),
    Row("customer.subscription.deleted"),
    Row("customer.subscription.paused"),
    Row("customer.subscription.resumed", fixture=True),
    Row("customer.subscription.trial_will_end"),
    Row("invoice.created"),
    Row("invoice.finalized"),
    Row("invoice.paid"),
    Row("invoice.payment_succeeded"),
    Row("invoice.payment_failed"),
    Row("invoice.payment_action_required"),
    Row("invoice.voided"),
    Row("invoice.marked_uncollectible"),
    Row("checkout.session.completed"),
    Row("checkout.session.expired"),
    Row("charge.refunded"),
    Row("refund.created", trigger="charge.refunded"),
    Row("charge.dispute.created"),
    Row("charge.dispute.updated"),
    Row("charge.dispute.closed"),
    Row("charge.dispute.funds_withdrawn", fixture=True),
    Row("customer.updated"),
    Row("customer.deleted"),
    Row("payment_method.attached"),
    Row("payment_method.detached"),
    Row("payment_method.updated"),
    Row("entitlements.active_entitlement_summary.updated", fixture=True),
    Row("v1.billing.meter.error_report_triggered", later=HOUR, thin=True),
    Row("v1.billing.meter.no_meter_found", later=HOUR, thin=True),
    Row("charge.dispute.funds_reinstated", fixture=True, later=10 * DAY),
    Row("refund.updated", fixture=True, later=10 * DAY),
    Row("refund.failed", fixture=True, later=10 * DAY),
    Row("checkout.session.async_payment_succeeded", later=15 * DAY),
    Row("checkout.session.async_payment_failed", later=15 * DAY),
    Row("invoice.upcoming", fixture=True, later=27 * DAY),
]


class Sandbox:
    """The sandbox, asked without any SDK."""

    def __init__(self, base, key):
        self.base = base.rstrip("/")
        self.key = key
        self._clock = None

    def ask(self, method, path, **params):
        """One request; the answer as JSON."""
        url, body = self.base + path, None
        headers = {"Authorization": f"Bearer {self.key}", "Stripe-Version": API_VERSION}
        if method == "POST" and path.startswith("/v2/"):
            headers["Content-Type"] = "application/json"
            body = json.dumps(params).encode()
        elif method == "POST":
            body = urlencode(params).encode()
        elif params:
            url += "?" + urlencode(params)
        request = urllib.request.Request(url, body, headers, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return json.load(answer)

    def deliver_to(self, url):
        """Lets all events be sent there, so that they are written down as they are sent."""
        self.ask("POST", "/v1/webhook_endpoints", **{"url": url, "enabled_events[]": "*"})
        thin = {"name": "triggers", "type": "webhook_endpoint", "event_payload": "thin", "enabled_events": ["*"]}
        self.ask("POST", "/v2/core/event_destinations", webhook_endpoint={"url": url}, **thin)

    def newest(self, row):
        """The id of the newest event of a type, or None."""
        if row.thin:
            events = self.ask("GET", "/v2/core/events", limit=50)["data"]
            return next((one["id"] for one in events if one["type"] == row.event), None)
        events = self.ask("GET", "/v1/events", type=row.event, limit=1)["data"]
        return events[0]["id"] if events else None

    def later(self, seconds):
        """Moves the clock, and waits until it is ready."""
        if self._clock is None:
            now = self.ask("POST", "/v1/customers", description="What time is it?")["created"]
            self._clock = self.ask("POST", "/v1/test_helpers/test_clocks", frozen_time=now, name="triggers")
        path = f"/v1/test_helpers/test_clocks/{self._clock['id']}"
        self._clock = self.ask("POST", path + "/advance", frozen_time=self._clock["frozen_time"] + seconds)
        end = time.monotonic() + CLI_PATIENCE
        while self._clock["status"] != "ready":
            if time.monotonic() > end:
                raise TimeoutError("the clock does not arrive")
            time.sleep(0.02)
            self._clock = self.ask("GET", path)


class Taker(BaseHTTPRequestHandler):
    """Takes every delivery."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Says that it came."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Says nothing."""


def taker():
    """The address of a server that takes deliveries."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/"


class Forwarder:
    """A socket of the file system that leads to the sandbox, whatever host the CLI means."""

    def __init__(self, path, base):
        parts = urlsplit(base)
        self.target = (parts.hostname, parts.port or 80)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source, sink):
    """Carries bytes until one side has had enough."""
    try:
        while part := source.recv(65536):
            sink.sendall(part)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # One side hung up; then the other is of no use.
        source.close()
        sink.close()


def program():
    """The CLI."""
    ours = HERE / "node" / "node_modules" / ".bin" / "stripe"
    found = os.environ.get("STRIPE_CLI") or (str(ours) if ours.exists() else shutil.which("stripe"))
    if not found:
        sys.exit("stripe is not there. Run: npm ci --prefix " + str(HERE / "node"))
    return found


def environment(folder):
    """What the CLI is started with: no settings of a person's own, and no way to anybody else."""
    nowhere = "http://127.0.0.1:1"
    return {
        **os.environ,
        "HOME": folder,
        "XDG_CONFIG_HOME": folder,
        "DO_NOT_TRACK": "1",
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1",
    }


def attempt(sandbox, row, folder, path):
    """Makes one event come about. Answers None, or what went wrong."""
    before = sandbox.newest(row)
    if row.fixture:
        command = [program(), "fixtures", str(HERE / "fixtures" / f"{row.event}.json")]
    else:
        command = [program(), "trigger", row.trigger or row.event]
    command += ["--api-base", sandbox.base, "--api-key", sandbox.key]
    env = environment(folder)
    if row.thin:
        env["STRIPE_CLI_UNIX_SOCKET"] = path
    try:
        run = subprocess.run(
            command, env=env, cwd=folder, capture_output=True, text=True, timeout=CLI_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the CLI does not end within {CLI_PATIENCE} s"
    if run.returncode != 0:
        return f"the CLI ends with {run.returncode}: {(run.stderr or run.stdout).strip()[-500:]}"
    if row.later:
        sandbox.later(row.later)
    end = time.monotonic() + EVENT_PATIENCE
    while sandbox.newest(row) in (None, before):
        if time.monotonic() > end:
            return "the CLI ends well, but the event did not come"
        time.sleep(0.05)
    return None


def main():
    """Tries all events, or those that the command line names."""
    base = os.environ.get("STRIPE_API_BASE")
    if not base:
        sys.exit("STRIPE_API_BASE is not set; it says where the sandbox is, as http://127.0.0.1:PORT")
    sandbox = Sandbox(base, os.environ.get("STRIPE_API_KEY", "sk_test_triggers"))
    wanted = sys.argv[1:]
    unknown = set(wanted) - {row.event for row in ROWS}
    if unknown:
        sys.exit(f"no such event here: {', '.join(sorted(unknown))}")
    sandbox.deliver_to(taker())
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "stripe.sock")
        Forwarder(path, sandbox.base)
        for row in (row for row in ROWS if not wanted or row.event in wanted):
            try:
                wrong = attempt(sandbox, row, folder, path)
            except (urllib.error.URLError, TimeoutError) as error:
                wrong = f"the sandbox: {error}"
            how = "fixture" if row.fixture else "trigger"
            print(f"{'FAILED' if wrong else 'ok':7} {how} {row.event}" + (f": {wrong}" if wrong else ""), flush=True)
            if wrong:
                failed.append(row.event)
    tried = len(set(wanted)) or len(ROWS)
    print(json.dumps({"tried": tried, "came": tried - len(failed), "failed": failed}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
