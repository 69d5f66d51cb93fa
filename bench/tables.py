"""The figures as Markdown tables."""

from cases import CROSSING_FROM, Micro
from contestants import BASELINE
from figures import CPU, RATE, baseline_of, excess, ratio, ratios, value

OWN = "tidemill-"
BY_HAND = (BASELINE, "noise", "io_uring")  # what they are compared with, and no peers
PLURALS = {"message": "messages", "line": "lines", "delivery": "deliveries", "connection": "connections", "request": "requests"}
CPLUSPLUS = "tidemill-c++"


def text(number, form="{:,.2f}"):
    return "-" if number is None else form.format(number)


def table(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "| --- " + "| ---: " * (len(columns) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def best_peer(case_results, languages, name, key=CPU, is_lower_better=True):
    """Who of the same language is best, tidemill not counted: a name, or None. C is C++'s language too."""
    def family(language):
        return "C++" if language == "C" else language

    others = [other for other in case_results if not other.startswith(OWN) and other not in BY_HAND]
    peers = {other: value(case_results[other], key) for other in others if family(languages[other]) == family(languages[name])}
    peers = {other: number for other, number in peers.items() if number is not None}
    if not peers:
        return None
    return (min if is_lower_better else max)(peers, key=peers.get)


def load_table(case, case_results, languages):
    holds = any(figures and "growth" in figures for rounds in case_results.values() for figures in rounds)
    columns = ["contestant", f"{PLURALS[case.unit]}/s", "p50 us", "p99 us", "p99.9 us", f"CPU us per {case.unit}", "busy", "ratio",
               "spread", "excess us", "to best peer"]
    if holds:
        columns += ["CPU with few", "growth", "octets per connection"]
    baseline, rows = baseline_of(case_results), []
    for name, rounds in case_results.items():
        spread = ratios(rounds, baseline, CPU)
        peer = best_peer(case_results, languages, name) if name.startswith(OWN) else None
        row = [name, text(value(rounds, RATE), "{:,.0f}"), text(value(rounds, "p50_us"), "{:.1f}"), text(value(rounds, "p99_us"), "{:.1f}"),
               text(value(rounds, "p999_us"), "{:.1f}"), text(value(rounds, CPU)), text(value(rounds, "server_busy")),
               text(ratio(rounds, baseline, CPU)), f"{min(spread):.2f} to {max(spread):.2f}" if spread else "-",
               text(excess(rounds, baseline), "{:+.2f}"),
               f"{text(ratio(rounds, case_results[peer], CPU))} {peer}" if peer else "-"]
        if holds:
            row += [text(value(rounds, "few_seconds_per_million")), text(value(rounds, "growth")),
                    text(value(rounds, "octets_per_connection"), "{:,.0f}")]
        rows.append(row)
    return table(columns, rows)


def micro_table(case, case_results):
    columns = ["contestant"] + [key.replace("_ns", " ns").replace("_", " ") for key in case.keys]
    rows = [[name] + [text(value(rounds, key), "{:,.1f}") for key in case.keys] for name, rounds in case_results.items()]
    return table(columns, rows)


def crossing_table(case_results):
    """What a script's message costs above the same in C++: one call of on_data, one of write, and the octets between them."""
    unit = case_results.get(CPLUSPLUS)
    rows = [[name, text(excess(rounds, unit), "{:+.2f}")] for name, rounds in case_results.items()
            if name.startswith(OWN) and name != CPLUSPLUS]
    return table(["crossing", "us per message above tidemill-c++"], rows) if unit and rows else None


def all_tables(cases, results, languages):
    parts = []
    for name, case in cases.items():
        case_results = results.get(name)
        if not case_results:
            continue
        parts.append(f"### {name}: {case.title}")
        if isinstance(case, Micro):
            parts.append(micro_table(case, case_results))
        else:
            parts.append(load_table(case, case_results, languages))
        if name == CROSSING_FROM and crossing_table(case_results):
            parts.append(crossing_table(case_results))
    return "\n\n".join(parts)
