"""Texts about what went wrong, in English."""

ERRORS_ENGLISH: dict[str, str] = {
    "error_budget": "The money for {project} is spent ({used} of {limit} USD). Ask the operator to raise the budget.",
    "error_model_key": "The model's key is not accepted. Ask the operator to set a valid one; then send your message again.",
    "error_model_busy": "The model is busy at the moment. Send your message again in a minute.",
    "error_no_earlier": "{project} has no earlier good version, so it stays as it is. Ask for a change to mend it.",
    "error_try_again": "That did not work just now: {what}. Send it again in a minute.",
    "error_needs_person": "I cannot go on: {what}",
    "error_broken": "Something here is broken: {what}. Tell the operator; nothing of yours was lost.",
    "error_unexpected": "Something went wrong on my side ({reference}). Tell the operator that number; you can try again.",
    "error_no_brief": "I could not make out what to build. Say it in other words: what should it do, and for whom?",
    "error_no_reply": "I could not come to an answer. Say it in other words, or in smaller steps.",
    "error_talk_budget": "The money for our conversation is spent. Ask the operator to raise the budget.",
    "error_disk": "The disk of this Slipway is full, so nothing new can be kept. Tell the operator, and send it again "
    "when there is room.",
    "error_service": "Something that I need does not answer just now. Send it again in a minute; if that goes on, tell "
    "the operator.",
    "error_lock": "Something else is just being changed there. Send it again in a minute.",
    "error_overtaken": "Something else has changed the project meanwhile, so I left it as it is. Look how it stands, "
    "then say it again.",
    "error_model_missing": "No model can be asked here yet. Ask the operator to set ANTHROPIC_API_KEY.",
    "error_secret": "{project} needs {names} first. I ask for it by name as soon as something waits for it.",
    "error_rollback": "{project} cannot go back to that version. Name another one, or none for the one before.",
    "host_form": "{host} is no host name: leave out scheme, port and path, like shop.example.org",
    "host_address": "{host} is an address, and I need a name, like shop.example.org",
    "host_wildcard": "{host} stands for many names: add each by itself.",
    "host_letters": "{host} is no host name: use letters, digits, dashes and dots, like shop.example.org",
    "host_nobodys": "{host} is no name that somebody can have: use one of your own, like shop.example.org",
    "host_preview": "{host} is taken by a preview until that ends. Choose another name.",
    "host_base": "{host} is the name of this whole Slipway. Add a name of your own, like shop.example.org",
    "host_below": "Names below {more} belong to the projects that they name, so {host} cannot be added. Choose another name.",
    "host_taken": "{host} belongs to another project. Choose another name.",
    "host_part": "{host} is below {more}, which belongs to another project. Choose another name.",
    "host_main": "{host} is the main address of {more}. The operator makes another one the main address first.",
    "host_unknown": "{host} does not lead to {more}. /domain {more} shows what does.",
}
