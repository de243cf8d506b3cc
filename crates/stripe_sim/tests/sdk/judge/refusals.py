"""The form of Stripe's refusals, as its documentation of errors and the error classes of its SDKs have it."""

KINDS = ["api_error", "card_error", "idempotency_error", "invalid_request_error"]

TEXT = {"type": "string", "minLength": 1}

#: The first API: what may stand in `error`.
FIRST = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type"],
            "additionalProperties": False,
            "properties": {
                "type": {"enum": KINDS},
                "advice_code": {"enum": ["confirm_card_data", "do_not_try_again", "try_again_later"]},
                "charge": TEXT,
                "code": TEXT,
                "decline_code": TEXT,
                "doc_url": {"type": "string", "pattern": "^https://"},
                "message": TEXT,
                "network_advice_code": TEXT,
                "network_decline_code": TEXT,
                "param": TEXT,
                "payment_intent": {"$ref": "#/$defs/payment_intent"},
                "payment_method": {"$ref": "#/$defs/payment_method"},
                "payment_method_type": TEXT,
                "request_log_url": {"type": "string", "pattern": "^https://"},
                "setup_intent": {"$ref": "#/$defs/setup_intent"},
            },
        }
    },
}

#: The second API: a code is always there.
SECOND = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "additionalProperties": False,
            "properties": {
                "type": TEXT,
                "code": TEXT,
                "message": TEXT,
                "doc_url": {"type": "string", "pattern": "^https://"},
                "request_log_url": {"type": "string", "pattern": "^https://"},
                "user_message": TEXT,
            },
        }
    },
}


def misfits(status, error):
    """What of a refusal does not go with its status."""
    kind, code = error.get("type"), error.get("code")
    if (status == 402) != (kind == "card_error"):
        return [f"a {kind} with status {status}"]
    if status >= 500 and kind != "api_error":
        return [f"a {kind} with status {status}"]
    if status in (401, 404) and kind != "invalid_request_error":
        return [f"a {kind} with status {status}"]
    if (status == 429) != (code in ("lock_timeout", "rate_limit")):
        return [f"the code {code} with status {status}"]
    return []
