"""Who provides a variable: comments decide, then known names, then a plain default; in doubt it is the user."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from domain.dotenv import Declared, declared, expanded, marks
from domain.environment import EnvironmentVersion, Requirements, Source, Variable
from domain.errors import BadInput
from domain.names import EnvName
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


def requirements(env_example: str, app_json: str = "") -> Requirements:
    """Merge both files: what `.env.example` says of a variable comes before app.json; order of first mention."""
    app = _app_variables(app_json) if app_json.strip() else {}
    named = {entry.name: entry for entry in declared(env_example)}
    return Requirements(
        variables=tuple(
            _variable(named.get(name) or Declared(name=name), app.get(name))
            for name in [*named, *(name for name in app if name not in named)]
        )
    )


def source_of(name: str, default: str | None) -> Source:
    """Decide by name, then by the default."""
    for pattern, source in _KNOWN:
        if re.fullmatch(pattern, name, re.I):
            blank_setting = source is Source.DEFAULT and not is_plain(name, default, secret_name=False)
            return Source.USER if blank_setting and default else source
    return Source.DEFAULT if is_plain(name, default) else Source.USER


def is_plain(name: str, default: str | None, secret_name: bool = True) -> bool:
    """Tell whether the default may be used as it stands: there, no stand-in like `changeme`, nothing like a secret."""
    if not default or _BLANK_VALUE.fullmatch(default.strip()):
        return False
    return not (secret_name and _SECRET_NAME.search(name)) and not _SECRET_VALUE.fullmatch(default.strip())


def shaped_secret(name: str, entropy: bytes) -> str:
    """Turn 32 random bytes into a value of the shape that the name asks for: Fernet key, hex or URL-safe text."""
    encoded = base64.urlsafe_b64encode(entropy).decode()
    if "FERNET" in name.upper():
        return encoded
    return entropy.hex() if re.search(r"KEY$|SALT$", name, re.I) else encoded.rstrip("=")


def plain_value(variable: Variable, context: Mapping[str, str]) -> str | None:
    """Return what a computed or default variable is: from the context, else its default filled from it; else None."""
    if variable.name in context:
        return context[variable.name]
    if variable.default:
        return expanded(variable.default, context)
    if variable.name == "DATABASE_URL":
        return expanded("sqlite:///${DATA_DIR}/app.db", context)
    return {"HOST": "0.0.0.0"}.get(variable.name)  # noqa: S104  inside its own network namespace


def placeholder_values(wanted: Requirements, context: Mapping[str, str]) -> dict[str, str]:
    """Return a value for each variable without any secret: for tests and rehearsals, the same at every call.

    What a person would give is the file's own example, else `placeholder-<name>`.
    """
    return {v.name: value for v in wanted.variables if (value := _placeholder(v, context)) is not None}


def is_rehearsed(version: EnvironmentVersion, wanted: Requirements, context: Mapping[str, str]) -> bool:
    """Tell whether a release with this environment would be, to the letter, what the tester asked its checks of."""
    return not version.secrets and version.plain == placeholder_values(wanted, context)


def _placeholder(variable: Variable, context: Mapping[str, str]) -> str | None:
    plain = plain_value(variable, context)
    if variable.source in (Source.COMPUTED, Source.DEFAULT) or is_database(variable):
        return plain
    if variable.source is Source.INFRA:
        return shaped_secret(variable.name, hashlib.sha256(f"placeholder {variable.name}".encode()).digest())
    return plain if plain and is_plain(variable.name, plain, secret_name=False) else f"placeholder-{variable.name}"


def is_database(variable: Variable) -> bool:
    """Tell whether it is the app's own database, which is a file in its data folder and no secret."""
    return variable.source is Source.INFRA and variable.name == "DATABASE_URL"


def _app_variables(text: str) -> dict[str, _AppVariable]:
    try:
        entries = _APP_ENV.validate_python(_App.model_validate(json.loads(text)).env)
    except (ValidationError, json.JSONDecodeError) as error:
        raise BadInput(f"app.json cannot be read: {str(error)[:300]}") from None
    return {name: entry if isinstance(entry, _AppVariable) else _AppVariable(value=entry) for name, entry in entries.items()}


def _variable(entry: Declared, app: _AppVariable | None) -> Variable:
    described, described_source, described_optional = marks(app.description if app else "")
    default = entry.default or _text(app.value if app else None) or entry.default
    generated = Source.INFRA if app and app.generator == "secret" else None
    return Variable(
        name=entry.name,
        source=entry.source or described_source or generated or source_of(entry.name, default),
        default=default,
        comment=entry.comment or described,
        required=not (entry.optional or described_optional or (app is not None and not app.required)),
    )


def _text(value: str | int | float | bool | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
