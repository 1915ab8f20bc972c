"""Taking one transformer through the cuts in time, within the budget, with news on the way."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from models.recommender.batches import Chunks
from models.recommender.dataset import Log
from models.recommender.fitting import Fitter, validate
from models.recommender.progress import Reporter
from models.recommender.splits import Case
from models.recommender.values import CurvePoint, Stage

# From which to which share of the budget each stage may learn; the rest is for reading and export.
STAGE_SHARES = {
    Stage.TRAINING: (0.05, 0.52),  # the first fit, with early stopping
    Stage.EVALUATING: (0.52, 0.68),  # learning the validation days
    Stage.REFITTING: (0.68, 0.90),  # learning the test days
}
EXTEND_EPOCHS = 2  # passes that teach newer days to weights that know the older ones


@dataclass
class Learner:
    """The transformer on its way through the cuts, with what it cost."""

    fitter: Fitter
    reporter: Reporter
    curve: list[CurvePoint]
    epochs: dict[str, int]
    seconds: float = 0.0

    def learn(self, log: Log, cases: Sequence[Case], *, moment: int) -> None:
        """Train until the validation days stop improving or the budget's share is spent."""
        recipe = self.fitter.recipe
        deadline = self.reporter.deadline(STAGE_SHARES[Stage.TRAINING][1])
        chunks = self.fitter.chunks(log)
        best, best_epoch, weights = -1.0, 0, self.fitter.keep()
        started = time.monotonic()
        for epoch in range(1, recipe.epochs + 1):
            loss = self._epoch(chunks, Stage.TRAINING, epoch, deadline=deadline)
            ndcg = validate(self.fitter.average, log, cases, moment=moment).ndcg_mean
            self.curve.append(CurvePoint(self.fitter.step, epoch, self.reporter.seconds, loss, ndcg))
            if not math.isfinite(loss):
                break
            if ndcg > best:
                best, best_epoch, weights = ndcg, epoch, self.fitter.keep()
            if epoch - best_epoch >= recipe.patience or time.monotonic() > deadline:
                break
        self.fitter.put_back(weights)
        self.epochs["learn"], self.epochs["learn_best"] = epoch, best_epoch
        self.seconds += time.monotonic() - started

    def extend(self, log: Log, name: str, *, stage: Stage) -> None:
        """Teach the newer days of ``log`` to weights that know the older ones."""
        started = time.monotonic()
        chunks = self.fitter.chunks(log)
        deadline = self.reporter.deadline(STAGE_SHARES[stage][1])
        self.epochs[name] = 0
        before = self.fitter.keep()
        for epoch in range(1, EXTEND_EPOCHS + 1):
            if time.monotonic() > deadline:
                break
            self._epoch(chunks, stage, epoch, deadline=deadline)
            self.epochs[name] = epoch
        # Weights that blew up are not worth the newest days.
        self.fitter.put_back(self.fitter.keep() if self.fitter.is_finite() else before)
        self.seconds += time.monotonic() - started

    def _epoch(self, chunks: Chunks, stage: Stage, epoch: int, *, deadline: float) -> float:
        begins, ends = STAGE_SHARES[stage]
        newest = self.curve[-1].validation_ndcg if self.curve else None

        def on_share(share: float, loss: float) -> None:
            spent = (self.reporter.seconds / self.reporter.budget - begins) / (ends - begins)
            fraction = begins + (ends - begins) * min(max(spent, 0.0), 1.0)
            self.reporter.tick(
                stage,
                epoch=epoch,
                loss=loss,
                ndcg=newest,
                fraction=fraction,
                message=f"Pass {epoch}, {share:.0%} of the purchases seen.",
            )

        return self.fitter.epoch(chunks, deadline=deadline, on_share=on_share)
