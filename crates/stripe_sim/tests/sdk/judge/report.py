"""The report: what was judged, how often, and what was not."""


def written(judge, served, faults, sources):
    """The report as Markdown. `served`: the operations of the sandbox; `sources`: lines by record."""
    beyond, served = served - judge.contract["operations"].keys(), served & judge.contract["operations"].keys()
    parts = [
        head(judge, served, faults, sources),
        violations(faults),
        operations(judge, served),
        refusals(judge),
        events(judge),
        uncovered(judge, served, beyond),
        passed_over(judge),
    ]
    return "\n".join(parts)


def totals(judge, served, faults):
    """The totals, in a few lines."""
    served = served & judge.contract["operations"].keys()
    counts, contract = judge.counts, judge.contract
    seen = counts.asked.keys() | counts.refused.keys()
    snapshots = counts.listed.keys() | counts.delivered.keys()
    thin = counts.thin_listed.keys() | counts.thin_delivered.keys()
    return [
        f"{sum(counts.lines.values())} lines: "
        + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.lines.items())),
        f"{sum(counts.asked.values())} requests judged with {sum(counts.values.values())} parameters, of "
        f"{len(counts.asked)} operations",
        f"{sum(counts.answered.values())} answers of {len(counts.answered)} operations, with "
        f"{sum(counts.elements.values())} elements of lists",
        f"{sum(counts.refused.values())} refusals of {len(counts.refusals)} kinds",
        f"{sum(counts.listed.values())} snapshot events as listed and {sum(counts.delivered.values())} as delivered, of "
        f"{len(snapshots)} types",
        f"{sum(counts.thin_listed.values())} thin events as listed or fetched and "
        f"{sum(counts.thin_delivered.values())} as delivered, of {len(thin)} types",
        f"not covered: {len(contract['operations'].keys() - served)} operations that the sandbox does not serve, "
        f"{len(served - seen)} served but never seen, {len(contract['events'].keys() - snapshots)} snapshot events never "
        f"seen, {len(contract['thin'].keys() - thin)} thin ones",
        f"{sum(faults.values())} violations of {len(faults)} kinds",
    ]


def head(judge, served, faults, sources):
    """What it is about, and the totals."""
    lines = [
        "# Stripe's own clients, and all that was said, judged by the contract",
        "",
        f"API {judge.contract['version']}. Written by `cargo xtask stripe`.",
        "",
        *(f"- {line}" for line in totals(judge, served, faults)),
        "",
        table(("lines", "record"), ((count, name) for name, count in sources.items())),
    ]
    return "\n".join(lines)


def violations(faults):
    """All that is wrong, the most frequent first."""
    rows = table(("times", "what"), ((count, f"`{fault}`") for fault, count in faults.most_common()))
    return f"## Violations\n\n{rows if faults else 'None.'}\n"


def operations(judge, served):
    """How often each operation was seen."""
    counts = judge.counts
    seen = sorted(counts.asked.keys() | counts.refused.keys(), key=lambda label: label.split(" ")[::-1])
    heads = ("operation", "requests", "parameters", "answers", "elements", "refusals")
    columns = (counts.asked, counts.values, counts.answered, counts.elements, counts.refused)
    rows = ((f"`{label}`", *(column[label] for column in columns)) for label in seen)
    unknown = sorted((counts.asked.keys() & counts.answered.keys()) - served)
    note = f"\nAnswered, though the sandbox does not list them: {', '.join(unknown)}\n" if unknown else ""
    return f"## Operations\n\n{table(heads, rows)}{note}"


def refusals(judge):
    """How often each kind of refusal was seen."""
    rows = ((*kind, count) for kind, count in sorted(judge.counts.refusals.items()))
    return f"## Refusals\n\n{table(('status', 'type', 'code', 'times'), rows)}"


def events(judge):
    """How often each type of event was seen."""
    counts = judge.counts
    rows = [
        (f"`{kind}`", listed[kind], delivered[kind])
        for listed, delivered in ((counts.listed, counts.delivered), (counts.thin_listed, counts.thin_delivered))
        for kind in sorted(listed.keys() | delivered.keys())
    ]
    return f"## Events\n\n{table(('type', 'listed or fetched', 'delivered'), rows)}"


def uncovered(judge, served, beyond):
    """What nobody looked at, by name."""
    counts, contract = judge.counts, judge.contract
    seen = counts.asked.keys() | counts.refused.keys()
    parts = [
        ("Operations of the contract that the sandbox does not serve", contract["operations"].keys() - served),
        ("Operations served but never seen", served - seen),
        ("Operations served that no contract has", beyond),
        ("Operations seen, but only refused", counts.refused.keys() - counts.asked.keys() - {"(no operation)"}),
        ("Snapshot events seen only as listed, never delivered", counts.listed.keys() - counts.delivered.keys()),
        (
            "Snapshot events of the contract never seen",
            contract["events"].keys() - counts.listed.keys() - counts.delivered.keys(),
        ),
        (
            "Thin events of the contract never seen",
            contract["thin"].keys() - counts.thin_listed.keys() - counts.thin_delivered.keys(),
        ),
    ]
    lines = ["## Not covered", ""]
    for title, names in parts:
        lines += [f"### {title}: {len(names)}", "", ", ".join(f"`{name}`" for name in sorted(names)) or "None.", ""]
    return "\n".join(lines)


def passed_over(judge):
    """What was looked over on purpose."""
    rows = table(("times", "what"), ((count, what) for what, count in sorted(judge.counts.passed_over.items())))
    return f"## Looked over\n\n{rows}"


def table(heads, rows):
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)
