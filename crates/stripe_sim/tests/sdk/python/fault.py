"""What ends the year: an expectation that was not met, told so that one sees what was expected and what came."""


class Fault(Exception):
    """An expectation that was not met."""


def check(holds, message):
    """Ends the year unless `holds`."""
    if not holds:
        raise Fault(message)


def same(what, got, expected):
    """Ends the year unless `got` is `expected`, deep down."""
    check(got == expected, f"{what}: expected {expected!r}, got {got!r}"[:2000])
