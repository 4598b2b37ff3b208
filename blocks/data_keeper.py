"""Copies what an app keeps, and puts it back. The standard library only: Docker runs this text in a container of its own.

`shelf` is the folder with a project's copies. A copy is made as `.partial` and renamed; a restore is made ready inside the data
folder first, so that what takes long is done before anything is taken away. One process at a time works on a project.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import sys
from typing import Any
from urllib.parse import quote

MAGIC = b"SQLite format 3\0"
SIDES = ("-wal", "-shm", "-journal")
STAGE = ".slipway-restore"
PARTIAL = ".partial"
MB = 1024 * 1024
SPARE = 32 * MB
"""Room that is left on the disk for everybody else."""
BUSY_SECONDS = 30.0


def save(data: str, shelf: str, reference: str, limit_mb: int) -> dict[str, Any]:
    """Copy the data to the shelf; a copy of this name is replaced."""
    os.makedirs(shelf, mode=0o700, exist_ok=True)
    partial = os.path.join(shelf, PARTIAL)
    wipe(partial)
    if lack := shortage(size_of(data), shelf, limit_mb):
        return lack
    os.mkdir(partial, 0o700)
    copy_tree(data, partial)
    found = {"bytes": size_of(partial), "schema_lines": schema(partial)}
    target = os.path.join(shelf, reference)
    wipe(target)
    os.rename(partial, target)
    return found


def restore(data: str, shelf: str, reference: str) -> dict[str, Any]:
    """Put a copy in the place of the data. Done again after a kill it comes to the same."""
    source, stage = os.path.join(shelf, reference), os.path.join(data, STAGE)
    if not os.path.isdir(source):
        return {"unknown": reference}
    os.makedirs(data, mode=0o700, exist_ok=True)
    wipe(stage)
    if lack := shortage(size_of(source), data, 0):
        return lack
    os.mkdir(stage, 0o700)
    copy_tree(source, stage)
    for name in os.listdir(data):
        if name != STAGE:
            wipe(os.path.join(data, name))
    for name in os.listdir(stage):
        os.rename(os.path.join(stage, name), os.path.join(data, name))
    os.rmdir(stage)
    return {}


def fill(data: str, target: str) -> dict[str, Any]:
    """Make the folder a copy of the data; what an interrupted attempt left in it goes first."""
    for name in os.listdir(target):
        wipe(os.path.join(target, name))
    if lack := shortage(size_of(data), target, 0):
        return lack
    copy_tree(data, target)
    return {}


def shortage(needed: int, folder: str, limit_mb: int) -> dict[str, Any]:
    """Return what is missing for a copy of this size; empty when it fits."""
    free = shutil.disk_usage(folder).free
    over = bool(limit_mb) and needed > limit_mb * MB
    if not over and needed + SPARE <= free:
        return {}
    return {"needed_mb": -(-needed // MB), "free_mb": free // MB, "over_limit": over}


def schema(folder: str) -> list[str]:
    """Return one line for each object of each database in the folder."""
    lines = []
    for path in files_of(folder):
        if is_database(path):
            name = os.path.relpath(path, folder).replace("\n", "?")
            lines += [f"{name} {line}" for line in objects_of(path)]
    return sorted(lines)


def objects_of(path: str) -> list[str]:
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    try:
        with contextlib.closing(opened(path)) as database:
            return [_line(*row) for row in database.execute(query)]
    except sqlite3.DatabaseError:
        return ["file unreadable -"]


def _line(kind: str, name: str, sql: str) -> str:
    words = " ".join(sql.split())
    shown = f"unique-{kind}" if words.upper().startswith("CREATE UNIQUE") else kind
    return f"{shown} {name.replace(' ', '_')} {hashlib.sha256(words.encode()).hexdigest()[:16]}"


def copy_tree(source: str, target: str) -> None:
    """Copy folders, files, links and databases; what vanishes meanwhile is left out, and so is what is none of these."""
    for parent, folders, files in os.walk(source):
        if parent == source and STAGE in folders:
            folders.remove(STAGE)
        here = os.path.normpath(os.path.join(target, os.path.relpath(parent, source)))
        for name in [*folders, *files]:
            with contextlib.suppress(FileNotFoundError):
                copy_one(os.path.join(parent, name), os.path.join(here, name))


def copy_one(path: str, target: str) -> None:
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
    elif os.path.isdir(path):
        os.mkdir(target)
        shutil.copymode(path, target)
    elif is_database(path):
        copy_database(path, target)
    elif os.path.isfile(path) and not is_side(path):
        shutil.copyfile(path, target)
        shutil.copystat(path, target)


def copy_database(path: str, target: str) -> None:
    """Copy it as of one moment, by SQLite's own backup; what cannot be read as a database is copied as a file."""
    try:
        with contextlib.closing(opened(path)) as database, contextlib.closing(sqlite3.connect(target)) as copy:
            database.backup(copy)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        shutil.copyfile(path, target)
    shutil.copymode(path, target)


def opened(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, timeout=BUSY_SECONDS)


def is_database(path: str) -> bool:
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def is_side(path: str) -> bool:
    """Tell whether it is what SQLite keeps beside an open database."""
    return any(path.endswith(side) and is_database(path.removesuffix(side)) for side in SIDES)


def files_of(folder: str) -> list[str]:
    return sorted(
        os.path.join(parent, name)
        for parent, _, files in os.walk(folder)
        if STAGE not in parent.split(os.sep)
        for name in files
    )


def size_of(folder: str) -> int:
    total = 0
    for path in files_of(folder):
        with contextlib.suppress(FileNotFoundError):
            total += os.lstat(path).st_size
    return total


def wipe(path: str) -> None:
    """Delete it whatever it is and whatever its permission bits say; nothing happens when it is gone."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        for parent, folders, _ in os.walk(path):
            for name in folders:
                if not os.path.islink(inner := os.path.join(parent, name)):
                    os.chmod(inner, 0o700)
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def main(action: str, data: str, shelf: str, *words: str) -> object:
    """Do one action and return what is to be printed as JSON."""
    match action:
        case "save":
            return save(data, shelf, words[0], int(words[1]))
        case "restore":
            return restore(data, shelf, words[0])
        case "fill":
            return fill(data, shelf)
        case "schema":
            return schema(data)
        case "forget":
            wipe(os.path.join(shelf, words[0]))
            return None
    raise SystemExit(f"unknown action {action}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
