"""Updates of every kind that the Bot API has, and of some that it has not: odd ones, and what a person is to read."""

from typing import Any

USER = {"id": 5, "is_bot": False, "first_name": "Zoe"}
PHOTO = [{"file_id": "none", "file_unique_id": "u", "width": 90, "height": 90}]
FILE = {"file_id": "none", "file_unique_id": "u"}
SOUND = FILE | {"duration": 1}
UNREAD = "I cannot make use of"
READ = "waiting for its turn"
GROUP = {"id": -100500, "type": "supergroup", "title": "Team"}

ELSEWHERE = {"type": "hidden_user", "sender_user_name": "X", "date": 1}
PINNED = {"message_id": 1, "date": 0, "chat": {"id": 1001, "type": "private"}}
POLL = {
    "id": "1", "question": "q", "options": [], "total_voter_count": 0, "is_closed": True, "is_anonymous": True,
    "type": "regular", "allows_multiple_answers": False, "allows_revoting": True, "members_only": False,
}  # fmt: skip


def command(text: str) -> dict[str, Any]:
    return {"text": text, "entities": [{"type": "bot_command", "offset": 0, "length": len(text)}]}


PRIVATE: dict[str, tuple[dict[str, Any], str]] = {
    "topic": ({"text": "topic", "message_thread_id": 7, "is_topic_message": True}, READ),
    "forwarded": ({"text": "forwarded", "forward_origin": {"type": "user", "sender_user": USER, "date": 1}}, READ),
    "forwarded from somebody hidden": (
        {"text": "hidden", "forward_origin": ELSEWHERE},
        READ,
    ),
    "forwarded from a channel": (
        {
            "text": "channel",
            "forward_origin": {"type": "channel", "chat": GROUP | {"type": "channel"}, "message_id": 1, "date": 1},
        },
        READ,
    ),
    "by another bot": ({"text": "inline", "via_bot": {"id": 9, "is_bot": True, "first_name": "Gif"}}, READ),
    "quote of what is elsewhere": (
        {"text": "quote", "quote": {"text": "x", "position": 0}, "external_reply": {"origin": ELSEWHERE}},
        READ,
    ),
    "reply to what is deleted": ({"text": "reply", "reply_to_message": PINNED}, READ),
    "effect": ({"text": "effect", "effect_id": "1", "has_protected_content": True, "is_from_offline": True}, READ),
    "unknown command": (command("/nothing"), "Write what you want"),
    "command for another bot": (command("/help@other_bot"), "Write what you want"),
    "a slash alone": ({"text": "/"}, "no words"),
    "only an emoji": ({"text": "🎉"}, "no words"),
    "only what cannot be seen": ({"text": "\u2063\u200b"}, "no words"),
    "sticker": (
        {"sticker": FILE | {"type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False}},
        f"{UNREAD} stickers",
    ),
    "dice": ({"dice": {"emoji": "🎲", "value": 1}}, UNREAD),
    "video": ({"video": SOUND | {"width": 1, "height": 1}, "caption": "like this"}, UNREAD),
    "video note": ({"video_note": SOUND | {"length": 1}}, UNREAD),
    "animation": ({"animation": SOUND | {"width": 1, "height": 1}, "document": FILE}, UNREAD),
    "voice": ({"voice": SOUND}, "voice messages"),
    "audio": ({"audio": SOUND | {"file_name": "../../x\u202e.mp3"}}, "voice messages"),
    "place": ({"location": {"latitude": 1.0, "longitude": 1.0}}, UNREAD),
    "venue": ({"venue": {"location": {"latitude": 1.0, "longitude": 1.0}, "title": "t", "address": "a"}}, UNREAD),
    "contact": ({"contact": {"phone_number": "+1", "first_name": "Z"}}, UNREAD),
    "poll": (
        {"poll": POLL},
        UNREAD,
    ),
    "game": ({"game": {"title": "t", "description": "d", "photo": PHOTO}}, UNREAD),
    "invoice": (
        {"invoice": {"title": "t", "description": "d", "start_parameter": "", "currency": "USD", "total_amount": 1}},
        UNREAD,
    ),
    "story": ({"story": {"chat": GROUP, "id": 1}}, UNREAD),
    "paid media": ({"paid_media": {"star_count": 1, "paid_media": []}}, UNREAD),
    "giveaway": ({"giveaway": {"chats": [GROUP], "winners_selection_date": 1, "winner_count": 1}}, UNREAD),
    "kind of the future": ({"hologram": {"depth": 3}}, UNREAD),
    "document that is gone": ({"document": FILE | {"file_name": "a.txt"}}, "a.txt any more. Send it again"),
    "document with an odd name": (
        {"document": FILE | {"file_name": "../" * 40 + "\u202e\n<b>&.txt", "mime_type": "x" * 300, "file_size": 0}},
        "any more. Send it again",
    ),
    "document without a name": ({"document": FILE, "caption": "build this"}, "any more. Send it again"),
    "photo that is gone": ({"photo": PHOTO}, "any more. Send it again"),
    "photo without sizes": ({"photo": []}, UNREAD),
    "part of an album": ({"photo": PHOTO, "media_group_id": "7", "caption": "both"}, "any more. Send it again"),
    "pinned": ({"pinned_message": PINNED}, ""),
    "timer": ({"message_auto_delete_timer_changed": {"message_auto_delete_time": 60}}, ""),
    "write access": ({"write_access_allowed": {}}, ""),
}
"""What comes in a private chat, and what its person reads; "" is news of the chat itself, which nobody answers."""


PRESSES: dict[str, dict[str, Any]] = {
    "of a message that is gone": {"message": PINNED, "data": "stop:r-1234567890"},
    "of no message": {"data": "/down notes"},
    "of an inline message": {"inline_message_id": "1", "data": "/status"},
    "of a game": {"game_short_name": "snake"},
    "without data": {"message": PINNED},
    "with far too much": {"message": PINNED, "data": "x" * 5000},
    "with what looks like ours": {"message": PINNED, "data": "0" * 20},
    "in a group": {"message": PINNED | {"chat": GROUP}, "data": "build:r-1"},
    "with an action": {"message": PINNED, "data": "ask:r-1:1:stop"},
}


def in_group(**content: Any) -> dict[str, Any]:
    return {"message_id": 9, "date": 1, "chat": GROUP, **content}


COMMAND = command("/help")
ADMIN = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
OUTSIDE: tuple[dict[str, Any], ...] = (
    {"message": in_group(text="hello", **{"from": USER})},
    {"message": in_group(text="hello", sender_chat=GROUP, **{"from": ADMIN})},
    {"message": in_group(migrate_to_chat_id=-100501, **{"from": USER})},
    {"message": in_group(migrate_from_chat_id=-500, **{"from": USER})},
    {"message": in_group(new_chat_members=[{"id": 42, "is_bot": True, "first_name": "Slipway"}], **{"from": USER})},
    {"message": in_group(left_chat_member=USER, **{"from": USER})},
    {"message": in_group(forum_topic_created={"name": "t", "icon_color": 1}, message_thread_id=3, **{"from": USER})},
    {"edited_message": in_group(text="hello", edit_date=2, **{"from": USER})},
    {"channel_post": in_group(text="news", sender_chat=GROUP)},
    {"edited_channel_post": in_group(text="news", sender_chat=GROUP, edit_date=2)},
    {"inline_query": {"id": "1", "from": USER, "query": "x", "offset": ""}},
    {"poll": POLL},
    {"message_reaction": {"chat": GROUP, "message_id": 1, "user": USER, "date": 1, "old_reaction": [], "new_reaction": []}},
    {
        "my_chat_member": {
            "chat": {"id": 1001, "type": "private"},
            "from": USER,
            "date": 1,
            "old_chat_member": {"user": USER, "status": "member"},
            "new_chat_member": {"user": USER, "status": "kicked", "until_date": 0},
        }
    },
    {"business_message": in_group(text="hi", **{"from": USER}, business_connection_id="b")},
    {"deleted_business_messages": {"business_connection_id": "b", "chat": GROUP, "message_ids": [1]}},
    {"kind_of_the_future": {"id": 1}},
    {},
)


WHOLE: tuple[dict[str, Any], ...] = (
    *(
        {"message": {"message_id": 1, "date": 1, "chat": {"id": 5, "type": "private"}, "from": USER, **content}}
        for content, _ in PRIVATE.values()
    ),
    *({"callback_query": {"id": "1", "from": USER, "chat_instance": "1", **content}} for content in PRESSES.values()),
    *OUTSIDE,
)
