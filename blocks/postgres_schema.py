"""The schema of a project's Postgres, in the form in which `domain.snapshots.moved` reads it."""

import hashlib

import asyncpg

from domain.app_data import Schema
from domain.errors import ServiceUnreachable

ANSWER_SECONDS = 60.0
PLAIN = {"search_path": ""}
"""The server writes every name in full then, whatever the app has set for its role."""
OWN = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
LOOSE = "NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')"
"""It is no part of an extension: that is one line of its own."""

TABLES = f"""
SELECT 'table', n.nspname, o.relname, concat_ws(' ', (
    SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
        a.attgenerated, pg_get_expr(f.adbin, f.adrelid)), ', ' ORDER BY a.attnum)
    FROM pg_attribute a LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    WHERE a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
), (SELECT string_agg(concat_ws(' ', c.conname, pg_get_constraintdef(c.oid)), ', ' ORDER BY c.conname)
    FROM pg_constraint c WHERE c.conrelid = o.oid))
FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace WHERE o.relkind IN ('r', 'p', 'f') AND {OWN} AND {LOOSE}
"""  # noqa: S608 - of constants
INDEXES = f"""
SELECT CASE WHEN i.indisunique THEN 'unique-index' ELSE 'index' END, n.nspname, o.relname, pg_get_indexdef(o.oid)
FROM pg_index i JOIN pg_class o ON o.oid = i.indexrelid JOIN pg_namespace n ON n.oid = o.relnamespace
WHERE {OWN} AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = o.oid)
"""  # noqa: S608
VIEWS = f"""
SELECT 'view', n.nspname, o.relname, pg_get_viewdef(o.oid)
FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace WHERE o.relkind IN ('v', 'm') AND {OWN} AND {LOOSE}
"""  # noqa: S608
TRIGGERS = f"""
SELECT 'trigger', n.nspname, t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
FROM pg_trigger t JOIN pg_class o ON o.oid = t.tgrelid JOIN pg_namespace n ON n.oid = o.relnamespace
WHERE NOT t.tgisinternal AND {OWN}
"""  # noqa: S608
FUNCTIONS = f"""
SELECT 'function', n.nspname, o.proname,
    concat_ws(' ', pg_get_function_identity_arguments(o.oid), pg_get_function_result(o.oid), o.prosrc)
FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace WHERE {OWN} AND {LOOSE}
"""  # noqa: S608
TYPES = f"""
SELECT 'type', n.nspname, o.typname, concat_ws(' ', nullif(format_type(o.typbasetype, o.typtypmod), '-'),
    (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = o.oid),
    (SELECT string_agg(pg_get_constraintdef(c.oid), ', ' ORDER BY c.conname) FROM pg_constraint c WHERE c.contypid = o.oid))
FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace WHERE o.typtype IN ('e', 'd') AND {OWN} AND {LOOSE}
"""  # noqa: S608
SEQUENCES = f"""
SELECT 'sequence', n.nspname, o.relname, format_type(s.seqtypid, NULL)
FROM pg_sequence s JOIN pg_class o ON o.oid = s.seqrelid JOIN pg_namespace n ON n.oid = o.relnamespace
WHERE {OWN} AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype IN ('a', 'i', 'e'))
"""  # noqa: S608
EXTENSIONS = "SELECT 'extension', 'public', extname, extversion FROM pg_extension WHERE extname <> 'plpgsql'"
EVERYTHING = " UNION ALL ".join((TABLES, INDEXES, VIEWS, TRIGGERS, FUNCTIONS, TYPES, SEQUENCES, EXTENSIONS))


async def postgres_schema(url: str, name: str) -> Schema:
    """Return `postgres <kind> <name> <digest>` of each object; raise ServiceUnreachable, of `name`, when it does not answer.

    A column's own sequence and a constraint's own index belong to their table.
    """
    try:
        connection = await asyncpg.connect(url, timeout=ANSWER_SECONDS, command_timeout=ANSWER_SECONDS, server_settings=PLAIN)
        try:
            rows = await connection.fetch(EVERYTHING)
        finally:
            connection.terminate()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise ServiceUnreachable(name, "reading its schema", f"{type(error).__name__}: {error}") from error
    return tuple(sorted(_line(*row) for row in rows))


def _line(kind: str, space: str, name: str, text: str) -> str:
    shown = "_".join((name if space == "public" else f"{space}.{name}").split())
    return f"postgres {kind} {shown} {hashlib.sha256(' '.join(text.split()).encode()).hexdigest()[:16]}"
