"""What schemathesis is told of the API beside its description (deployments/test_api_schema.py)."""

import schemathesis

MEANT = (
    "this is no cursor of a page",
    "this Idempotency-Key was another request's",
    "this is no offer to you",
)
"""Why a request that fits the description may be a 422: what no schema can say."""


@schemathesis.check
def refuses_what_fits_for_its_meaning_alone(
    _: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """See to it that bodies and parameters which fit are not called unfit."""
    if case.meta and case.meta.generation.mode.is_positive and response.status_code == 422:
        assert any(reason in response.text for reason in MEANT), response.text
