"""Texts about what a project has been and may become, in Russian."""

UPKEEP_RUSSIAN: dict[str, str] = {
    "command_history": "Версии проекта и возврат к ним",
    "command_preview": "Предпросмотры: открыть, отправить, убрать",
    "command_down": "Удалить проект со всем, что у него есть",
    "look_history": "🕘 Версии",
    "look_preview": "🔎 Предпросмотр",
    "look_down": "🗑 Удалить",
    "history": "{title}: версии, новые сверху. Кнопка возвращает к версии.",
    "history_none": "{title}: в сети ещё ничего не было.",
    "preview_up": "{title}: предпросмотр {number}, до {until}",
    "preview_starting": "Он только запускается.",
    "preview_none": "{title}: предпросмотров сейчас нет.",
    "preview_drop": "Убрать",
    "preview_dropped": "{title}: предпросмотр {number} убран. В сети всё по-прежнему.",
    "preview_stays": "{title}: этот предпросмотр убрать нельзя: он закончился или как раз выходит в сеть. /preview покажет, "
    "какие есть.",
    "down_sure": "Удалить «{title}» ({project}) вместе с кодом, данными, секретами и адресами? Вернуть это не сможет никто.",
    "down_yes": "Удалить {project} навсегда",
    "down_begins": "Удаляю {project}. Сначала остановлю то, что над ним работает.",
    "down_done": "{title}: проект удалён. Сколько он стоил, осталось в учёте.",
}
