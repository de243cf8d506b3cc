#!/usr/bin/env python3
"""Judges by Stripe's wire contract what was said: to a sandbox, by it, and by the client in its own tests.

    python3 check.py CONTRACT SERVED REPORT RECORD...

CONTRACT is `contract/endive.json`, SERVED a file of JSON with the operations that the sandbox does
(`/_sandbox/api/operations`), REPORT where to write what was judged. A RECORD has a line of JSON for each thing said:

- a request and its answer, as `purser sandbox --record FILE` writes them: `method`, `path`, `query`, `body`, `status`
  and `answer`;
- a request alone: the same without `status` and `answer`;
- an event as it was sent to an endpoint: `delivery`;
- a snapshot event as the API would list it: `event`.

Of a request every parameter is judged, at every depth: its name, its type, its words, whether it is required, whether
it may be unset. Requests that were refused are not: they may be wrong on purpose. Of an answer every field is judged,
and so are all elements of lists, every refusal, and what every event carries. What the contract does not promise must
not be there. In records named `triggers*` some old parameters of the CLI are looked over, and counted.

Ends with 1 when anything is wrong. The validator is jsonschema-rs: none of our own code judges our own code.
"""

import collections
import json
import sys
from pathlib import Path

from judge import report
from judge.judging import Judge


def main(contract, served, written, records):
    """Judges all records, writes the report and says the totals."""
    judge = Judge(json.loads(Path(contract).read_text(encoding="utf-8")))
    served = set(json.loads(Path(served).read_text(encoding="utf-8"))["operations"])
    faults, sources = collections.Counter(), {}
    for record in map(Path, records):
        lines = 0
        with record.open(encoding="utf-8") as file:
            for text in file:
                lines += 1
                faults.update(judge.line(json.loads(text), old_names=record.name.startswith("triggers")))
        sources[record.name] = lines
    Path(written).write_text(report.written(judge, served, faults, sources), encoding="utf-8")
    for fault, count in faults.most_common(60):
        print(f"WRONG ({count} times): {fault}")
    for line in report.totals(judge, served, faults):
        print(line)
    print(f"the report is {written}")
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:4], sys.argv[4:]))
