"""A request at the terminal: from its text to the Brief, to the person's yes, to its end or to where it goes on alone."""

import sys

from rich.console import Console
from rich.markdown import Markdown

from deployments.asked_place import Place
from deployments.live import ended_code, watch
from deployments.place_values import Document, Offer, Wish
from deployments.question_view import ask_here
from deployments.terminal import DONE, confirmed, console, print_json


async def request(place: Place, wish: Wish, *, yes: bool, wait: bool, as_json: bool) -> int:
    """Take the request as far as was asked for; return the exit code."""
    screen = console(stderr=as_json)
    offer = await place.propose(wish, screen)
    if not as_json or not yes:
        show_brief(offer, screen)
    if not yes and not confirmed("Build this?", default=True):
        await place.decline(offer)
        return declined(screen, as_json=as_json)
    return await build(place, offer, screen, wait=wait, as_json=as_json)


def show_brief(offer: Offer, screen: Console) -> None:
    screen.print(Markdown(offer.brief)) if screen.is_terminal else screen.print(offer.brief, markup=False)


def declined(screen: Console, *, as_json: bool) -> int:
    if as_json:
        print_json({"state": "declined", "message": "Nothing was started."})
    else:
        screen.print("Nothing was started.")
    return DONE


async def build(place: Place, offer: Offer, screen: Console, *, wait: bool, as_json: bool) -> int:
    """Hand the accepted Brief over, and follow the run when asked to."""
    run = await place.accept(offer)
    if wait:
        run = await watch(place, run["run"], screen)
        while not as_json and await is_answered_here(place, run, screen):
            run = await watch(place, run["run"], screen)
    if as_json:
        print_json(run)
    elif not wait:
        slug = run["project"]
        screen.print(f"{slug} is being built as {run['run']}: follow it with `slipway logs {slug} --follow`")
        if run["flow_run"]:
            screen.print(run["flow_run"], style="dim", soft_wrap=True)
    return ended_code(run) if wait else DONE


async def is_answered_here(place: Place, run: Document, screen: Console) -> bool:
    """Ask what the run asks whoever sits at the terminal; False when nothing is asked, or nobody answers."""
    if run["question"] is None or not sys.stdin.isatty():
        return False
    return await ask_here(await place.question(run["run"]), place, screen)
