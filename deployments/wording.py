"""All texts for people, in every language that ships: keys to templates with named fields.

Plain text: a door that speaks HTML escapes fields and texts itself.
"""

from domain.errors import (
    BudgetSpent,
    ModelKeyRefused,
    ModelOverloaded,
    NeedsPerson,
    NothingToRollBackTo,
    SlipwayError,
    TryAgain,
)

ENGLISH: dict[str, str] = {
    "start": "Hello, I am Slipway. Say in one message what you want, for example: “{example}”. "
    "I build it, prove that it works, put it online and send you the address.",
    "example": "a page where my team collects links and votes for the best",
    "help": "Write what you want, in your own words: I build it and put it online.\n\n"
    "/change PROJECT what should be different\n/status — your projects and what is being built\n"
    "/rollback PROJECT — back to the version before\n/cancel — stop what is being built",
    "command_start": "What Slipway does",
    "command_help": "How it works",
    "command_change": "Change a project: /change NAME what",
    "command_status": "Your projects and their addresses",
    "command_rollback": "Back to the version before",
    "command_cancel": "Stop what is being built",
    "not_allowed": "This Slipway serves only the people on its list. Ask its operator to add your id: {person}",
    "only_text": "I read text only, so far. Say in one message what you want.",
    "credential": "That looked like a secret ({kind}). I passed it to nobody and deleted your message; if others could see it, "
    "renew it where it came from. Say what you want without it: I ask for secrets by name when they are needed.",
    "credential_left": "That looked like a secret ({kind}). I passed it to nobody but cannot delete your message: delete it "
    "yourself. Say what you want without it: I ask for secrets by name when they are needed.",
    "change_usage": "Say which project and what should be different, like: /change notes add a search",
    "no_project": "You have no project named {project}. Yours: {projects}",
    "no_projects": "You have no project yet. Say in one message what you want, and I build it.",
    "which_project": "Which project? Yours: {projects}. Say it like: /{command} {first}",
    "status_project": "{title} ({project})",
    "status_online": "online",
    "status_offline": "not online",
    "status_run": "being built: {step}",
    "none": "none",
    "rollback_started": "{project} goes back to the version before. I tell you when something is wrong with it; "
    "/status shows what is online.",
    "nothing_to_cancel": "Nothing of yours is being built. /status shows your projects.",
    "cancelling": "Stopping {project}.",
    "forgotten": "Stopped. Nothing was started.",
    "not_yours": "That button is not for you.",
    "dead_button": "That has ended already. /status shows your projects.",
    "stop": "Stop",
    "step_brief": "Brief",
    "step_plan": "Plan",
    "step_prepare": "Repository",
    "step_develop": "Code",
    "step_test": "Tests",
    "step_environment": "Settings",
    "step_deploy": "Release",
    "step_watch": "Watching it run",
    "queued": "waiting for its turn",
    "round": "round {round} of {of}",
    "spent": "${usd}, {minutes} min",
    "waits": "Waits for: {names}",
    "card_delivered": "Online",
    "card_failed": "Not delivered",
    "card_cancelled": "Stopped",
    "told_delivered": "{title} is online. To change it: /change {project} what should be different",
    "told_failed": "{title} was not delivered: {message}\nSay it in other words, or with less in it, and I try again.",
    "told_cancelled": "{title} was stopped. Nothing that was online has changed. Send a new message to start again.",
    "told_waits": "{title} waits for {names}. Your operator sets it with: slipway secret set {project} {first}",
    "error_budget": "The money for {project} is spent ({used} of {limit} USD). Ask the operator to raise the budget.",
    "error_model_key": "The model's key is not accepted. Ask the operator to set a valid one; then send your message again.",
    "error_model_busy": "The model is busy at the moment. Send your message again in a minute.",
    "error_no_earlier": "{project} has no earlier good version, so it stays as it is. To change it: /change {project} what",
    "error_try_again": "That did not work just now: {what}. Send it again in a minute.",
    "error_needs_person": "I cannot go on: {what}",
    "error_broken": "Something here is broken: {what}. Tell the operator; nothing of yours was lost.",
    "error_unexpected": "Something went wrong on my side ({reference}). Tell the operator that number; you can try again.",
}

RUSSIAN: dict[str, str] = {
    "start": "Здравствуйте, я Slipway. Напишите одним сообщением, что вам нужно, например: «{example}». "
    "Я это сделаю, проверю, что оно работает, размещу в сети и пришлю адрес.",
    "example": "страница, где моя команда собирает ссылки и голосует за лучшие",
    "help": "Напишите своими словами, что вам нужно: я сделаю и размещу в сети.\n\n"
    "/change ПРОЕКТ что должно измениться\n/status — ваши проекты и что сейчас делается\n"
    "/rollback ПРОЕКТ — вернуть прежнюю версию\n/cancel — остановить то, что делается",
    "command_start": "Что умеет Slipway",
    "command_help": "Как это работает",
    "command_change": "Изменить проект: /change ИМЯ что",
    "command_status": "Ваши проекты и их адреса",
    "command_rollback": "Вернуть прежнюю версию",
    "command_cancel": "Остановить то, что делается",
    "not_allowed": "Этот Slipway работает только для людей из своего списка. Попросите оператора добавить ваш номер: {person}",
    "only_text": "Пока я читаю только текст. Напишите одним сообщением, что вам нужно.",
    "credential": "Похоже, это секрет ({kind}). Я никому его не передал и удалил ваше сообщение; если его могли видеть другие, "
    "замените его там, где получили. Напишите, что нужно, без него: я спрошу секрет по имени, когда он понадобится.",
    "credential_left": "Похоже, это секрет ({kind}). Я никому его не передал, но удалить ваше сообщение не могу: удалите его "
    "сами. Напишите, что нужно, без него: я спрошу секрет по имени, когда он понадобится.",
    "change_usage": "Напишите, какой проект и что должно измениться, например: /change notes добавить поиск",
    "no_project": "У вас нет проекта {project}. Ваши проекты: {projects}",
    "no_projects": "У вас пока нет проектов. Напишите одним сообщением, что вам нужно, и я это сделаю.",
    "which_project": "Какой проект? Ваши: {projects}. Напишите так: /{command} {first}",
    "status_project": "{title} ({project})",
    "status_online": "в сети",
    "status_offline": "не в сети",
    "status_run": "делается: {step}",
    "none": "нет",
    "rollback_started": "{project} возвращается к прежней версии. Если что-то пойдёт не так, я сообщу; "
    "/status покажет, что сейчас в сети.",
    "nothing_to_cancel": "Сейчас для вас ничего не делается. /status покажет ваши проекты.",
    "cancelling": "Останавливаю {project}.",
    "forgotten": "Остановлено. Ничего не было начато.",
    "not_yours": "Эта кнопка не для вас.",
    "dead_button": "Это уже закончилось. /status покажет ваши проекты.",
    "stop": "Остановить",
    "step_brief": "Задание",
    "step_plan": "План",
    "step_prepare": "Репозиторий",
    "step_develop": "Код",
    "step_test": "Тесты",
    "step_environment": "Настройки",
    "step_deploy": "Выпуск",
    "step_watch": "Наблюдение",
    "queued": "ждёт своей очереди",
    "round": "круг {round} из {of}",
    "spent": "${usd}, {minutes} мин",
    "waits": "Ждёт: {names}",
    "card_delivered": "В сети",
    "card_failed": "Не получилось",
    "card_cancelled": "Остановлено",
    "told_delivered": "{title} в сети. Чтобы изменить: /change {project} что должно измениться",
    "told_failed": "{title} не получилось: {message}\nНапишите другими словами или попросите меньше, и я попробую снова.",
    "told_cancelled": "{title}: работа остановлена. То, что было в сети, не изменилось. Чтобы начать снова, напишите мне.",
    "told_waits": "{title} ждёт {names}. Оператор задаёт это так: slipway secret set {project} {first}",
    "error_budget": "Деньги на {project} закончились ({used} из {limit} USD). Попросите оператора увеличить бюджет.",
    "error_model_key": "Ключ модели не принят. Попросите оператора задать верный и отправьте сообщение ещё раз.",
    "error_model_busy": "Модель сейчас занята. Отправьте сообщение ещё раз через минуту.",
    "error_no_earlier": "У {project} нет прежней рабочей версии, всё остаётся как есть. Чтобы изменить: /change {project} что",
    "error_try_again": "Сейчас не вышло: {what}. Отправьте ещё раз через минуту.",
    "error_needs_person": "Не могу продолжить: {what}",
    "error_broken": "Здесь что-то сломано: {what}. Скажите оператору; ничего вашего не пропало.",
    "error_unexpected": "У меня что-то пошло не так ({reference}). Сообщите оператору этот номер; можно попробовать ещё раз.",
}

LANGUAGES: dict[str, dict[str, str]] = {"en": ENGLISH, "ru": RUSSIAN}


def spoken(tag: str | None) -> str:
    """Return the language that ships for a BCP 47 tag like ru-RU; English when none does."""
    language = (tag or "").lower().split("-")[0]
    return language if language in LANGUAGES else "en"


def say(language: str, key: str, **fields: object) -> str:
    """Return the text in the person's language, its fields filled in."""
    return LANGUAGES[spoken(language)][key].format(**fields)


def explain(language: str, error: SlipwayError) -> str:
    """Return one clear sentence on the error, with the next thing to do, by who must act."""
    match error:
        case BudgetSpent():
            project, limit, used = error.args
            return say(language, "error_budget", project=project, limit=f"{limit:.2f}", used=f"{used:.2f}")
        case ModelKeyRefused():
            return say(language, "error_model_key")
        case ModelOverloaded():
            return say(language, "error_model_busy")
        case NothingToRollBackTo():
            return say(language, "error_no_earlier", project=error.args[0])
        case _:
            family = next((key for kind, key in FAMILIES.items() if isinstance(error, kind)), "error_broken")
            return say(language, family, what=str(error))


FAMILIES: dict[type[SlipwayError], str] = {TryAgain: "error_try_again", NeedsPerson: "error_needs_person"}
