"""The page in Chromium: what people see and press, by hand and by keyboard, in light and dark, in English and Russian."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from domain.runs import RunState
from tests.deployments.page_bench import CHROMIUM, DESK, PATIENCE, PHONE, Stand, furnish, stand_in
from tests.deployments.web_bench import init_data

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE)

GOING, ASKING, ENDED = (f"r-shortlinks{number:06}" for number in range(3))
PLACES = (
    "/",
    "/projects/short-links",
    "/projects/tea-club",
    "/projects/short-links/rollback?to=3",
    "/projects/tea-club/rollback",
    f"/runs/{GOING}",
    f"/runs/{ASKING}",
    f"/runs/{ENDED}",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    if not shutil.which(CHROMIUM):
        pytest.skip(f"no browser: install chromium as {CHROMIUM}")
    folder: Path = tmp_path_factory.mktemp("page")
    async with stand_in(folder) as made:
        await furnish(made.api)
        yield made


@pytest.fixture(autouse=True)
def quiet(stand: Stand) -> AsyncIterator[None]:
    """See to it that no browser complains: of scripts, of what did not load, of what the policy keeps out."""
    stand.said.clear()
    stand.meant.clear()
    yield  # type: ignore[misc]
    assert stand.complaints == []


async def check_access(page: Page, *rules: str) -> None:
    """Let axe look at the page: by all of its rules, or by these."""
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = await Axe().run(page, options=options)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"


async def check_both_schemes(page: Page) -> None:
    await page.emulate_media(color_scheme="light")
    await check_access(page)
    await page.emulate_media(color_scheme="dark")
    await check_access(page, "color-contrast")


async def width_of(page: Page) -> int:
    return int(await page.evaluate("document.documentElement.scrollWidth"))


async def test_every_screen_can_be_used_by_everybody_in_light_and_dark_and_fits_a_phone(stand: Stand) -> None:
    profile, stranger = await stand.context(), await stand.context(signed_in=False)
    page, ran = await profile.new_page(), list[str]()
    page.on("dialog", lambda dialog: ran.append(dialog.message))
    for path in PLACES:
        await page.goto(path)
        await check_both_schemes(page)
        assert await width_of(page) <= PHONE["width"], path
        assert await page.locator("main script, main img").count() == 0, path
    assert ran == []  # whatever people have written
    page = await stranger.new_page()
    await page.goto("/")
    assert page.url.endswith("/login")
    await check_both_schemes(page)
    assert await width_of(page) <= PHONE["width"]
    await profile.close()
    await stranger.close()


async def test_russian_browser_reads_russian_on_every_screen(stand: Stand) -> None:
    profile = await stand.context(locale="ru-RU", viewport=DESK)
    page = await profile.new_page()
    for path in PLACES:
        await page.goto(path)
        assert await page.evaluate("document.documentElement.lang") == "ru"
        await expect(page.locator(".bottom")).to_contain_text("Выйти")
        assert await width_of(page) <= DESK["width"], path
    await profile.close()


async def test_rollback_is_done_by_the_keyboard_alone(stand: Stand) -> None:
    profile = await stand.context()
    page = await profile.new_page()
    await page.goto("/projects/short-links")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await press_through(page, "Back to 3")
    await page.wait_for_url("**/rollback?to=3")
    await press_through(page, "Go back")
    await page.wait_for_url("**/projects/short-links?done=rollback")
    await expect(page.locator(".notice.good")).to_contain_text("It goes back")
    assert stand.api.desk.rolled_back == [("short-links", "local:ann")]
    assert stand.api.desk.went_to == [(3, "")]
    await profile.close()


async def press_through(page: Page, words: str) -> None:
    """Go from one thing to the next until the one with these words has the focus, which can be seen; then press it."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if (await focused.text_content() or "").strip() == words:
            assert await focused.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
            await page.keyboard.press("Enter")
            return
    raise AssertionError(f"{words!r} is not reached by the keyboard")


async def test_run_is_followed_without_loading_the_page_again(stand: Stand) -> None:
    run = await stand.api.run("tea-club")
    profile = await stand.context()
    page = await profile.new_page()
    await page.goto(f"/runs/{run}")
    await page.evaluate("window.mark = 'same page'")
    await expect(page.locator(".connection")).to_have_text("Follows by itself.")
    await stand.api.desk.go_on(run, "plan")
    await expect(page.locator(".steps .now")).to_contain_text("Plan")
    await expect(page.locator(".now[role=status]")).to_contain_text("at work · Plan")
    await stand.api.desk.go_on(run, "test", "report", "2 of 3 tests fail: <b>not bold</b>")
    await expect(page.locator(".reports")).to_contain_text("<b>not bold</b>")
    await expect(page.locator(".lines li").first).to_contain_text("2 of 3 tests fail")
    await stand.api.desk.end(run, RunState.DELIVERED, "it is online", "http://tea-club.localhost")
    await expect(page.locator(".now[role=status]")).to_have_text("delivered")
    await expect(page.locator(".connection")).to_be_hidden()
    assert await page.evaluate("window.mark") == "same page"
    await profile.close()


async def test_question_is_answered_in_words_and_one_without_them_keeps_its_form(stand: Stand) -> None:
    profile = await stand.context()
    page = await profile.new_page()
    stand.meant.add("status of 409")  # the browser's own line on an answer that was refused
    await page.goto("/")
    await page.locator(".asks a").click()
    await expect(page.locator("#question")).to_contain_text("<script>alert(1)</script>")
    await page.locator('button[value="guidance"]').click()
    await expect(page.locator("[role=alert]")).to_be_visible()
    await page.fill("#answer", "use a list & <b>sort</b> it")
    await page.locator('button[value="guidance"]').click()
    await expect(page.locator(".notice.good")).to_contain_text("Your answer counts")
    [question] = await stand.api.registry.escalations(ASKING)
    assert question.answer is not None
    assert (question.answer.text, question.answer.by) == ("use a list & <b>sort</b> it", "local:ann")
    await profile.close()


async def test_page_works_without_any_script(stand: Stand) -> None:
    profile = await stand.context(java_script_enabled=False)
    page = await profile.new_page()
    await page.goto("/")
    await page.fill("#text", "A list of teas")
    await page.locator('form[action="/projects"] button').click()
    await page.wait_for_url(re.compile(r"/runs/r-[0-9a-f]{10}$"))
    await expect(page.locator("h1")).to_contain_text("a-list-of-teas")
    await page.goto("/projects/short-links")
    await page.fill("#secret-name", "MAIL_KEY")
    await page.fill("#secret-value", "a-long-quiet-value")
    await page.locator('form[action$="/secrets"] button').click()
    await page.wait_for_url("**/projects/short-links?done=secret#secrets")
    assert "a-long-quiet-value" not in await page.content()
    assert stand.api.desk.vault.held("short-links")["MAIL_KEY"] == "a-long-quiet-value"
    await profile.close()


async def test_language_that_is_chosen_is_spoken_from_then_on(stand: Stand) -> None:
    profile = await stand.context(owner="local:vera")
    page = await profile.new_page()
    await page.goto("/")
    await page.select_option("#language", "ru")
    await page.locator('form[action="/language"] button').click()
    await expect(page.locator("h1")).to_have_text("Проекты")
    assert (await stand.api.registry.person("local:vera")).language == "ru"
    await profile.close()


async def test_mini_app_signs_in_by_itself_and_wears_telegrams_colours(stand: Stand) -> None:
    profile = await stand.context(signed_in=False, color_scheme="light")
    place = "/login#" + urlencode({"tgWebAppData": init_data(stand.api, 1001), "tgWebAppThemeParams": '{"bg_color":"#17212b"}'})
    page = await profile.new_page()
    await page.goto(place)  # somebody's link, in a browser that is not Telegram's: it makes nobody somebody else by itself
    await expect(page.locator("#mini-app button")).to_be_visible()
    assert await profile.cookies() == []
    await page.close()
    await profile.add_init_script("window.TelegramWebviewProxy = { postEvent() {} }")
    page = await profile.new_page()
    await page.goto(place)
    await page.wait_for_url(f"{stand.place}/")
    await expect(page.locator(".bottom")).to_contain_text("telegram:1001")
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
    await check_access(page)
    await page.locator('form[action="/logout"] button').click()
    await page.wait_for_url("**/login")
    await profile.close()
