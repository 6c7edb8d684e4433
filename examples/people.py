#!/usr/bin/env python3
"""Keeps a local table of Ortto's people and counts them by country.

    ORTTO_API_KEY=... python3 examples/people.py [DATABASE]

Needs nothing but Python's own sqlite3, if that was built with loadable extensions, as Debian's and
Homebrew's are. Apple's is not, nor is pyenv's unless told otherwise: they have no enable_load_extension;
the packages apsw and pysqlite3-binary are other ways out. The version that counts (3.38 or newer) is
sqlite3.sqlite_version, which is not that of the sqlite3 shell.

Python keeps Ctrl-C waiting until the running step of a query is over; run() shows a way around that.
ORTTO_EXTENSION names the extension if it is not ./ortto.
"""
import os
import sqlite3
import sys
import threading


def connect(path):
    # isolation_level=None: Python begins no transactions of its own.
    con = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    if not hasattr(con, "enable_load_extension"):
        sys.exit("people.py: this Python was built without loadable extensions for sqlite3")
    con.enable_load_extension(True)
    con.load_extension(os.environ.get("ORTTO_EXTENSION", "./ortto"))
    con.enable_load_extension(False)
    return con


def run(con, sql):
    """All rows of a statement, so that Ctrl-C ends it at once.

    Python looks at signals only between its own steps, and a long fetch is one step. So the
    statement runs in a thread, and the thread that waits for it can interrupt it.
    """
    result = {}

    def work():
        try:
            result["rows"] = con.execute(sql).fetchall()
        except sqlite3.Error as error:
            result["error"] = error

    thread = threading.Thread(target=work)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        con.interrupt()
        thread.join()
        raise
    if "error" in result:
        raise result["error"]
    return result["rows"]


def main():
    con = connect(sys.argv[1] if len(sys.argv) > 1 else ":memory:")
    run(con, "SELECT ortto_sync('ortto_people', 'people')")   # goes on where Ctrl-C stopped it
    for country, people in run(con, """
            SELECT coalesce(country, '(unknown)'), count(*) FROM people
             GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5"""):
        print(f"{people:6} {country}")


if __name__ == "__main__":
    try:
        main()
    except sqlite3.Error as error:
        sys.exit(f"people.py: {error}")
    except KeyboardInterrupt:
        sys.exit("people.py: interrupted")
