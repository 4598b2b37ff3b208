"""Texts for the operator, in Russian."""

OPERATORS_RUSSIAN: dict[str, str] = {
    "op_failed_run": "Работа «{name}» сорвалась. Причина, по-английски: {why}",
    "op_given_up": "Работа «{name}» прекращена: её процесс падал снова и снова. Причина, по-английски: {why}",
    "op_hangs": "Одна из работ идёт уже {hours} ч и не заканчивается: найдите в Prefect самую давнюю из идущих и, если она "
    "зависла, отмените её там.",
    "op_dead_watch": "За приложениями никто не следит: наблюдение молчит уже {seconds} с. Посмотрите журнал runner и запустите "
    "`slipway up` снова.",
    "op_cut_off": "{project}: нет связи с тем, что нужно ему снаружи; прежняя версия не помогла бы, поэтому я ничего не "
    "возвращал. Причина, по-английски: {why}",
    "op_platform": "Плохо сразу многим приложениям: {unwell} из {watched}. Посмотрите машину и её движок (`slipway doctor`); "
    "ничего не возвращено.",
    "op_failed_to_act": "Автоматика «{name}» не сработала ({what}). Причина, по-английски: {why}",
    "op_few_bots": "Свободных ботов в запасе: {free} из {all}. `slipway bots add` добавит ещё одного.",
    "op_joined": "{person} вошёл по приглашению {number}; `{command}` закроет доступ.",
    "op_day": "{person} потратил {usd} USD, свой предел на день: новое можно начать с {until}.",
    "op_month": "{person} потратил {usd} USD, свой предел на месяц: новое можно начать с {until}.",
    "op_human": "{person} просит помощи человека: {why}",
    "op_digest": "Slipway, {day}: что было с {since}",
    "op_no_projects": "Проекты: пока нет",
    "op_projects": "Проекты:",
    "op_failed": "Не получилось:",
    "op_alarms": "Тревоги:",
    "op_waits": "Ждут человека:",
    "op_spent": "Потрачено на модели: {usd} USD, обращений: {calls}",
    "op_disk": "Диск: свободно {free} ГБ из {total}",
    "op_more": "и ещё {number}",
    "op_serves": "работает версия {number}",
    "op_went_online": "вышло в сеть: {number}",
    "op_releases_failed": "не запустилось: {number}",
    "op_rollbacks": "возвратов: {number}",
    "op_usd": "{usd} USD",
    "op_other": "по-английски: {what}",
}
