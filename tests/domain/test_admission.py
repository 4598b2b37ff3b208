"""Who may come in, by the setting, the list and what was decided of the person."""

from itertools import product

import pytest

from domain.admission import Access, Entry, Standing, entry, person_named
from domain.errors import BadInput

OPEN, CODE, CLOSED, BLOCKED = Entry.OPEN, Entry.ASKS_FOR_CODE, Entry.CLOSED, Entry.BLOCKED
UNNAMED: dict[Access, dict[Standing, Entry]] = {
    "open": {Standing.UNKNOWN: OPEN, Standing.INVITED: OPEN, Standing.ALLOWED: OPEN, Standing.BLOCKED: BLOCKED},
    "invite": {Standing.UNKNOWN: CODE, Standing.INVITED: OPEN, Standing.ALLOWED: OPEN, Standing.BLOCKED: BLOCKED},
    "list": {Standing.UNKNOWN: CLOSED, Standing.INVITED: CLOSED, Standing.ALLOWED: OPEN, Standing.BLOCKED: BLOCKED},
}


@pytest.mark.parametrize(("access", "standing"), list(product(UNNAMED, Standing)))
def test_door_opens_by_setting_and_standing(access: Access, standing: Standing) -> None:
    assert entry(access, False, standing) is UNNAMED[access][standing]
    assert entry(access, True, standing) is (BLOCKED if standing is Standing.BLOCKED else OPEN)


@pytest.mark.parametrize("word", ["1001", "telegram:1001", "0001001"])
def test_person_is_named_by_number(word: str) -> None:
    assert person_named(word) == "telegram:1001"


@pytest.mark.parametrize("word", ["", "ann", "@ann", "-5", "telegram:", "local:me", "१२"])
def test_what_is_no_number_names_nobody(word: str) -> None:
    with pytest.raises(BadInput, match="slipway people list"):
        person_named(word)
