"""What schemathesis cannot know of this API: refusals by rules no schema can state, and what archiving means.

Every check stays on. A failure is dropped only when the answer itself says, by its code and field, that one of the
rules below was broken; docs/decisions/0017-what-fuzzing-may-find.md gives the reasons.
"""

import threading

import schemathesis
from schemathesis.core.failures import Failure

# Refusals of requests that are well formed: the code, and the fields it may name.
BEYOND_SCHEMAS = {
    # One of three places holds the key: the header, the body, or (for grants) the source.
    "missing_idempotency_key": {"idempotency_key"},
    # Which of two a checkout needs follows from what it is for.
    "missing_field": {"top_up_plan", "price"},
    # Measured against what the pack gives.
    "pack_too_small": {"threshold"},
    # Only Stripe, or who has the secret of its endpoint, can sign a body.
    "invalid_signature": {"Stripe-Signature"},
    # Measured against now or against another field; the header's key against the body's; bytes, not characters;
    # a page of subscriptions or invoices begins behind one the customer has.
    "invalid_field": {"expires_at", "occurred_at", "idempotency_key", "metadata", "rollover", "starting_after"},
}


def problem(response):
    """The error an answer holds, if it holds one."""
    try:
        return response.json().get("error") or {}
    except (ValueError, AttributeError):
        return {}


def beyond_schemas(response):
    """Whether a well formed request was refused by a rule no schema can state."""
    error = problem(response)
    if response.status_code == 402:
        return error.get("type") == "payment_required"
    if error.get("code") == "invalid_field" and error.get("param", "").endswith("metadata"):
        return error["message"] == "It is over 4096 bytes."
    if error.get("code") == "invalid_field" and error["message"] == "It belongs to another purpose. Leave it out.":
        return True
    # What a pack is counted in, and costs, is in the price book.
    if error.get("code") == "invalid_field" and error["message"].startswith("The top-up plan "):
        return True
    param = (error.get("param") or "").rsplit(".", 1)[-1]
    return response.status_code == 400 and param in BEYOND_SCHEMAS.get(error.get("code"), ())


@schemathesis.hook
def filter_failure(context, failure, case, response):
    kind = type(failure).__name__
    if kind == "RejectedPositiveData":
        return not beyond_schemas(response)
    if kind == "UseAfterFree":
        # DELETE archives: all of it stays readable. `archived_for_good` checks what does hold.
        return False
    return True


# Asked with POST, and nothing is written by the asking: what they answer about an archived customer is no write.
QUESTIONS = ("/check", "/checkout/verify", "/subscription/preview")
ARCHIVED = set()
LOCK = threading.Lock()


def written(answer):
    """The customers an answer says were written now: its own, or those of its items."""
    things = answer.get("data", [answer])
    return {thing["customer_id"] for thing in things if "customer_id" in thing and not thing.get("replayed")}


@schemathesis.check
def archived_for_good(ctx, response, case):
    """An archived customer is shown as such, and takes no writes, whatever id they name."""
    if not 200 <= response.status_code < 300:
        return None
    method, path = case.operation.method.upper(), case.operation.path
    named = str((case.path_parameters or {}).get("id")) if path.endswith("/customers/{id}") else None
    with LOCK:
        archived = set(ARCHIVED)
        if method == "DELETE" and named is not None:
            ARCHIVED.add(named)
            return None
    if method == "GET":
        if named in archived and response.json()["archived_at"] is None:
            raise Failure(operation=case.operation.label, title="Archived customer revived", message=named)
        return None
    if path.endswith(QUESTIONS):
        return None
    touched = (written(response.json()) | {named}) & archived
    if touched:
        raise Failure(operation=case.operation.label, title="Archived customer written", message=min(touched))
    return None
