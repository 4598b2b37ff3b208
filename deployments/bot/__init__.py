"""The Telegram bot: what comes in, what it means, what goes out and how it looks in a chat."""
