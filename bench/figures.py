"""What is made of the rounds: medians, and comparisons within a round.

results[case][name] is a list with an entry for each round: numbers by name, or None where the contestant failed.
"""

from statistics import median

from contestants import BASELINE

CPU = "server_seconds_per_million"  # the same number is microseconds for one message
RATE = "messages_per_second"


def value(rounds, key):
    """The median over the rounds, or None."""
    numbers = [figures[key] for figures in rounds or [] if figures and figures.get(key) is not None]
    return median(numbers) if numbers else None


def pairs(mine, other, key):
    return [(a[key], b[key]) for a, b in zip(mine or [], other or []) if a and b and key in a and key in b]


def ratios(mine, other, key):
    """Mine divided by the other's of the same round; never a ratio of two medians."""
    return [a / b for a, b in pairs(mine, other, key) if b > 0]


def ratio(mine, other, key):
    numbers = ratios(mine, other, key)
    return median(numbers) if numbers else None


def excess(mine, baseline, key=CPU):
    """What it takes above the baseline of the same round."""
    numbers = [a - b for a, b in pairs(mine, baseline, key)]
    return median(numbers) if numbers else None


def baseline_of(case_results):
    return case_results.get(BASELINE, [])
