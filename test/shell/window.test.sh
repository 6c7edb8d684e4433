# examples/window.py under a display that nobody sees: the bar moves, Cancel ends a sync at once, the next one goes on
# from there, a refused key is told, the window never waits, and closing it ends all.
# sandbox: --seed 1 --people 6000 --latency 250
# env: ORTTO_RATE=0 ORTTO_CONCURRENCY=1
# shellcheck shell=bash
# shellcheck source=test/shell/hosts.sh
. "$ROOT/test/shell/hosts.sh"
python=$(python_with tkinter) || { skip 'examples/window.py' 'no Python with tkinter whose sqlite3 loads extensions'; exit; }
here xvfb-run || { skip 'examples/window.py' 'no xvfb-run'; exit; }

cat >drive.py <<'PYTHON'
import os, sqlite3, sys, time, urllib.request
sys.path.insert(0, "examples")
import window

def check(name, ok, *seen):
    print("ok" if ok else f"{seen}\nnot ok", name, flush=True)

def until(condition, seconds=40):
    """Lets the window live; how long it took, and the longest that it did not answer."""
    begin = last = time.monotonic()
    longest = 0
    while not condition() and last - begin < seconds:
        app.update()
        time.sleep(0.01)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    return last - begin, longest

def requests():
    return int(urllib.request.urlopen(os.environ["ORTTO_API_URL"] + "/sandbox/count?path=/v1/person/get").read())

app = window.Window("copy.db")
value = lambda: int(float(app.bar["value"]))
words = lambda: app.words["text"]
_, longest = until(lambda: 0 < value() < int(float(app.bar["maximum"])))
check("the bar shows how far it is", 0 < value() < 5900 and words() == f"{value()} of 5900 people", value(), words())
check("the button cancels", app.button["text"] == "Cancel", app.button["text"])
app.button.invoke()
took, _ = until(lambda: not app.copy.working)
check("at once", took < 1, took)
until(lambda: app.button["text"] == "Sync now")
check("and says so", "interrupt" in words(), words())
half = value()
check("nothing is half done", not sqlite3.connect("copy.db").execute(
    "SELECT count(*) FROM sqlite_schema WHERE name = 'people'").fetchone()[0])
before = requests()
app.button.invoke()
_, longer = until(lambda: words() == "5900 people, as they are in Ortto")
check("the next sync goes on from there", words() == "5900 people, as they are in Ortto" and
      sqlite3.connect("copy.db").execute("SELECT count(*) FROM people").fetchone()[0] == 5900 and
      requests() - before <= 13 - half // 500, words(), half, requests() - before)
check("the window never waits", max(longest, longer) < 2, longest, longer)
urllib.request.urlopen(os.environ["ORTTO_API_URL"] + "/sandbox/fault",
                       b'{"kind":"status","status":401,"path":"/v1/person/get"}').read()
until(lambda: app.button["text"] == "Sync now")
app.button.invoke()
until(lambda: "401" in words())
check("what is wrong is told", "answered 401" in words(), words())
app.copy.now.set()
begin = time.monotonic()
app.close()
check("closing it ends all", time.monotonic() - begin < 3 and not app.copy.thread.is_alive(), time.monotonic() - begin)
PYTHON
xvfb-run -a timeout 100 "$python" drive.py 2>&1 || not_ok 'examples/window.py ended'
