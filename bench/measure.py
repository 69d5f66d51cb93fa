"""One measurement: one contestant, one case, one round."""

import json
import os
import shlex
import signal
import subprocess
import tempfile

from cases import Micro, smoke_load
from contestants import ROOT, argv_of
from server import Failure, Server, end_with_parent, pin_to

MICRO_SECONDS = 240


def measure(contestant, case, cores, environment, settings):
    """Numbers by name; what load.cpp or the micro program printed."""
    if isinstance(case, Micro):
        return run_micro(contestant, case, cores, environment, settings)
    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder:
        endpoint = f"unix://{folder}/socket" if case.transport == "unix" else "tcp://127.0.0.1:0"
        argv = argv_of(contestant, case.program) + ["--listen", endpoint]
        with Server(argv, cores[0], environment) as server:
            return flatten(run_load(server, case, cores[-1], settings))


def run_load(server, case, core, settings):
    load = smoke_load(case.load) if settings.smoke else case.load
    command = [str(ROOT / settings.build / "bench/load"), "--connect", server.endpoint, "--json",
               "--server-pid", str(server.process.pid), "--warmup", str(settings.warmup),
               "--seconds", str(settings.seconds or case.seconds), *shlex.split(load)]
    answer = subprocess.run(command, capture_output=True, text=True, preexec_fn=lambda: pin_to(core))
    if answer.returncode == 2:
        raise SystemExit(answer.stderr.strip())  # wrong arguments: nobody's fault but the caller's
    if answer.returncode != 0:
        raise Failure((answer.stderr.strip() or f"load: exit code {answer.returncode}") + server.explain())
    return json.loads(answer.stdout)


def flatten(figures):
    """Of a hold: the figures of `many`, and the processor time of `few` beside them."""
    if "many" not in figures:
        return figures
    cpu = "server_seconds_per_million"
    few, many = figures["few"], figures["many"]
    return dict(many, few_seconds_per_million=few[cpu], growth=many[cpu] / few[cpu],
                octets_per_connection=figures["octets_per_connection"])


def run_micro(contestant, case, cores, environment, settings):
    count = settings.count or case.count
    # Timers on one core; the posts come from another thread, which shall have the other core.
    allowed = {cores[0]} if case.program == "timers" else set(cores)

    def prepare():
        os.sched_setaffinity(0, allowed)
        end_with_parent()

    command = argv_of(contestant, case.program) + ["--count", str(count)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=prepare)
    try:
        output, errors = process.communicate(timeout=MICRO_SECONDS)
    except BaseException as problem:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(problem, subprocess.TimeoutExpired):
            raise Failure(f"not done after {MICRO_SECONDS} s") from problem
        raise
    if process.returncode != 0:
        raise Failure(f"exit code {process.returncode}\n" + "\n".join(errors.strip().splitlines()[-8:]))
    printed = json.loads(output.strip().splitlines()[-1])
    figures = {key: printed[key] for key in case.keys if printed.get(key) is not None}
    if not figures:
        raise Failure("its last line has none of " + ", ".join(case.keys))
    if "insert_ns" in figures:
        figures["insert_and_cancel_ns"] = figures["insert_ns"] + figures["cancel_ns"]
        figures["large_to_small"] = figures["insert_cancel_large_ns"] / figures["insert_cancel_small_ns"]
    return figures
