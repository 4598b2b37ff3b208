"""The demo's recorded session is what the roles of today accept: one new required field would end `make demo`."""

from collections.abc import Iterator
from typing import Any

from deployments.demo import SESSION
from domain.briefs import Brief
from domain.conversations import ToolUse
from domain.plans import Plan, gaps
from domain.roles import Role
from domain.sessions import REPLIES_FILE, RecordedReply
from tasks.architect import architect_role
from tasks.developer import developer_role
from tasks.product_owner import complaints, product_owner_role
from tasks.reviewer import reviewer_role

ROLES: dict[str, Role[Any]] = {
    role.name: role
    for role in (
        product_owner_role("m"),
        architect_role("m"),
        developer_role("m", "/workspace", "web-service"),
        reviewer_role("m"),
    )
}


def calls() -> Iterator[tuple[Role[Any], ToolUse]]:
    """Yield every tool call of the session with the role that makes it."""
    for line in (SESSION / REPLIES_FILE).read_text("utf-8").splitlines():
        reply = RecordedReply.model_validate_json(line)
        yield from ((ROLES[reply.role], part) for part in reply.parts if isinstance(part, ToolUse))


def test_every_hand_in_is_one_of_its_role_and_every_other_call_a_tool_that_it_has() -> None:
    handed_in = []
    for role, call in calls():
        if call.name in role.tools:
            continue
        assert call.name == role.hand_in, f"{role.name} has no tool {call.name!r}"
        handed_in.append((role.name, type(role.output.model_validate(call.input))))
    wanted = ["product_owner", "architect", "developer", "developer", "reviewer"]
    assert handed_in == [(name, ROLES[name].output) for name in wanted]


def test_the_plan_proves_the_brief_and_nobody_complains_of_either() -> None:
    inputs = {role.name: call.input for role, call in calls() if call.name == role.hand_in}
    brief, plan = Brief.model_validate(inputs["product_owner"]), Plan.model_validate(inputs["architect"])
    assert complaints(brief, None) == ()
    assert gaps(plan, brief) == ()
