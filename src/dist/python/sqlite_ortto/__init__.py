"""Ortto's contacts, accounts, audiences and more as tables of SQLite.

    import sqlite3, sqlite_ortto
    db = sqlite3.connect("crm.db")
    sqlite_ortto.load(db)
    db.execute("SELECT count(*) FROM ortto_people")
"""
import os


def loadable_path() -> str:
    """What load_extension takes; without the file's ending, which SQLite puts there itself."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "ortto")


def load(connection) -> None:
    """Loads it into a connection of sqlite3 (or of what is like it); loading stays off otherwise."""
    connection.enable_load_extension(True)
    try:
        connection.load_extension(loadable_path())
    finally:
        connection.enable_load_extension(False)
