#!/usr/bin/env python3
"""A window that keeps a local copy of Ortto's people fresh: with a progress bar, and a button that cancels.

    ORTTO_API_KEY=... python3 examples/window.py [DATABASE]

The sync has a thread and a connection of its own, for it waits for the network. The window reads the database
on another one, and never waits: how far the sync is stands in ortto_sync_state, which needs no extension. A sync
that was cancelled goes on where it stopped. ORTTO_EXTENSION names the extension if it is not ./ortto.
"""
import os
import sqlite3
import sys
import threading
import tkinter
from tkinter import ttk

EVERY = 15 * 60   # seconds from one sync to the next


class Copy:
    """Syncs at once, then at each EVERY and whenever it is asked, until it is closed."""

    def __init__(self, path):
        self.con = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.con.execute("PRAGMA journal_mode = WAL")   # the window reads while this writes
        self.con.enable_load_extension(True)
        self.con.load_extension(os.environ.get("ORTTO_EXTENSION", "./ortto"))
        self.con.enable_load_extension(False)
        self.now = threading.Event()
        self.working, self.closed, self.problem = True, False, ""
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.closed:
            self.working, self.problem = True, ""
            try:
                self.con.execute("SELECT ortto_sync('ortto_people', 'people')").fetchall()
            except sqlite3.Error as error:   # an interrupt is one too
                self.problem = str(error)
            self.working = False
            self.now.wait(EVERY)
            self.now.clear()

    def cancel(self):
        self.con.interrupt()   # the one call that another thread may make

    def close(self):
        self.closed = True
        self.now.set()
        while self.thread.is_alive():   # it may just be about to begin
            self.con.interrupt()
            self.thread.join(0.05)
        self.con.close()


class Window(tkinter.Tk):
    def __init__(self, path):
        super().__init__()
        self.title("Ortto")
        self.copy = Copy(path)
        self.reader = sqlite3.connect(path, isolation_level=None)
        self.bar = ttk.Progressbar(self, length=400)
        self.words = ttk.Label(self)
        self.button = ttk.Button(self, command=self.pressed)
        for part in (self.bar, self.words, self.button):
            part.pack(padx=20, pady=10)
        self.protocol("WM_DELETE_WINDOW", self.close)
        self.look()

    def pressed(self):
        if self.copy.working:
            self.copy.cancel()
        else:
            self.copy.now.set()

    def look(self):
        working = self.copy.working
        try:
            rows, total = self.reader.execute("""SELECT rows, coalesce(total, 0) FROM ortto_sync_state
                ORDER BY run DESC LIMIT 1""").fetchone() or (0, 0)
        except sqlite3.OperationalError:   # before the first sync there is no such table
            rows, total = 0, 0
        self.bar.configure(value=rows or 0, maximum=max(total, 1))
        done = f"{rows} people, as they are in Ortto"
        self.words.configure(text=f"{rows} of {total} people" if working else self.copy.problem or done)
        self.button.configure(text="Cancel" if working else "Sync now")
        self.timer = self.after(200, self.look)

    def close(self):
        self.after_cancel(self.timer)
        self.copy.close()
        self.destroy()


if __name__ == "__main__":
    Window(sys.argv[1] if len(sys.argv) > 1 else "crm.db").mainloop()
