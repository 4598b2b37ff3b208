"""Texts about who may come in and how much one person may use, in English."""

PEOPLE_ENGLISH: dict[str, str] = {
    "not_allowed": "This Slipway serves only the people on its list. Ask its operator to add your id: {person}",
    "not_invited": "This Slipway serves only people with an invitation. Send me your code, or ask the operator for one; "
    "your id is {person}.",
    "only_private": "I talk with one person at a time: press my name, then Start, and say there what you want.",
    "blocked": "The operator of this Slipway has taken your access back. Ask them if you think that is wrong; your id is "
    "{person}.",
    "code_joined": "Welcome, you are in! Say in one message what you want, and I build it; /help tells more.",
    "code_member": "You are in already, so your code is not used up: give it to somebody else. Say what you want, and I "
    "build it.",
    "code_blocked": "The operator of this Slipway has taken your access back, and no code changes that. Your id is {person}.",
    "code_wrong": "That code does not work: it is mistyped, used, expired or taken back. Look at it once more, or ask the "
    "operator for another one; your id is {person}.",
    "code_tries": "You have tried {tries} codes within an hour. You can try again in {minutes} min, or ask the operator; "
    "your id is {person}.",
    "too_fast": "That was too much at once: I read {most} messages a minute of one person. I did not read this one; send "
    "it again in {seconds} s. /cancel always works.",
    "limit_runs": "You have {limit} requests that have not ended, and may have no more at once. Wait for one to end, or "
    "stop one: /cancel",
    "limit_usd_day": "Your ${limit} for today are spent. You can begin something new from {ends} on, or ask the operator "
    "for more. What is being built goes on.",
    "limit_usd_month": "Your ${limit} for this month are spent. You can begin something new from {ends} on, or ask the "
    "operator for more. What is being built goes on.",
}
