"""Texts about pushes, and what is said at issues of GitHub, in English. Markdown where it is said there."""

GITHUB_ENGLISH: dict[str, str] = {
    "why_locked": "the push changes files that belong to the platform",
    "why_red": "the pushed commit does not pass its tests and checks",
    "why_diverged": "the pushed commit lacks what is online by now",
    "next_push": "Mend it and push again; what was online still is.",
    "choose_approve": "Approve this change",
    "github_stranger": "Thank you, @{person}. Only people who may write to this repository can have Slipway do something here; "
    "one of them can say it in your place.",
    "github_brief": "This is what I would build for **{project}**. `/slipway approve` starts it; other words in the issue and "
    "the label once more make another one of it.",
    "github_begun": "It is being built (run `{run}`). I say here how it ends; `/slipway status` tells more, `/slipway cancel` "
    "stops it.",
    "github_at_work": "Run `{run}` is at work for this issue already: `/slipway status` tells how it stands.",
    "github_nothing": "Nothing waits for your word in this issue: give it the label `{label}` and I write down what I would "
    "build.",
    "github_old": "{project} has changed since I wrote that down. Take the label `{label}` off and give it again: then I read "
    "everything anew.",
    "github_no_brief": "I could not make a plan of this issue. Say it in other words, take the label `{label}` off and "
    "give it again.",
    "github_ended_delivered": "✅ {title} is online. To change it: an issue with the label `{label}`.",
    "github_ended_failed": "❌ {title} was not delivered: {why}. What was online still is. Say it in other words, take the "
    "label `{label}` off and give it again.",
    "github_ended_cancelled": "⏹ {title} was stopped. Nothing that was online has changed.",
    "github_goes_back": "{project} goes back to an earlier release.",
    "github_taken_back": "↩️ {title}: release {bad} was taken back, release {good} is online again. Why: {why}.",
    "github_unwell": "⚠️ {title}: release {bad} is unwell, and I could not go back from it by myself. `/slipway rollback` tries "
    "once more; `slipway history {project}` says why to those who run this Slipway.",
    "github_cancelled": "Run `{run}` is stopped. What was online still is.",
    "github_dropped": "What I proposed here is dropped.",
    "github_answered": "Run `{run}` goes on with that.",
    "github_approved": "Approved: run `{run}` goes on with exactly that change.",
    "github_no_such_change": "No run of {project} waits for the word about that change. Look at the digest in its question.",
    "github_owners_word": "Changes of platform files are approved by those who administer this repository.",
    "github_status": "**{project}**: {serving}",
    "github_serves": "release {number} is online at {address}",
    "github_serves_none": "nothing is online",
    "github_run": "- run `{run}`: {state}",
    "github_secrets": "{title} needs {names} before it can go online. Values are never written here: who runs this Slipway "
    "stores them with `slipway secret set {project} {first}`, and the work goes on by itself.",
    "github_answers": "Answer here with one of these:\n{choices}",
    "github_help": "I know `/slipway status`, `/slipway approve`, `/slipway cancel`, `/slipway rollback` (or `rollback v3`) "
    "and `/slipway answer CHOICE words`.",
    "github_held": "A push of {person} to {repository} ({commit}) is tested by itself later: {why}",
    "github_large": "A push of {person} to {repository} ({commit}) was not fetched: it brings more than {most} MB. Take large "
    "files out of its history and push again.",
    "github_unfetched": "A push of {person} to {repository} ({commit}) could not be fetched: {why}",
    "github_moved": "The repository {former} of {project} is called {repository} now: after "
    "`slipway repository {project} {repository}` Slipway goes on there.",
    "github_diverged": "A push of {person} to {repository} ({commit}) lacks what is online of {project} by now. Nothing was "
    "done about it: pull, merge and push again.",
}
