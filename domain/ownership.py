"""Whose is what, for doors through which several people look at one registry: another's object is as unknown as none."""

from domain.runs import Project, Run


def is_theirs(run: Run, project: Project | None, person: str) -> bool:
    """Tell whether the run is the person's: they asked for it, or `project`, the one of its name now, is theirs.

    Runs outlive their project, and its name may be somebody else's by now: what is older than the project is not of it.
    """
    return run.origin.person == person or (project is not None and project.owner == person and run.created >= project.created)
