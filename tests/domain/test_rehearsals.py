"""What a copy under rehearsal is given."""

from domain.rehearsals import among_ourselves

REAL = "8123456789:AAF-what_BotFather_said-0123456789abc"
WORLD = {"TELEGRAM_BOT_TOKEN": "1:made-up", "TELEGRAM_API_URL": "http://172.18.0.1:9"}


def test_bot_under_rehearsal_has_no_real_token_whatever_it_calls_it() -> None:
    given = {
        "TELEGRAM_BOT_TOKEN": REAL,
        "BOT_TOKEN": REAL,
        "PORT": "8000",
        "LINK": f"https://x/{REAL}",
        "RATE": "10:30",
        "DB": "db://u1:" + "p" * 32,
    }
    assert among_ourselves(given, WORLD, "1:made-up") == {
        "TELEGRAM_BOT_TOKEN": "1:made-up",
        "TELEGRAM_API_URL": "http://172.18.0.1:9",
        "BOT_TOKEN": "1:made-up",
        "PORT": "8000",
        "LINK": "https://x/1:made-up",
        "RATE": "10:30",
        "DB": "db://u1:" + "p" * 32,
    }
