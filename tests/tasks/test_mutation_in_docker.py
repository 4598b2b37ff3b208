"""Mutants in a real container of a real candidate, from a change in a real repository."""

import os
from pathlib import Path

import pytest

from blocks.docker_engine.block import DockerEngine
from blocks.git.block import BareGitHost
from domain.candidates import Built
from tasks.mutation import try_mutants
from tests.blocks.engine_bench import DOCKERFILE, docker_engine
from tests.tasks.test_mutation import APP, PYTEST, UNITTEST, WEAK, write
from tests.tasks.test_tester import manifest

pytestmark = pytest.mark.docker
PROJECT = f"mutants-{os.getpid()}"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> DockerEngine:
    """Return an engine whose candidates have pytest without building it in: they stand on the worker's image."""
    made = docker_engine(tmp_path_factory)
    assert isinstance(made, DockerEngine)
    image = made.worker_image
    return DockerEngine(installation=made.installation, base_image=image, worker_image=image, data_folder=made.data_folder)


async def committed(git: BareGitHost, tree: Path, files: dict[str, str], parent: str | None) -> str:
    write(tree, files)
    made = await git.commit_tree(PROJECT, tree, branch="main", parent=parent, message="work", author="a <a@b>")
    return made.sha


@pytest.mark.parametrize("command", [PYTEST, UNITTEST], ids=["pytest", "unittest"])
async def test_faults_that_no_test_notices_are_found_in_the_candidate_and_its_worker_is_gone(
    command: str, engine: DockerEngine, tmp_path: Path
) -> None:
    weak = WEAK if command == PYTEST else SHORT
    git, tree = BareGitHost(folder=str(tmp_path / "git")), tmp_path / "tree"
    await git.create(PROJECT)
    first = {"Dockerfile": DOCKERFILE, "app.json": manifest(command), "app/__init__.py": "", "tests/__init__.py": ""}
    base = await committed(git, tree, first, None)
    commit = await committed(git, tree, {"app/grades.py": APP, "tests/test_grades.py": weak}, base)
    built = await engine.build(tree, PROJECT, "r-mutants")
    assert isinstance(built, Built), built.log
    try:
        run = await try_mutants.fn("r-mutants", PROJECT, 1, commit, base, built.candidate, 60.0, git, engine)
    finally:
        await engine.remove_candidate(built.candidate)

    assert run.note == "", run
    assert {mutant.line for mutant in run.survivors} >= {8, 9, 10}
    assert {mutant.line for mutant in run.noticed} >= {4}
    assert not await engine.workers("r-mutants")


SHORT = """import unittest

from app.grades import grade


class Grades(unittest.TestCase):
    def test_grades(self):
        self.assertEqual(grade(4, 4), 100)
"""
