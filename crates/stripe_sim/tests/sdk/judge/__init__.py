"""The judge of what was said on the wire: Stripe's contract, and nothing of the sandbox's own code."""
