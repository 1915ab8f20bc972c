"""What a serving process notes of one answer that a rollout's arm gave."""

from dataclasses import dataclass
from enum import StrEnum


class AnswerOutcome(StrEnum):
    """What came of asking an arm's version."""

    ANSWERED = "ANSWERED"
    FAILED = "FAILED"  # it gave nothing, or not in time, so that another version answered
    FATAL = "FATAL"  # a list that is NaN, can't be read, or is empty where the champion has one


@dataclass(frozen=True, slots=True)
class ArmAnswer:
    """
    One answer of one arm, to a visitor who was drawn.

    :param bucket: of the browser under the rollout's salt
    :param percent: of the visitors whom the candidate answered at that moment
    :param milliseconds: that its version took, whatever the rest of the answer waited for
    """

    arm: str
    bucket: int
    percent: int
    outcome: AnswerOutcome
    milliseconds: float
