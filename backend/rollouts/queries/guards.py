"""Whether a candidate's answers are as sound and as quick as the champion's."""

from dataclasses import replace

from backend.rollouts import rules
from backend.rollouts.models import GuardRecord
from backend.rollouts.values import GuardState, Judged, Rollout, Verdict


def judge_guards(rollout: Rollout) -> Judged:
    """
    Return what the serving processes have seen of a rollout so far. No data is never success.

    ``evidence`` tells, beside what the verdict rests on, how many answers a second the shop gives and in how
    many seconds harm would be seen; both are missing where nobody asked yet.
    """
    record = GuardRecord.objects.for_shop(rollout.shop_id).filter(rollout__uuid=rollout.id).first()
    if record is None:
        return Judged(Verdict.NOT_ENOUGH, "Nobody was answered yet.")
    state = rules.load_guards(record.state)
    judged = rules.guard_verdict(state)
    seconds = (record.counted_at - record.since).total_seconds()
    if not seconds:
        return judged
    rate = _answers(state) / seconds
    pace = {"answers_per_second": rate}
    percent = rules.answered_percent(rollout)
    if percent and rate:
        pace["seconds_to_detect"] = rules.seconds_to_detect(rate, percent)
    return replace(judged, evidence={**judged.evidence, **pace})


def _answers(state: GuardState) -> int:
    return state.baseline.answers + state.candidate.answers + state.champion.answers
