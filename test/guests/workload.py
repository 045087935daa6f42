"""What Python programs do with the system, one line each: "name: outcome". /tmp is writable, /guests is not."""
import sys


def outcome(work):
    try:
        return work()
    except BaseException as problem:
        return f"{type(problem).__name__}: {problem}"


def use_json():
    import json
    return json.loads(json.dumps({"list": [1, 2.5, None], "text": "á"}, ensure_ascii=False))["text"]


def use_sqlite():
    import sqlite3
    with sqlite3.connect("/tmp/ships.db") as db:
        db.execute("create table ships (name text, tons integer)")
        db.executemany("insert into ships values (?, ?)", [("wherry", 40), ("barge", 120)])
    return sqlite3.connect("/tmp/ships.db").execute("select sum(tons) from ships").fetchone()[0]


def use_zipfile():
    import zipfile
    with zipfile.ZipFile("/tmp/a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/text.txt", "ahoy" * 1000)
    with zipfile.ZipFile("/tmp/a.zip") as archive:
        return len(archive.read("folder/text.txt")), archive.testzip()


def use_tempfile():
    import tempfile
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(b"x" * 100_000)
        file.flush()
        file.seek(99_999)
        return folder.startswith("/tmp/"), file.read()


def use_walk():
    import os
    os.makedirs("/tmp/tree/a/b")
    open("/tmp/tree/a/b/leaf", "w").close()
    os.symlink("leaf", "/tmp/tree/a/b/link")
    os.rename("/tmp/tree/a", "/tmp/tree/c")
    return [(path, sorted(files)) for path, _, files in os.walk("/tmp/tree")]


def use_shutil():
    import shutil
    shutil.copytree("/tmp/tree", "/tmp/copy")
    shutil.rmtree("/tmp/copy")
    return "removed"


def use_read_only():
    open("/guests/new", "w")


def use_outside():
    open("/etc/passwd")


def use_sleep():
    import time
    start = time.monotonic()
    time.sleep(0.05)
    return time.monotonic() - start >= 0.05


def use_random():
    import random
    import secrets
    return len({random.random(), random.random(), secrets.token_hex(8)})


def use_hashlib():
    import hashlib
    return hashlib.sha256(b"wherry").hexdigest()[:8]


def use_environ():
    import os
    return os.environ["PORT_OF_CALL"], sys.argv[1:]


def use_asyncio():
    import asyncio
    asyncio.new_event_loop()


def use_threading():
    import threading
    threading.Thread(target=print).start()


def use_subprocess():
    import subprocess
    subprocess.run(["true"])


def use_socket():
    import socket
    socket.create_connection(("127.0.0.1", 80))


def use_deep_recursion():
    def down(depth):
        return 0 if depth == 0 else 1 + down(depth - 1)

    return down(900)


def use_too_much_memory():
    bytearray(512 * 1024 * 1024)


for name, work in list(globals().items()):
    if name.startswith("use_"):
        print(f"{name[4:]}: {outcome(work)}", flush=True)
sys.exit(7)
