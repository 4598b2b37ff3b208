"""What keeps an app's data from being used: a snapshot takes its place, or has half taken it."""

from domain.errors import NeedsPerson, TryAgain


class RestoreUnfinished(NeedsPerson):
    """Data that may be half replaced, or not be its release's own, cannot be made whole for now: (project, snapshot, why)."""

    def __str__(self) -> str:
        project, snapshot, why = self.args
        return (
            f"{project} stays stopped until its data is that of snapshot {snapshot} "
            f"(`slipway rollback {project} --data {snapshot}` goes on with it): {why}"
        )


class DataBeingReplaced(TryAgain):
    """A snapshot is taking the place of the data, and what is copied of it now may be half of each: (project, snapshot)."""

    def __str__(self) -> str:
        project, snapshot = self.args
        return (
            f"the data of {project} is being replaced by that of snapshot {snapshot} "
            f"(`slipway rollback {project} --data {snapshot}` goes on with one that was interrupted): no copy is made now"
        )
