"""Pure decisions of the registry."""

from backend.registry.values import VersionState

MOVES: dict[VersionState, frozenset[VersionState]] = {
    VersionState.CANDIDATE: frozenset({VersionState.STAGED, VersionState.HELD, VersionState.REJECTED}),
    VersionState.STAGED: frozenset({VersionState.LIVE}),
    VersionState.HELD: frozenset({VersionState.STAGED}),
    VersionState.LIVE: frozenset({VersionState.RETIRED}),
    VersionState.RETIRED: frozenset({VersionState.LIVE}),
    VersionState.REJECTED: frozenset(),
}


def may_move(state: VersionState, to: VersionState) -> bool:
    """Return whether a version may go from one state to another."""
    return to in MOVES[state]
