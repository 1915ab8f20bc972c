"""
Which legs there are, what each runs and what it depends on.

Standard library only, as in ``legs``.
"""

import json
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.recommender import children
from bench.recommender.extras import EXTRAS
from bench.recommender.legs import BenchLeg, Figures, Store, file_hash, key_of, revision

Words = list[str | Path]  # of a command line

SEEDS = (1, 2, 3, 4, 5)
QUICK_SECONDS = 8.0  # of our training
SASREC_HOURS, QUICK_SASREC_HOURS = 2.0, 0.01
OURS, WITHOUT, FROZEN = "ours", "without_transformer", "simple"
PEER_SCRIPTS = {"als": "implicit_models.py", "bpr": "implicit_models.py", "sasrec": "rectools_sasrec.py"}

READS = ["models/recommender/log/**/*.py", "models/recommender/files/**/*.py"]
DIVIDES = [*READS, "bench/recommender/division.py", "bench/recommender/logs.py", "bench/peers/exchange.py"]
PRODUCT = ["models/recommender/**/*.py", "constraints.txt"]
PEERS = ["bench/peers/exchange.py", "bench/peers/requirements.txt"]


@dataclass(frozen=True)
class LogSpec:
    """How one log is cut and asked."""

    data: str  # which published data it is made of
    split: str
    questions: tuple[str, ...] = ("all", "new")


# Where nobody comes back there is nothing that a customer has bought before: `new` would be `all`.
LOGS = {
    "beauty": LogSpec("beauty", "leave-one-out"),
    "online_retail": LogSpec("online_retail", "last-days:14"),
    "tafeng": LogSpec("tafeng", "leave-one-out"),
    "small_shops": LogSpec("online_retail", "leave-one-out"),
    "one_time": LogSpec("online_retail", "last-days:14", ("all",)),
}
REPEAT = {"all": "keep", "new": "drop"}


@dataclass(frozen=True)
class Settings:
    """What the caller asked for."""

    root: Path
    folder: Path
    data: dict[str, Path]  # published data by name: a file or a folder
    logs: list[str]
    is_quick: bool
    seconds: float | None  # our training budget; None is the recipe's


class Bench:
    """Where files and results lie, and how a leg is run."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.root = settings.root
        # What a quick run measures must not stand among the figures.
        self.folder = settings.folder / "quick" if settings.is_quick else settings.folder
        self.store = Store(self.folder / "legs")

    def legs(self) -> list[BenchLeg]:
        """Return every leg, in the order in which they run: the cheap ones, then seed by seed."""
        asked = [(log, question) for log in self.settings.logs for question in LOGS[log].questions]
        seeds = SEEDS[:1] if self.settings.is_quick else SEEDS
        plain = (FROZEN, *PEER_SCRIPTS)
        return [
            *(BenchLeg(name, log, question) for name in plain for log, question in asked),
            *(
                BenchLeg(name, log, question, seed)
                for seed in seeds
                for name in (WITHOUT, OURS)
                for log, question in asked
            ),
            *(BenchLeg(name) for name, extra in EXTRAS.items() if extra.log in (None, *self.settings.logs)),
        ]

    def key(self, leg: BenchLeg) -> str:
        """Return the hash of all that decides a leg's figures."""
        facts = (leg.name, self.settings.is_quick)
        if leg.competitor in EXTRAS:
            extra = EXTRAS[leg.competitor]
            data = self.log_key(extra.log) if extra.log else ""
            return key_of(self.root, [*PRODUCT, *extra.sources], *facts, self.budget, data)
        cases = self.division_hash(leg.log, leg.question)
        if leg.competitor in PEER_SCRIPTS:
            return key_of(self.root, [*PEERS, f"bench/peers/{PEER_SCRIPTS[leg.competitor]}"], cases, *facts)
        if leg.competitor == FROZEN:
            sources = ["bench/recommender/simple/*.py", "bench/peers/exchange.py", "constraints.txt"]
            return key_of(self.root, sources, cases, *facts)
        sources = [*PRODUCT, "bench/recommender/ours.py", "bench/peers/exchange.py"]
        return key_of(self.root, sources, self.log_key(leg.log), cases, *facts, self.budget)

    def run(self, leg: BenchLeg) -> None:
        """
        Run a leg and keep what it measured.

        :raises PartFailed: if it ends with an error; nothing is kept then
        """
        key, out = self.key(leg), self.store.begin(leg)
        extra = EXTRAS.get(leg.competitor)
        figures = extra.run(self) if extra else _compete(self, leg, out)
        self.store.keep(leg, key, {"revision": revision(self.root), **figures})

    def log_folder(self, log: str) -> Path:
        """Return where a log lies in the recommender's format, one folder a part."""
        return self.folder / "logs" / log

    def division(self, log: str, question: str) -> Path:
        """Return where a question's cases lie."""
        return self.folder / "divisions" / f"{log}-{question}"

    def division_hash(self, log: str, question: str) -> str:
        """Return the hash of a question's cases."""
        return (self.division(log, question) / "hash.txt").read_text(encoding="utf-8")

    @cache  # noqa: B019 -- one bench a process
    def log_key(self, log: str) -> str:
        """Return the hash of what a log is made of."""
        source = self.settings.data[LOGS[log].data]
        files = sorted(source.iterdir()) if source.is_dir() else [source]
        hashes = [file_hash(path) for path in files if path.is_file()]
        return key_of(self.root, DIVIDES, log, self.settings.is_quick, hashes)

    def prepare(self) -> None:
        """Write the logs and the cases of every question that are not there or no longer today's."""
        for log in self.settings.logs:
            mark = self.log_folder(log) / "key.txt"
            if mark.is_file() and mark.read_text(encoding="utf-8") == self.log_key(log):
                continue
            self._write(log)
            mark.write_text(self.log_key(log), encoding="utf-8")

    def _write(self, log: str) -> None:
        spec = LOGS[log]
        # What an earlier export wrote and this one does not must not stay.
        for folder in (self.log_folder(log), *(self.division(log, name) for name in spec.questions)):
            shutil.rmtree(folder, ignore_errors=True)
        words: Words = ["--log", log, "--source", self.settings.data[spec.data]]
        words += ["--out", self.log_folder(log), *self.quick]
        self.product("-m", "bench.recommender.logs", *words, told=f"{log}-log")
        for question in spec.questions:
            cut: Words = ["--split", spec.split, "--repeat", REPEAT[question]]
            places: Words = ["--logs", self.log_folder(log), "--out", self.division(log, question)]
            words = ["-m", "bench.recommender.division", *cut, *places]
            self.product(*words, told=f"{log}-{question}-cases")

    @property
    def quick(self) -> list[str]:
        """The option of a quick run, if it is one."""
        return ["--quick"] if self.settings.is_quick else []

    @property
    def budget(self) -> list[str]:
        """The option that limits our training, if it is limited."""
        seconds = QUICK_SECONDS if self.settings.is_quick else self.settings.seconds
        return [] if seconds is None else ["--seconds", f"{seconds:g}"]

    def product(self, *words: str | Path, told: str) -> Figures:
        """Run a module in the product's environment; return what it cost and said last."""
        return self._run(Path(sys.executable), *words, told=told)

    def peer(self, script: str, *words: str | Path, told: str) -> Figures:
        """Run a script in the peers' environment."""
        python = self.root / ".bench" / "venv" / "bin" / "python"
        return self._run(python, f"bench/peers/{script}", *words, told=told)

    def file(self, name: str) -> Path:
        """Return a place for a file that passes between the steps of a leg."""
        path = self.folder / "runs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _run(self, python: Path, *words: str | Path, told: str) -> Figures:
        print(f"{told} …", flush=True)
        log = self.file(f"{told}.log")
        ended = children.run([python, *words], log, cwd=self.root)
        print(f"{told}: {ended.seconds:.0f} s, {ended.rss_mb:.0f} MiB", flush=True)
        costs = {"process_s": round(ended.seconds, 1), "rss_mb": round(ended.rss_mb, 1)}
        return {**_last_object(log), **costs}


def _last_object(log: Path) -> Figures:
    """Return the JSON object that a child printed last; nothing where it printed none."""
    line = log.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]
    found: Figures = json.loads(line) if line.startswith("{") else {}
    return found


def _compete(bench: Bench, leg: BenchLeg, out: Path) -> Figures:
    """Run a competitor on the cases of a question."""
    cases: Words = ["--division", bench.division(leg.log, leg.question), "--out", out]
    if leg.competitor == FROZEN:
        return bench.product("-m", "bench.recommender.simple.tuning", *cases, *bench.quick, told=leg.name)
    if leg.competitor in PEER_SCRIPTS:
        hours = QUICK_SASREC_HOURS if bench.settings.is_quick else SASREC_HOURS
        cases += ["--hours", str(hours)] if leg.competitor == "sasrec" else ["--model", leg.competitor]
        return bench.peer(PEER_SCRIPTS[leg.competitor], *cases, *bench.quick, told=leg.name)
    spec = LOGS[leg.log]
    words: Words = ["--logs", bench.log_folder(leg.log), *cases, "--seed", str(leg.seed), *bench.budget]
    words += ["--split", spec.split, "--repeat", REPEAT[leg.question]]
    words += ["--without-transformer"] if leg.competitor == WITHOUT else []
    return bench.product("-m", "bench.recommender.ours", *words, told=leg.name)
