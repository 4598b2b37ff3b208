"""A secret's rotation, as the API tells of it."""

from pathlib import Path

from tests.deployments.api_bench import api_in
from tests.deployments.conftest import released


async def test_rotation_is_told_as_it_stands_also_where_nothing_was_rotated(tmp_path: Path) -> None:
    async with api_in(tmp_path) as api:
        await api.project("notes")
        await api.ask("PUT", "/v1/projects/notes/secrets/WORD", json={"value": "hush-hush"})
        asked = await api.get("/v1/projects/notes/secrets/WORD/rotation")
        assert asked.json() == {
            "message": "nothing that serves uses WORD of notes; what is released next gets version 1", "made_up": False,
        }  # fmt: skip
        [info] = await api.desk.vault.listed("notes")
        await api.registry.add_environment("notes", {"WORD": info.reference}, {})
        await released(api.desk, "notes", 1)
        serves = "WORD of notes: release 1 serves with version 1; no release that could be brought back needs an earlier value"
        assert (await api.get("/v1/projects/notes/secrets/WORD/rotation")).json()["message"] == serves
        wrong = await api.ask("PUT", "/v1/projects/notes/secrets/STRIPE_KEY", json={"value": "nonsense"})
        assert "If it is right, `unchecked` has it used all the same" in wrong.json()["detail"]
