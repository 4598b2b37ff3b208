"""Who provides a variable: comments decide, then known names, then a plain default; in doubt it is the user."""

import base64
import re
from collections.abc import Collection, Mapping

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter

from domain.addons import addons_of
from domain.dotenv import Declared, declared, marks, references, without_references
from domain.environment import COMPUTED_NAMES, Requirements, Source, Variable
from domain.errors import BadInput
from domain.json_text import read_json
from domain.names import EnvName
from domain.resources import ResourceKind
from domain.values import Value

_SERVICES = (
    "ANTHROPIC|APIFY|AUTH0|AWS|AZURE|BOT|CLOUDFLARE|CLOUDINARY|COHERE|DEEPL|DIGITALOCEAN|DISCORD|DROPBOX|ELEVENLABS|FACEBOOK|FCM"
    "|FIREBASE|GEMINI|GITHUB|GITLAB|GOOGLE|GROQ|HF|HUGGINGFACE|IMAP|LINEAR|MAILCHIMP|MAILGUN|MAPBOX|MISTRAL|NOTION|NPM|OAUTH"
    "|OPENAI|OPENROUTER|OPENWEATHER|OPENWEATHERMAP|PAYPAL|PINECONE|POSTMARK|PUSHER|RESEND|S3|SENDGRID|SENTRY|SHOPIFY|SLACK"
    "|SMTP|SPOTIFY|STRIPE|SUPABASE|TELEGRAM|TWILIO|TWITTER|VK|WHATSAPP|YANDEX|YOUTUBE"
)
_SETTING = (
    r"ALGORITHM|ALG|ISSUER|AUDIENCE|NAME|DOMAIN|PATH|SECURE|SAMESITE|TYPE|BACKEND|STORE|TTL|LIFETIME|TIMEOUT|MAX_AGE|LENGTH"
    r"|EXPIR\w*|\w*(?:SECONDS|MINUTES|HOURS|DAYS)"
)
_KNOWN: tuple[tuple[str, Source], ...] = (
    (rf"(?:{_SERVICES})_\w+", Source.USER),
    (r"(?:\w+_)?(?:CLIENT|CONSUMER)_(?:SECRET|ID|KEY)|(?:\w+_)?(?:PRIVATE|PUBLIC|ACCESS)_KEY", Source.USER),
    (rf"(?:JWT|SESSION|COOKIE|CSRF)_(?:\w+_)?(?:{_SETTING})", Source.DEFAULT),
    (r"DATABASE_URL|(?:\w+_)?SECRET(?:_KEY)?(?:_BASE)?|(?:SESSION|JWT|COOKIE|CSRF)_\w+", Source.INFRA),
    (r"(?:\w+_)?(?:ENCRYPTION|SIGNING|FERNET|HMAC)_KEY|APP_KEY|(?:\w+_)?(?:SALT|PEPPER)", Source.INFRA),
    (r"PORT|HOST|DATA_DIR|BASE_URL|PUBLIC_URL|APP_URL|SITE_URL|EXTERNAL_URL|PUBLIC_HOST|APP_DOMAIN", Source.COMPUTED),
    (r"(?:\w+_)?(?:TOKEN|API_KEY|APIKEY|PASSWORD|PASSWD|PASSPHRASE|DSN|CREDENTIALS?)", Source.USER),
    (r"LOG_LEVEL|DEBUG|ENVIRONMENT|ENV|TZ|LANG|WEB_CONCURRENCY|WORKERS|PYTHON\w+", Source.DEFAULT),
)
"""Whole names, first match wins: outside services before our own secrets, so that STRIPE_WEBHOOK_SECRET is asked for."""

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASS|PWD|CREDENTIAL|PRIVATE|AUTH|DSN|WEBHOOK", re.I)
_SECRET_VALUE = re.compile(
    r"(?=\S*[a-z])(?=\S*[0-9])(?=\S*[A-Z])[\w+/=.-]{24,}|[0-9a-f]{32,}|\w+://[^/\s:@]*:[^/\s@]+@.+|-----BEGIN.*", re.S
)
_BLANK_VALUE = re.compile(
    r"<.*>|\S*(?:x{3,}|\.{3,}|\*{3,})|(?:your|my|replace|change|insert|enter)[-_ ]?\w.*|changeme|todo|tbd|none|null", re.I
)


class _AppVariable(Value):
    """One entry of `env` in app.json (https://devcenter.heroku.com/articles/app-json-schema#env)."""

    model_config = ConfigDict(extra="ignore")

    value: str | int | float | bool | None = None
    required: bool = True
    generator: str = ""
    description: str = ""


_APP_ENV: TypeAdapter[dict[EnvName, _AppVariable | str]] = TypeAdapter(dict[EnvName, _AppVariable | str])


class _App(Value):
    model_config = ConfigDict(extra="ignore")

    env: dict[str, JsonValue] = Field(default_factory=dict)


def requirements(env_example: str, app_json: str = "", decided: Mapping[str, Source] | None = None) -> Requirements:
    """Merge both files: what `.env.example` says of a variable comes before app.json; order of first mention.

    `decided` counts where the files leave it to a guess. The address of an addon is a secret that is made, whatever they say.
    """
    app = _app_variables(app_json) if app_json.strip() else {}
    named = {entry.name: entry for entry in declared(env_example)}
    addons = {addon.variable: addon.kind for addon in addons_of(app_json)}
    names = list(dict.fromkeys((*named, *app, *addons)))
    return Requirements(
        variables=tuple(
            _address(name, addons[name])
            if name in addons
            else _variable(named.get(name) or Declared(name=name), app.get(name), frozenset(names), decided or {})
            for name in names
        )
    )


def source_of(name: str, default: str | None, others: Collection[str] = ()) -> Source | None:
    """Decide by name, then by the default; None when neither says anything. `others` are the names that are declared.

    What is put together from other variables is a default, since nobody's secret is written like that.
    """
    known = next((source for pattern, source in _KNOWN if re.fullmatch(pattern, name, re.I)), None)
    if known in (None, Source.USER) and default and _is_derived(name, default, others):
        return Source.DEFAULT
    if known is Source.DEFAULT and default and not is_plain(name, default, secret_name=False):
        return Source.USER
    return known or (Source.DEFAULT if is_plain(name, default) else None)


def _is_derived(name: str, default: str, others: Collection[str]) -> bool:
    named = set(references(default))
    plain = _SECRET_VALUE.fullmatch(without_references(default)) is None
    return bool(named) and plain and name not in named and named <= {*others, *COMPUTED_NAMES}


def is_plain(name: str, default: str | None, secret_name: bool = True) -> bool:
    """Tell whether the default may be used as it stands: there, no stand-in like `changeme`, nothing like a secret."""
    if not default or _BLANK_VALUE.fullmatch(default.strip()):
        return False
    return not (secret_name and _SECRET_NAME.search(name)) and not _SECRET_VALUE.fullmatch(default.strip())


def looks_secret(text: str) -> bool:
    """Tell whether the text is like a secret by its looks alone."""
    return _SECRET_VALUE.fullmatch(text.strip()) is not None


def shaped_secret(name: str, entropy: bytes) -> str:
    """Turn 32 random bytes into a value of the shape that the name asks for: Fernet key, hex or URL-safe text."""
    encoded = base64.urlsafe_b64encode(entropy).decode()
    if "FERNET" in name.upper():
        return encoded
    return entropy.hex() if re.search(r"KEY$|SALT$", name, re.I) else encoded.rstrip("=")


def is_database(variable: Variable) -> bool:
    """Tell whether it is the app's own database, which is a file in its data folder and no secret."""
    return variable.source is Source.INFRA and variable.name == "DATABASE_URL" and variable.addon is None


def _app_variables(text: str) -> dict[str, _AppVariable]:
    try:
        entries = _APP_ENV.validate_python(_App.model_validate(read_json(text)).env)
    except ValueError as error:
        raise BadInput(f"app.json cannot be read: {str(error)[:300]}") from None
    return {name: entry if isinstance(entry, _AppVariable) else _AppVariable(value=entry) for name, entry in entries.items()}


def _variable(entry: Declared, app: _AppVariable | None, names: frozenset[str], decided: Mapping[str, Source]) -> Variable:
    described, described_source, described_optional = marks(app.description if app else "")
    default = entry.default or _text(app.value if app else None) or entry.default
    generated = Source.INFRA if app and app.generator == "secret" else None
    said = entry.source or described_source or generated or source_of(entry.name, default, names)
    source = said or decided.get(entry.name, Source.USER)
    if said is None and source is Source.DEFAULT and not is_plain(entry.name, default, secret_name=False):
        default = None  # a stand-in, or nothing: the app is to do without
    return Variable(
        name=entry.name,
        source=source,
        default=default,
        comment=entry.comment or described,
        required=not (entry.optional or described_optional or (app is not None and not app.required)),
        guessed=said is None and entry.name not in decided,
    )


def _address(name: str, kind: ResourceKind) -> Variable:
    return Variable(name=name, source=Source.INFRA, comment=f"address of the project's own {kind.value}", addon=kind)


def _text(value: str | int | float | bool | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
