"""Texts about files, photos, voice, and what nobody reads, in English."""

FILES_ENGLISH: dict[str, str] = {
    "file_what": "I have {names}. What shall I do with it? Say it in one message.",
    "file_command": "{command} takes no files, so I did nothing. I have {names}: say in one message what I shall do with it, "
    "and send {command} once more without a file.",
    "file_here": "Here is what you asked for: {names}",
    "file_too_big": "{name} is too large: {detail}.",
    "file_too_many": "These are too many files for one request: {detail}. I left {name} out; send less at once.",
    "file_empty": "{name} is empty. Send it again.",
    "file_unknown": "I cannot read {name}. I read text (UTF-8, like CSV, JSON or Markdown), zip files and pictures (PNG, JPEG, "
    "GIF, WebP).",
    "file_photo_big": "The picture {name} is larger than I can look at: {detail}. Send it as a photo, not as a file.",
    "file_broken": "{name} is no zip that I can open. Pack it again, without a password.",
    "file_unsafe": "I do not unpack {name}: it holds {detail}. Pack only plain files and folders.",
    "file_bomb": "I do not unpack {name}, it is too large inside. Send only what is needed.",
    "file_credential": "{name} holds what looks like a secret ({detail}), so I did not keep it. Send it without.",
    "file_gone": "I do not keep {name} any more. Send it again.",
    "voice_none": "I cannot listen to voice messages here. Write what you want, please.",
    "voice_nothing": "I could not make out that voice message. Write what you want, please.",
    "voice_heard": "I heard: “{text}”",
    "voice_use": "That is right",
    "voice_drop": "No",
    "voice_dropped": "Then I forget it. Say it again, or write it.",
    "unread": "I cannot make use of {what}. Say in words what you want; I also read text files, zip files and photos.",
    "unread_sticker": "stickers",
    "unread_video": "videos",
    "unread_place": "locations",
    "unread_contact": "contacts",
    "unread_poll": "polls",
    "unread_message": "this kind of message",
    "edited": "I read messages as they are when they come, and not what is changed in them later. Send it as a new message.",
}
