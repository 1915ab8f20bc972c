"""
The parts of the bench: what each runs, and which figures it keeps.

Standard library only: the process that starts the parts must stay small.
"""

import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.recommender import children
from bench.recommender.children import Ended
from bench.recommender.results import Figures, Results, summary

Words = list[str | Path]  # of a command line

QUICK_SECONDS = 8.0
SHARES = (1, 2)  # of our training time: RecTools' SASRec is asked after each


@dataclass(frozen=True)
class LogSpec:
    """How one log is cut and asked."""

    data: str  # which published data it is made of
    split: str
    repeat: str
    longest: int  # newest purchases that RecTools' SASRec sees: 50 is customary for Beauty


LOGS = {
    "beauty": LogSpec("beauty", "leave-one-out", "drop", longest=50),
    "online_retail": LogSpec("online_retail", "last-days:14", "keep", longest=100),
    "online_retail_new": LogSpec("online_retail", "last-days:14", "drop", longest=100),
}


@dataclass(frozen=True)
class Settings:
    """What the caller asked for."""

    root: Path
    folder: Path
    beauty: Path
    online_retail: Path
    logs: list[str]
    is_quick: bool
    seconds: float | None  # our training budget; None is the recipe's


class Bench:
    """Where files and results lie, and how a part is run."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.results = Results(settings.folder / "results.json")

    @cached_property
    def peers_python(self) -> Path:
        """The interpreter of the peers' environment."""
        return self.settings.root / ".bench" / "venv" / "bin" / "python"

    def file(self, name: str) -> Path:
        """Return a place for a file that passes between parts."""
        path = self.settings.folder / "runs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def product(self, part: str, *words: str | Path) -> Ended:
        """Run a module in the product's environment."""
        return self._run(part, Path(sys.executable), *words)

    def peer(self, part: str, script: str, *words: str | Path) -> Ended:
        """Run a script in the peers' environment."""
        return self._run(part, self.peers_python, f"bench/peers/{script}", *words)

    def _run(self, part: str, python: Path, *words: str | Path) -> Ended:
        print(f"{part} …", flush=True)
        ended = children.run([python, *words], self.log_of(part), cwd=self.settings.root)
        print(f"{part}: {ended.seconds:.0f} s, {ended.rss_mb:.0f} MiB", flush=True)
        return ended

    def log_of(self, part: str) -> Path:
        """Return where a part's output is kept."""
        return self.file(f"{part.replace(':', '-')}.log")

    def interactions(self, data: str) -> Words:
        """Return the options that name a log's files."""
        return [
            "--interactions", self.file(f"logs/{data}.csv"),
            "--items", self.file(f"logs/{data}_items.csv"),
        ]  # fmt: skip

    @property
    def budget(self) -> list[str]:
        """The option that limits our training, if it is limited."""
        seconds = QUICK_SECONDS if self.settings.is_quick else self.settings.seconds
        return [] if seconds is None else ["--seconds", f"{seconds:g}"]


def write_logs(bench: Bench) -> None:
    """Write the published data in the recommender's format."""
    places = {"beauty": bench.settings.beauty, "online_retail": bench.settings.online_retail}
    words: Words = ["-m", "bench.recommender.logs", "--out", bench.file("logs")]
    for data in _data_of(bench):
        words += [f"--{data.replace('_', '-')}", places[data]]
    bench.product("logs", *words)


def _data_of(bench: Bench) -> list[str]:
    """Return the published data behind the logs, each once."""
    return list(dict.fromkeys(LOGS[log].data for log in bench.settings.logs))


def ours(bench: Bench) -> None:
    """Train and judge the recommender on each log."""
    for log in bench.settings.logs:
        spec = LOGS[log]
        cut = ["--split", spec.split, "--repeat", spec.repeat]
        bench.results.put(f"ours:{log}", evaluate(bench, f"ours:{log}", bench.interactions(spec.data), cut))


def evaluate(bench: Bench, part: str, files: Words, cut: list[str]) -> Figures:
    """Run our whole comparison on a log; return its report with what the process cost."""
    report = bench.file(f"{part.replace(':', '-')}.json")
    words = ["-m", "models.recommender", "evaluate", *files, *cut, *bench.budget, "--report", report]
    ended = bench.product(part, *words)
    return {
        "report": json.loads(report.read_text(encoding="utf-8")),
        "rss_mb": round(ended.rss_mb, 1),
        "process_s": round(ended.seconds, 1),
    }


def _division(bench: Bench, log: str) -> Path:
    """Write a log's division for the peers."""
    spec, folder = LOGS[log], bench.file(f"divisions/{log}")
    cut: Words = ["--split", spec.split, "--repeat", spec.repeat, "--out", folder]
    files = bench.interactions(spec.data)
    bench.product(f"division:{log}", "-m", "bench.recommender.division", "export", *files, *cut)
    return folder


def _judged(bench: Bench, log: str, answers: Path) -> dict[str, Figures]:
    """
    Return the figures of a peer's answers on one log.

    :raises PartFailed: if they are about other cases than our own report
    """
    out = bench.file(f"judged-{answers.name}-{log}.json")
    folders: Words = ["--division", bench.file(f"divisions/{log}"), "--answers", answers, "--out", out]
    bench.product(f"judge:{log}", "-m", "bench.recommender.division", "judge", *folders)
    models: dict[str, Figures] = json.loads(out.read_text(encoding="utf-8"))
    own = bench.results.find(f"ours:{log}")
    asked = {row["customers"] for row in own["report"]["metrics"]} if own else set()
    if any({row["customers"]} != asked for row in models.values() if asked):
        raise children.PartFailed(
            f"{log}: {answers.name} was asked about other customers than ours, {asked}."
        )
    return models


def _logs_of(bench: Bench, data: str) -> list[str]:
    return [log for log in bench.settings.logs if LOGS[log].data == data]


def rectools(bench: Bench) -> None:
    """Train RecTools' SASRec once on each data set and ask it after our seconds and after twice as many."""
    for data in _data_of(bench):
        logs = _logs_of(bench, data)
        seconds = {log: float(bench.results.parts[f"ours:{log}"]["report"]["train_seconds"]) for log in logs}
        out = bench.file(f"answers/rectools-{data}")
        _clear(out)
        asks = [word for log in logs for word in ("--ask", _division(bench, log))]
        budgets = sorted({round(spent * share) for spent in seconds.values() for share in SHARES})
        clock = [word for budget in budgets for word in ("--budget", str(max(budget, 1)))]
        words = [*asks, *clock, "--longest", str(LOGS[logs[0]].longest), "--out", out]
        ended = bench.peer(f"rectools:{data}", "rectools_sasrec.py", *words)
        for log in logs:
            models = _own_budgets(_judged(bench, log, out), seconds[log])
            bench.results.put(f"rectools:{log}", {"models": models, "rss_mb": round(ended.rss_mb, 1)})


def _own_budgets(models: dict[str, Figures], spent: float) -> dict[str, Figures]:
    """Return the answers that were given after the shares of this log's own training time."""
    wanted = {max(round(spent * share), 1) for share in SHARES}
    return {name: figures for name, figures in models.items() if round(figures["budget_s"]) in wanted}


def _clear(folder: Path) -> None:
    """Remove the answers of an earlier run: they were given after other seconds."""
    for path in folder.glob("*"):
        path.unlink()


def implicit(bench: Bench) -> None:
    """Factorise each data set with ALS and BPR."""
    for data in _data_of(bench):
        logs = _logs_of(bench, data)
        out = bench.file(f"answers/implicit-{data}")
        asks = [word for log in logs for word in ("--ask", _division(bench, log))]
        ended = bench.peer(f"implicit:{data}", "implicit_models.py", *asks, "--out", out)
        for log in logs:
            figures = {"models": _judged(bench, log, out), "rss_mb": round(ended.rss_mb, 1)}
            bench.results.put(f"implicit:{log}", figures)


def plot(bench: Bench) -> None:
    """Draw quality against training seconds from what was measured."""
    figures = {
        log: {**figures, "curve": _curve(bench, log), "rectools": _points(bench, log)}
        for log, figures in summary(bench.results, bench.settings.logs).items()
    }
    data = bench.file("plot.json")
    data.write_text(json.dumps(figures), encoding="utf-8")
    out = bench.settings.folder / "recommender-quality.png"
    bench.peer("plot", "plot.py", "--figures", data, "--out", out)


def _curve(bench: Bench, log: str) -> list[tuple[float, float]]:
    points = bench.results.parts[f"ours:{log}"]["report"]["curve"]
    return [(row["seconds"], row["validation_ndcg"]) for row in points if row["validation_ndcg"] is not None]


def _points(bench: Bench, log: str) -> list[tuple[float, float]]:
    models = (bench.results.find(f"rectools:{log}") or {"models": {}})["models"]
    return sorted((row["train_s"], row["ndcg@10"]) for row in models.values())
