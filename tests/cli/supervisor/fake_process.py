"""A tiny process to supervise: `python fake_process.py NAME DIARY [OPTION...]`.

It writes `NAME started PID` and `NAME stopping` into the diary. Options: `port=N` answers 200 to GET there;
`late=SECONDS` answers 503 until then; `crash=SECONDS` exits with code 7 after that long; `stubborn` ignores SIGTERM;
`slow=SECONDS` takes that long to stop; `parent` starts a grandchild that ignores SIGTERM; `say=TEXT` prints a line.
"""

import http.server
import os
import signal
import subprocess
import sys
import threading
import time


def main():  # noqa: C901 - one branch for each way to misbehave
    """Behave as the options say."""
    name, diary = sys.argv[1], sys.argv[2]
    options = dict(option.partition("=")[::2] for option in sys.argv[3:])

    def note(text):
        with open(diary, "a") as file:  # noqa: PTH123 - appending one short line is atomic this way
            file.write(f"{name} {text}\n")

    began = time.monotonic()
    done = threading.Event()

    def stop(number, frame):
        note("stopping")
        if "stubborn" not in options:
            done.set()

    signal.signal(signal.SIGTERM, stop)
    if "say" in options:
        print(options["say"], flush=True)
    if "parent" in options:
        grandchild = subprocess.Popen([sys.executable, __file__, f"{name}-child", diary, "stubborn"])
        note(f"grandchild {grandchild.pid}")
    if "port" in options:
        late = float(options.get("late", 0))

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if time.monotonic() - began >= late else 503)
                self.end_headers()
                self.wfile.write(b"Ok.\n")

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(options["port"])), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    note(f"started {os.getpid()}")
    if "crash" in options:
        done.wait(float(options["crash"]))
        if not done.is_set():
            sys.exit(7)
    done.wait()
    time.sleep(float(options.get("slow", 0)))
    note("stopped")


if __name__ == "__main__":
    main()
