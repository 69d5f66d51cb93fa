#!/usr/bin/env python3
"""Plots of a stored run: plots.py FOLDER reads its results.json and writes an SVG for each case beside it. Needs matplotlib."""

import json
import sys
from pathlib import Path

import matplotlib
from cases import CASES, Micro
from figures import CPU, value

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "tidemill", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
from matplotlib import pyplot  # noqa: E402 - the backend has to be chosen before

OWN, UNIT, OTHER = "#0b6e99", "#555555", "#c9c9c9"


def colour(name):
    if name.startswith("tidemill-"):
        return OWN
    return UNIT if name == "epoll" else OTHER


def bars(axes, figures, title, label):
    """One bar for each contestant, the best on top."""
    ranked = sorted(figures.items(), key=lambda pair: pair[1], reverse=True)
    axes.barh([name for name, _ in ranked], [number for _, number in ranked], color=[colour(name) for name, _ in ranked])
    for place, (_, number) in enumerate(ranked):
        axes.text(number, place, f" {number:,.3g}", va="center", fontsize=7)
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel(label)
    axes.margins(x=0.12, y=0.01)


def medians(case_results, key):
    figures = {name: value(rounds, key) for name, rounds in case_results.items() if name != "noise"}
    return {name: number for name, number in figures.items() if number is not None}


def plot(folder, name, panels):
    """panels: title, label, figures."""
    panels = [panel for panel in panels if panel[2]]
    if not panels:
        return
    height = 1 + 0.2 * max(len(figures) for _, _, figures in panels)
    figure, axes = pyplot.subplots(1, len(panels), figsize=(5.2 * len(panels), height), squeeze=False)
    for place, (title, label, figures) in zip(axes[0], panels):
        bars(place, figures, title, label)
    figure.tight_layout()
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    pyplot.close(figure)
    print(f"plotted {folder.name}/{name}.svg")


def main():
    folder = Path(sys.argv[1])
    results = json.loads((folder / "results.json").read_text())["results"]
    for name, case_results in results.items():
        case = CASES[name]
        if isinstance(case, Micro):
            panels = [(f"{name}: {key.replace('_ns', '').replace('_', ' ')}", "ns", medians(case_results, key)) for key in case.keys[:3]]
        else:
            panels = [(f"{name}: {case.title}", f"server CPU, us per {case.unit}", medians(case_results, CPU))]
        if name == "idle":
            panels.append(("memory of the server", "octets per idle connection", medians(case_results, "octets_per_connection")))
        plot(folder, name, panels)
    overview = [(name, f"server CPU, us per {CASES[name].unit}", medians(results[name], CPU))
                for name in ("echo64", "lines", "chat") if name in results]
    plot(folder, "overview", overview)


if __name__ == "__main__":
    main()
