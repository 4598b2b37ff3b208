"""What is of the project that has a name now, by the rule of `domain.ownership`: what is older than it is not."""

from sqlalchemy import exists, func, select

from blocks.registry import tables

_PROJECTS, _RUNS, _LEDGER = tables.projects, tables.runs, tables.ledger

RUN_IS_PRESENT = ~exists().where(_PROJECTS.c.slug == _RUNS.c.project, _PROJECTS.c.created > _RUNS.c.created)
"""Of runs: no project has got their project's name since."""

_OF_RUN = select(_RUNS.c.created).where(_RUNS.c.id == _LEDGER.c.run).correlate(_LEDGER).scalar_subquery()
_BEGAN = func.coalesce(_OF_RUN, _LEDGER.c.at)
LINE_IS_PRESENT = ~exists().where(_PROJECTS.c.slug == _LEDGER.c.project, _PROJECTS.c.created > _BEGAN)
"""The same of ledger lines. A line is as old as its run: the first Brief is paid for before the project is there."""
