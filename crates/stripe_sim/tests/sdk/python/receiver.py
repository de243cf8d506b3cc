"""The endpoint that the sandbox delivers to: every delivery is verified by the SDK, and kept."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe

from fault import Fault, check

#: How long a delivery may take in the life of this computer, in seconds.
PATIENCE = 20


class Server(ThreadingHTTPServer):
    """A server that lets many deliveries wait at once."""

    request_queue_size = 128
    daemon_threads = True


class Receiver:
    """Takes deliveries in on a free port of this computer."""

    def __init__(self, client):
        self.client = client
        # The secrets of the endpoints, once they are registered: snapshot events come to /hook, thin ones to /thin.
        self.secrets = {"hook": None, "thin": None}
        # Snapshot events by id: the event, how often it came, its bytes, its signature.
        self.events = {}
        self.thin = []
        # The last delivery of a thin event: its bytes, its signature.
        self.last_thin = None
        self.faults = []
        self.url = ""
        self._server = None

    def open(self):
        """Opens the port."""
        self._server = Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        """Closes it."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def has(self, ids):
        """Waits until all events with these ids were delivered, and ends the year if one is not."""
        self._until(
            lambda: all(one in self.events for one in ids),
            lambda: f"of {len(ids)} events these were not delivered: {[one for one in ids if one not in self.events]}",
        )

    def thin_of(self, kind):
        """Waits for a thin event of this type."""

        def found():
            return next((event for event in list(self.thin) if event.type == kind), None)

        self._until(found, lambda: f"no {kind} was delivered")
        return found()

    def _until(self, holds, message):
        end = time.monotonic() + PATIENCE
        while True:
            check(not self.faults, f"a delivery was wrong: {self.faults[:1]}")
            if holds():
                return
            if time.monotonic() > end:
                raise Fault(message())
            time.sleep(0.01)

    def keep(self, path, body, header):
        """Verifies one delivery and keeps it. Raises what is wrong with it."""
        if path == "/hook":
            stripe.Webhook.construct_event(body, header, self.secrets["hook"])
            event = json.loads(body)
            times = self.events[event["id"]][1] if event["id"] in self.events else 0
            self.events[event["id"]] = (event, times + 1, body, header)
        elif path == "/thin":
            self.thin.append(self.client.parse_event_notification(body, header, self.secrets["thin"]))
            self.last_thin = (body, header)
        else:
            raise ValueError("nothing is delivered here")


def _handler(receiver):
    """What answers the requests that `receiver` gets."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status = 200
            try:
                receiver.keep(self.path.split("?")[0], body, self.headers.get("stripe-signature"))
            except Exception as error:  # Whatever is wrong with a delivery ends the year, in the main thread.
                receiver.faults.append(f"POST {self.path}: {error!r}")
                status = 400
            self._answer(status)

        def do_GET(self):
            self._answer(200)

        def _answer(self, status):
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args):
            """Says nothing."""

    return Handler
