"""Тексты о push и то, что говорится в issues GitHub, по-русски. Markdown там, где говорится в них."""

GITHUB_RUSSIAN: dict[str, str] = {
    "why_locked": "push меняет файлы, которые принадлежат платформе",
    "why_red": "отправленный коммит не проходит свои тесты и проверки",
    "why_diverged": "в отправленном коммите нет того, что уже в сети",
    "next_push": "Исправьте и отправьте снова; то, что было в сети, работает как раньше.",
    "choose_approve": "Одобрить изменение",
    "github_stranger": "Спасибо, @{person}. Просить Slipway о чём-либо здесь могут только те, кто может писать в этот "
    "репозиторий; кто-нибудь из них может сказать это за вас.",
    "github_brief": "Вот что я сделаю для **{project}**. `/slipway approve` начинает работу; другие слова в issue и метка ещё "
    "раз дадут другой вариант.",
    "github_begun": "Работа началась (запуск `{run}`). Чем она закончится, я напишу здесь; `/slipway status` покажет больше, "
    "`/slipway cancel` остановит.",
    "github_at_work": "Над этим issue уже идёт запуск `{run}`: `/slipway status` покажет, как дела.",
    "github_nothing": "В этом issue ничто не ждёт вашего слова: поставьте метку `{label}`, и я запишу, что сделаю.",
    "github_old": "{project} изменился с тех пор, как я это записал. Снимите метку `{label}` и поставьте снова: тогда я прочту "
    "всё заново.",
    "github_no_brief": "Я не смог составить план по этому issue. Скажите другими словами, снимите метку `{label}` и "
    "поставьте снова.",
    "github_ended_delivered": "✅ {title} в сети. Чтобы изменить: issue с меткой `{label}`.",
    "github_ended_failed": "❌ {title}: работа не закончена, {why}. То, что было в сети, работает как раньше. Скажите другими "
    "словами, снимите метку `{label}` и поставьте снова.",
    "github_ended_cancelled": "⏹ {title}: работа остановлена. То, что было в сети, не изменилось.",
    "github_goes_back": "{project} возвращается к прежнему выпуску.",
    "github_taken_back": "↩️ {title}: выпуск {bad} снят, снова работает выпуск {good}. Причина: {why}.",
    "github_unwell": "⚠️ {title}: выпуск {bad} не в порядке, и сам я от него не ушёл. `/slipway rollback` попробует ещё раз; "
    "`slipway history {project}` скажет причину тем, у кого работает этот Slipway.",
    "github_cancelled": "Запуск `{run}` остановлен. То, что было в сети, работает как раньше.",
    "github_dropped": "То, что я здесь предложил, отменено.",
    "github_answered": "Запуск `{run}` продолжает с этим.",
    "github_approved": "Одобрено: запуск `{run}` продолжает ровно с этим изменением.",
    "github_no_such_change": "Ни один запуск {project} не ждёт слова об этом изменении. Посмотрите digest в его вопросе.",
    "github_owners_word": "Изменения файлов платформы одобряют те, кто администрирует этот репозиторий.",
    "github_status": "**{project}**: {serving}",
    "github_serves": "выпуск {number} в сети: {address}",
    "github_serves_none": "в сети ничего нет",
    "github_run": "- запуск `{run}`: {state}",
    "github_secrets": "Чтобы разместить «{title}», нужно: {names}. Значения здесь не пишут: их задаст тот, у кого работает "
    "этот Slipway, командой `slipway secret set {project} {first}`, и работа продолжится сама.",
    "github_answers": "Ответьте здесь одним из этих:\n{choices}",
    "github_help": "Я знаю `/slipway status`, `/slipway approve`, `/slipway cancel`, `/slipway rollback` (или `rollback v3`) и "
    "`/slipway answer CHOICE слова`.",
    "github_held": "Push от {person} в {repository} ({commit}) будет проверен сам, но позже: {why}",
    "github_large": "Push от {person} в {repository} ({commit}) не забран: в нём больше {most} МБ. Уберите большие файлы из "
    "его истории и отправьте снова.",
    "github_unfetched": "Push от {person} в {repository} ({commit}) не удалось забрать: {why}",
    "github_moved": "Репозиторий {former} проекта {project} теперь называется {repository}: после "
    "`slipway repository {project} {repository}` Slipway продолжит там.",
    "github_diverged": "В push от {person} в {repository} ({commit}) нет того, что уже в сети у {project}. С ним ничего не "
    "сделано: заберите изменения (pull), объедините и отправьте снова.",
}
