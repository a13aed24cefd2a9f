"""`python -m tests.warm_server FD`: imports what our processes are built on, then forks one whenever it is asked to."""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
import traceback

# Nothing that starts threads when it is imported: a fork would lose them.
_LIBRARIES = (
    *("aiohttp", "aiosmtplib", "alembic.command", "click", "fastapi", "fastapi.testclient", "httpx", "jinja2"),
    *("clickhouse_connect.driver.asyncclient", "opentelemetry.sdk.trace.export", "opentelemetry.sdk.metrics.export"),
    *("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.instrumentation.fastapi"),
    *("PIL.Image", "psutil", "pydantic_settings", "redis.asyncio", "sqlalchemy", "uvicorn", "yaml"),
)
_LARGEST = 1 << 20


def main():
    """Serve until the other end is closed."""
    for name in _LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    connection = socket.socket(fileno=int(sys.argv[1]))
    running = set()
    while True:
        message, files, _, _ = socket.recv_fds(connection, _LARGEST, 2)
        if not message:
            break
        question = json.loads(message)
        if "start" in question:
            if not (pid := os.fork()):
                connection.close()
                _become(question, files)
            running.add(pid)
            for file in files:
                os.close(file)
            answer = {"pid": pid}
        else:
            ended, status = os.waitpid(question["poll"], os.WNOHANG)
            running.discard(ended)
            answer = {"code": os.waitstatus_to_exitcode(status) if ended else None}
        connection.send(json.dumps(answer).encode())
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _become(question, files):
    """Run what was asked for in this process, as the interpreter would, and end."""
    code = 1
    try:
        out, errors = files
        os.dup2(out, 1)
        os.dup2(errors, 2)
        for file in files:
            os.close(file)
        os.chdir(question["cwd"])
        os.environ.clear()
        os.environ.update(question["env"])
        kind, what, *arguments = question["start"]
        sys.path.insert(0, question["cwd"])
        code = _run(kind, what, arguments)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # as the interpreter: tell of whatever it is, and end
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(kind, what, arguments):
    try:
        if kind == "-m":
            sys.argv = [what, *arguments]
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.argv = ["-c", *arguments]
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - as `python -c`
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    threading._shutdown()
    atexit._run_exitfuncs()
    return code


if __name__ == "__main__":
    main()
