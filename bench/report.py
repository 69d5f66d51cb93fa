"""What a run leaves behind: bench/results/DATE-MACHINE with results.md, results.json and the plots."""

import json
import platform
import re
import subprocess
import time

from cases import CASES
from contestants import BENCH, ROOT, SETUP
from marks import judge_all, marks_table, summary
from tables import all_tables


def machine_name():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


TOOLS = {
    "compiler": "c++ --version",
    "Python": "python3 --version",
    "Ruby": "ruby --version",
    "Lua": "lua5.4 -v",
    "LuaJIT": "luajit -v",
}


def ask(command, environment):
    try:
        answer = subprocess.run(command.split(), env=environment, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return "missing"
    lines = (answer.stdout or answer.stderr).splitlines()
    return lines[0] if lines else "unknown"


def describe_machine(cores, environment):
    versions = {name: ask(command, environment) for name, command in TOOLS.items()}
    return {
        "date": time.strftime("%Y-%m-%d %H:%M %Z"),
        "machine": f"{machine_name()}, {len(cores)} cores",
        "system": f"{platform.system()} {platform.release()}",
        "commit": ask("git describe --always --dirty", environment),
        **versions,
    }


def markdown(run):
    """run: what main() of run.py has gathered."""
    verdicts = judge_all(run["results"], run["languages"])
    parts = ["# What an event costs", "\n".join(f"- {key}: {text}" for key, text in run["machine"].items())]
    if verdicts:
        parts += [f"## The marks: {summary(verdicts)}", marks_table(verdicts)]
    parts += ["## The figures", f"{run['how']} [README.md](../../README.md) says what the columns mean.",
              all_tables(CASES, run["results"], run["languages"])]
    versions = "\n".join(f"| {name} | {run['languages'][name]} | {version} |" for name, version in run["versions"].items())
    parts += ["## The contestants", "| contestant | language | version |\n| --- | --- | --- |\n" + versions]
    absent = [f"- skipped {name}: {why}" for name, why in run["skipped"].items()]
    absent += [f"- FAILED {name}, {case}: {why.splitlines()[0]}" for (name, case), why in run["failures"].items()]
    if absent:
        parts.append("\n".join(absent))
    return "\n\n".join(parts) + "\n"


def save(run, environment):
    name = time.strftime("%Y-%m-%d") + "-" + re.sub(r"[^a-z0-9]+", "-", machine_name().lower()).strip("-")
    folder = BENCH / "results" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(markdown(run))
    stored = dict(run, failures=[[name, case, why] for (name, case), why in run["failures"].items()])
    (folder / "results.json").write_text(json.dumps(stored, indent=1) + "\n")
    print(f"saved in {folder.relative_to(ROOT)}")
    plotter = ROOT / ".venv-bench/bin/python"
    if not plotter.exists():
        print(f"no plots: matplotlib is missing; to add it: {SETUP}")
        return
    subprocess.run([str(plotter), str(BENCH / "plots.py"), str(folder)], env=environment, check=True)
