"""Taking one transformer through the cuts in time, within the budget, with news on the way."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from models.recommender.learning.progress import Reporter
from models.recommender.learning.transformer.batches import Chunks
from models.recommender.learning.transformer.inference import validate
from models.recommender.learning.transformer.trainer import Part, Plan, Trainer
from models.recommender.log.log import Log
from models.recommender.log.splits import Case, drawn
from models.recommender.values import CurvePoint, Stage


@dataclass(frozen=True)
class Leg:
    """
    One kind of stage on the way through the cuts.

    It may learn for a share of the time left when the learner starts; the rest is for the blend, the
    comparison and the export. And for a share of the whole budget at least, however long all before it
    took: a run that ends a little late is better than a transformer that learned nothing.
    """

    part: Part
    stage: Stage  # as it is shown
    share: float
    least: float
    shown: tuple[float, float]  # from which to which fraction of the whole run


LEARN = Leg(Part.LEARN, Stage.TRAINING, 0.60, 0.40, (0.15, 0.58))  # the first fit, with early stopping
NEXT_CUT = Leg(Part.NEXT_CUT, Stage.TRAINING, 0.04, 0.03, (0.58, 0.65))  # each is taken from the first fit
EXTEND = Leg(Part.EXTEND, Stage.EVALUATING, 0.10, 0.07, (0.65, 0.75))  # learning the newest validation days
CATCH_UP = Leg(Part.CATCH_UP, Stage.EVALUATING, 0.10, 0.07, (0.75, 0.80))  # learning what the champion knows
REFIT = Leg(Part.REFIT, Stage.REFITTING, 0.15, 0.10, (0.80, 0.92))  # learning the test days
# Passes over what is newer. On Online Retail two over chunks with new days gave the next cut 0.327
# and 0.340, as many steps over everything 0.318 and 0.340; four passes 0.316 and 0.337.
EXTEND_EPOCHS = 2
EXTEND_PEAK = 0.5  # of the learning rate: what was learned must not be shaken off
VALIDATED_CASES = 3000  # customers whose ranking decides when to stop; more cost time and change little


@dataclass
class Learner:
    """The transformer on its way through the cuts, with what it cost."""

    trainer: Trainer
    reporter: Reporter
    cuts: int = 1  # for validation
    curve: list[CurvePoint] = field(default_factory=list)
    schedule: dict[str, dict[str, int]] = field(default_factory=dict)
    """Steps of each stage, which ``Recipe.schedule`` repeats: planned, taken, and the epochs."""
    seconds: float = 0.0
    _left: float = 0.0  # seconds of the budget when the learner started
    _known: Log | None = None  # what was learned last

    def __post_init__(self) -> None:
        self._left = max(self.reporter.budget - self.reporter.seconds, 0.0)

    def learn(self, log: Log, cases: Sequence[Case], *, moment: int) -> None:
        """Train until the cases after ``moment`` stop improving or the budget's share is spent."""
        started = time.monotonic()
        plan, chunks = self._begin("learn", LEARN, log, self.trainer.recipe.epochs)
        asked = drawn(cases, VALIDATED_CASES, seed=self.trainer.recipe.seed)
        best, best_epoch, best_step, weights = -1.0, 0, 0, self.trainer.keep()
        for epoch in range(1, self.trainer.recipe.epochs + 1):
            taken = self.trainer.step
            loss = self._epoch(chunks, LEARN, epoch)
            if self.trainer.step == taken:  # the clock ran out while the pass was dealt
                break
            ndcg = self._validate(log, asked, moment=moment)
            self.curve.append(CurvePoint(self.trainer.step, epoch, self.reporter.seconds, loss, ndcg))
            if not math.isfinite(loss):
                break
            if ndcg > best or plan.stop is not None:
                best, best_epoch, best_step, weights = ndcg, epoch, self.trainer.step, self.trainer.keep()
            if plan.is_over(self.trainer.step, time.monotonic()) or self._is_stuck(epoch - best_epoch, plan):
                break
        self.trainer.put_back(weights)
        self._note("learn", steps=best_step, epochs=best_epoch)
        self.seconds += time.monotonic() - started

    def learn_next(self, log: Log, number: int) -> None:
        """Learn what came before the validation cut of a number; that of 0 is ``learn``'s."""
        # The schedules of versions that were trained before call the stage so.
        self._extend(f"rehearse-{number}", log, NEXT_CUT, number - 1)

    def extend(self, log: Log) -> None:
        """Learn what came before the test."""
        self._extend("extend", log, EXTEND)

    def refit(self, log: Log) -> None:
        """Learn everything."""
        self._extend("refit", log, REFIT)

    @contextmanager
    def caught_up(self, log: Log) -> Iterator[None]:
        """Know what came before the champion's own end for a while, and forget it again."""
        weights, known = self.trainer.keep(), self._known
        self._extend("catch-up", log, CATCH_UP)
        try:
            yield
        finally:
            self.trainer.put_back(weights)
            self._known = known

    def _extend(self, name: str, log: Log, leg: Leg, number: int = 0) -> None:
        """Teach the newer days of ``log`` to weights that know the older ones."""
        started = time.monotonic()
        before = self.trainer.keep()
        plan, chunks = self._begin(name, leg, log, EXTEND_EPOCHS, number)
        epoch, passes = 0, EXTEND_EPOCHS if chunks.batches() else 0
        while epoch < passes and not plan.is_over(self.trainer.step, time.monotonic()):
            taken = self.trainer.step
            self._epoch(chunks, leg, epoch + 1)
            # A pass whose first step the clock prevented would not be begun again.
            epoch += self.trainer.step > taken
        # Weights that blew up are not worth the newest days.
        self.trainer.put_back(self.trainer.keep() if self.trainer.is_finite() else before)
        self._note(name, steps=self.trainer.step, epochs=epoch)
        self.seconds += time.monotonic() - started

    def _begin(self, name: str, leg: Leg, log: Log, epochs: int, number: int = 0) -> tuple[Plan, Chunks]:
        """Return the plan of a stage, from the recipe's schedule where it has one, and its chunks."""
        recipe = self.trainer.recipe
        plan = Plan(most=0, deadline=time.monotonic() + self._seconds(leg))
        if told := (recipe.schedule or {}).get(name):
            plan = Plan(most=told["steps"], planned=told["planned"], stop=told["steps"])
        peak = 1.0 if leg.part is Part.LEARN else EXTEND_PEAK
        chunks = self.trainer.begin(leg.part + number, log, plan, peak=peak, known=self._known)
        self._known = log
        plan.most = max(plan.most, epochs * chunks.batches())
        return plan, chunks

    def _seconds(self, leg: Leg) -> float:
        """Return how long a leg may take; the later cuts share the time of the first fit."""
        later = self.cuts - 1 if leg.part is Part.LEARN else 0
        share, least = leg.share - later * NEXT_CUT.share, leg.least - later * NEXT_CUT.least
        return max(share * self._left, least * self.reporter.budget)

    def _is_stuck(self, epochs: int, plan: Plan) -> bool:
        return plan.stop is None and epochs >= self.trainer.recipe.patience

    def _validate(self, log: Log, cases: Sequence[Case], *, moment: int) -> float:
        trainer = self.trainer
        drop, kind = trainer.drops_seen, trainer.recipe.readout
        return validate(trainer.average, log, cases, moment=moment, drop_seen=drop, kind=kind).ndcg_mean

    def _note(self, name: str, *, steps: int, epochs: int) -> None:
        planned = self.trainer.plan.planned or self.trainer.plan.most
        self.schedule[name] = {"planned": planned, "steps": steps, "epochs": epochs}

    def _epoch(self, chunks: Chunks, leg: Leg, epoch: int) -> float:
        begins, ends = leg.shown
        newest = self.curve[-1].validation_ndcg if self.curve else None
        trainer = self.trainer

        def on_share(share: float, loss: float) -> None:
            done = min(trainer.step / (trainer.plan.planned or trainer.plan.most), 1.0)
            fraction = begins + (ends - begins) * done
            self.reporter.tick(
                leg.stage,
                epoch=epoch,
                loss=loss,
                ndcg=newest,
                fraction=fraction,
                message=f"Pass {epoch}, {share:.0%} of the purchases seen.",
            )

        return self.trainer.epoch(chunks, on_share)
