"""What answers whom."""

from dataclasses import dataclass, replace
from uuid import UUID

CHAMPION = "champion"
CANDIDATE = "candidate"
CONTROL = "control"  # the champion, for as many visitors as the candidate has: what it is compared with
STANDBY = "standby"  # another version, where the arm's own could not answer
HOLDOUT = "holdout"
INTERLEAVED = "interleaved"  # champion and candidate drafted one list
OVERRIDE = "override"  # somebody asked to see an arm, whichever they were drawn into: counts nowhere

# Every visitor of a shop, as the weight of its only arm.
FULL_WEIGHT = 100


@dataclass(frozen=True, slots=True)
class LiveArm:
    """One version that answers visitors, with its share of them in percent."""

    shop_id: int
    name: str
    weight: int
    version_id: UUID
    version_number: int
    artifact: str
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class RolloutDraw:
    """
    How the visitors of a shop's rollout find their arm: ``rules.draw_arm`` of the bucket under ``salt``.

    :param percent: of the visitors whom the candidate answers; 0 before its first step
    :param shadow_percent: of the requests that the candidate answers again for nobody to see
    :param is_interleaved: whether personal lists are drafted by both versions
    """

    rollout_id: UUID
    salt: str
    percent: int
    shadow_percent: int = 0
    is_interleaved: bool = False


@dataclass(frozen=True, slots=True)
class LiveArms:
    """
    What answers a shop at one revision. No arms: nothing was released yet.

    The first arm is the champion. While a rollout is on, the candidate and its control follow, which is the
    champion's version once more; the weights of all add up to 100.

    :param standby: the version that was live before; it answers where the champion's files are broken
    """

    revision: int
    arms: tuple[LiveArm, ...] = ()
    standby: LiveArm | None = None
    draw: RolloutDraw | None = None

    def get(self, name: str) -> LiveArm:
        """Return the arm of a name. :raises KeyError: if there is none"""
        found = self.find(name)
        if found is None:
            raise KeyError(f"No arm is called {name} at revision {self.revision}.")
        return found

    def find(self, name: str) -> LiveArm | None:
        """Return the arm of a name, or None where there is none."""
        return next((arm for arm in self.arms if arm.name == name), None)

    def without_candidate(self) -> "LiveArms":
        """Return what answers where nobody knows whether the rollout goes on."""
        return replace(self, arms=self.arms[:1], draw=None)


@dataclass(frozen=True, slots=True)
class Pointed:
    """What a shop's pointer names: the champion, and the candidate of a rollout with its share in percent."""

    champion_id: UUID
    candidate_id: UUID | None = None
    rollout_id: UUID | None = None
    salt: str = ""
    percent: int = 0
