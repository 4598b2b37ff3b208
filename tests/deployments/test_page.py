"""The page in Chromium: what people see and press, by hand and by keyboard, in light and dark, in English and Russian."""

import base64
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

from domain.runs import RunState
from domain.telegram_identity import Word
from tests.deployments.api_bench import BOT_TOKEN
from tests.deployments.page_bench import CHROMIUM, DESK, LONG, PATIENCE, PHONE, Stand, furnish, stand_in
from tests.deployments.web_bench import init_data

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE)

GOING, ASKING, ENDED = (f"r-shortlinks{number:06}" for number in range(3))
FAILED = f"r-{LONG.replace('-', '')}000000"
FIRST_LOAD = 48_000
"""Bytes of a page with all that it names, as they are sent."""
LOADED = "performance.getEntries().reduce((sum, each) => sum + (each.transferSize ?? 0), 0)"
PLACES = (
    "/",
    "/projects/short-links",
    "/projects/tea-club",
    "/projects/short-links/rollback?to=3",
    "/projects/tea-club/rollback",
    *(f"/projects/{project}/{what}" for project in ("short-links", LONG) for what in ("talk", "history", "proof", "output")),
    f"/runs/{GOING}",
    f"/runs/{ASKING}",
    f"/runs/{ENDED}",
    f"/projects/{LONG}",
    f"/runs/{FAILED}",
)

NIGHT = {
    "bg_color": "#17212b", "secondary_bg_color": "#232e3c", "text_color": "#f5f5f5", "hint_color": "#708499",
    "link_color": "#6ab3f3",
}  # fmt: skip
"""Telegram's own dark theme; its hints are too pale to be read on its own ground."""
OUTSIDE = """<script>
const heard = [];
addEventListener("message", (said) => heard.push(JSON.parse(said.data)));
function hold(place) {
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts allow-same-origin allow-popups allow-forms allow-modals";
  frame.src = place;
  document.body.append(frame);
}
function say(eventType, eventData) { frames[0].postMessage(JSON.stringify({ eventType, eventData }), "*"); }
</script><body>"""
"""A page that holds another in a frame, as Telegram's clients in a browser do, and writes down what that says."""


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
        await page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        await check_both_schemes(page)
        assert await width_of(page) <= PHONE["width"], path
        assert await page.locator("main script, main img").count() == 0, path
    assert ran == []  # whatever people have written
    page = await stranger.new_page()
    await page.goto("/")
    assert page.url.endswith("/login")
    assert 1_000 < await page.evaluate(LOADED) < FIRST_LOAD
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
    await page.set_input_files("#files", {"name": "teas.txt", "mimeType": "text/plain", "buffer": b"Assam"})
    await page.locator('form[action="/projects"] button').click()
    await page.wait_for_url(re.compile(r"/runs/r-[0-9a-f]{10}$"))
    await expect(page.locator("h1")).to_contain_text("a-list-of-teas")
    run = page.url.rpartition("/")[2]
    assert [each.name for each in stand.api.desk.given[run]] == ["teas.txt"]
    await page.get_by_text("Stop this work").click()
    await page.get_by_text("Yes, stop it").click()
    await expect(page.locator(".notice.good")).to_contain_text("It is stopped")
    await expect(page.get_by_text("Say what shall be different")).to_have_attribute("href", "/projects/a-list-of-teas#change")
    await page.goto("/projects/short-links")
    await page.fill("#secret-name", "MAIL_KEY")
    await page.fill("#secret-value", "a-long-quiet-value")
    await page.locator('form[action$="/secrets"] button').click()
    await page.wait_for_url("**/projects/short-links?done=secret#secrets")
    assert "a-long-quiet-value" not in await page.content()
    assert stand.api.desk.vault.held("short-links")["MAIL_KEY"] == "a-long-quiet-value"
    await profile.close()


async def test_files_that_are_too_much_are_told_before_they_are_sent(stand: Stand) -> None:
    profile = await stand.context()
    page = await profile.new_page()
    await page.goto("/projects/short-links")
    files = page.locator("#files")
    await files.evaluate("each => { each.dataset.most = 4 }")
    await files.set_input_files({"name": "teas.txt", "mimeType": "text/plain", "buffer": b"Assam"})
    assert await files.evaluate("each => each.validationMessage") == "These files are more than 10 MB together."
    await files.set_input_files([])
    assert await files.evaluate("each => each.checkValidity()")
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
    place = "/login#" + urlencode({"tgWebAppData": init_data(stand.api, 1001), "tgWebAppThemeParams": json.dumps(NIGHT)})
    page = await profile.new_page()
    await page.goto(place)  # somebody's link, in a browser that is not Telegram's: it makes nobody somebody else by itself
    await expect(page.locator("#telegram button")).to_be_visible()
    assert await profile.cookies() == []
    await page.close()
    await profile.add_init_script("window.TelegramWebviewProxy = { postEvent() {} }")
    page = await profile.new_page()
    for name, joint in (("tgWebAppData", "&"), ("tgWebApp%44ata", "&"), ("tgWebApp%44ata", "&x=?")):
        await page.goto(f"/login#{name}={quote(init_data(stand.api, 1002))}{joint}{place.partition('#')[2]}")
        await expect(page.locator("h1")).to_have_text("Sign in")  # somebody else's bot has put data of theirs before Telegram's
        assert await page.evaluate("sessionStorage.getItem('entered')") is None, name
        assert await profile.cookies() == []
        await page.goto("about:blank")
    await page.goto(place)
    await page.wait_for_url(f"{stand.place}/")
    await expect(page.locator(".bottom")).to_contain_text("telegram:1001")
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
    await check_access(page)
    await page.locator('form[action="/logout"] button').click()
    await page.wait_for_url("**/login")
    await profile.close()


async def test_telegram_web_holds_the_page_in_its_frame_and_nobody_else_does(stand: Stand) -> None:
    profile = await stand.context(signed_in=False)
    place = f"{stand.place}/login#" + urlencode(
        {"tgWebAppData": init_data(stand.api, 1003), "tgWebAppThemeParams": json.dumps(NIGHT)}
    )
    await profile.route("https://*.telegram.org/**", lambda route: route.fulfill(body=OUTSIDE, content_type="text/html"))
    await profile.route("https://evil.example.org/**", lambda route: route.fulfill(body=OUTSIDE, content_type="text/html"))
    stand.meant |= {"frame-ancestors", "ERR_BLOCKED_BY_RESPONSE"}
    for elsewhere in ("https://evil.example.org/", "https://core.telegram.org/"):
        page = await profile.new_page()
        await page.goto(elsewhere)
        async with page.expect_event("requestfailed") as failing:
            await page.evaluate("hold", place)
        assert (await failing.value).failure == "net::ERR_BLOCKED_BY_RESPONSE", elsewhere
        await page.close()
    page = await profile.new_page()
    await page.goto("https://web.telegram.org/k/")
    await page.evaluate("hold", place)
    inside = page.frame_locator("iframe")
    await expect(inside.locator(".bottom")).to_contain_text("telegram:1003")
    [cookie] = await profile.cookies()
    assert (cookie["name"], cookie["sameSite"], cookie["httpOnly"]) == ("__Host-slipway", "None", True)
    assert cookie["partitionKey"] == "https://telegram.org"
    await inside.locator("#text").fill("A list of cups")
    await inside.locator('form[action="/projects"] button').click()
    await expect(inside.locator("h1")).to_contain_text("a-list-of-cups")
    assert await color_of(inside.locator("html"), "--card") == NIGHT["bg_color"]
    await page.wait_for_function("heard.some(each => each.eventData.is_visible)")
    await page.evaluate("say('theme_changed', {theme_params: {bg_color: '#ffffff', text_color: '#fefefe'}})")
    await expect(inside.locator("html")).to_have_attribute("data-theme", "light")
    assert await color_of(inside.locator("html"), "--ink") == "#1d1f24"  # of what cannot be read nothing is worn
    await page.evaluate("say('back_button_pressed')")
    await expect(inside.locator("h1")).to_have_text("A list of cups")
    await page.wait_for_function("heard.some(each => each.eventType === 'web_app_ready')")
    await profile.close()


async def test_telegrams_answer_counts_in_the_tab_that_asked_for_it(stand: Stand) -> None:
    profile = await stand.context(signed_in=False)
    answer = "#tgAuthResult=" + answer_of(init_data(stand.api, 1004, Word.WIDGET, first_name="Аня"))
    page = await profile.new_page()
    for theirs in (f"/login{answer}", f"/login?state={'0' * 36}{answer}", f"/login?state={answer}"):
        await page.goto("about:blank")
        await page.goto(theirs)
        await expect(page.locator("#elsewhere")).to_be_visible()
        await check_access(page)
        assert await profile.cookies() == [], theirs
    link = urlsplit(await page.locator("#ask-telegram").get_attribute("href") or "")
    asked = dict(parse_qsl(link.query))
    assert (link.hostname, asked["bot_id"], asked["origin"]) == ("oauth.telegram.org", BOT_TOKEN.partition(":")[0], stand.place)
    await profile.route("https://oauth.telegram.org/**", lambda route: route.fulfill(status=302, headers={"Location": back}))
    back = f"{asked['return_to']}#tgAuthResult=ZmFsc2U"  # they said no
    await page.locator("#ask-telegram").click()
    await page.wait_for_url(f"{stand.place}/login?state=*")
    await expect(page.locator("#ask-telegram")).to_be_visible()
    assert await profile.cookies() == []
    asked = dict(parse_qsl(urlsplit(await page.locator("#ask-telegram").get_attribute("href") or "").query))
    back = asked["return_to"] + answer
    await page.locator("#ask-telegram").click()
    await page.wait_for_url(f"{stand.place}/")
    await expect(page.locator(".bottom")).to_contain_text("telegram:1004")
    [cookie] = await profile.cookies()
    assert cookie["sameSite"] == "Lax"
    await profile.close()


async def color_of(root: Locator, name: str) -> str:
    return str(await root.evaluate("(root, name) => getComputedStyle(root).getPropertyValue(name)", name))


def answer_of(said: str) -> str:
    """Return what Telegram's sign-in page puts behind the `#`: the fields as JSON, the numbers bare, in base64url."""
    fields = {name: int(value) if name in ("id", "auth_date") else value for name, value in parse_qsl(said)}
    return base64.urlsafe_b64encode(json.dumps(fields, ensure_ascii=False).encode()).decode().rstrip("=")
