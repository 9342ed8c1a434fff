"""`regulars demo`: a shop and Regulars beside it. The shop makes its year anew at each start, so the demo's data do too.

This process becomes the server; the shop, a mailbox where one is needed, and the short-lived set-up run beside it
(demo_setup.py).
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from app import lock, serving
from app.demo_processes import MAILED, end_process, environment, start_mailbox, start_process
from core.errors import ConfigurationError

HOST = "127.0.0.1"
MARK = ".regulars-demo"
CHECK_ENDS_S = 10

Say = Callable[[str], None]


def run(data_dir: Path, *, platform: str, port: int, reset: bool, check: bool, say: Say) -> int:
    """Returns the exit code. `reset` only removes what demos left; `check` asks every address once and ends."""
    folder = data_dir / "demo"
    remove_data(folder)
    if reset:
        say("The demo's data are gone. Your own data were not touched.")
        return 0
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    server_port = serving.free_port(HOST, port)
    shop_port = serving.free_port(HOST, server_port + 1)
    server_url, shop_url = serving.address(HOST, server_port), serving.address(HOST, shop_port)
    mail_port = serving.free_port(HOST, shop_port + 1) if platform in MAILED else None
    smtp_port = serving.free_port(HOST, mail_port + 1) if mail_port else None
    env = environment(folder, server_url, smtp_port=smtp_port)
    os.environ.clear()
    os.environ.update(env)
    say("Starting a made-up shop with Regulars beside it ...")
    shop = start_process(["demo", "--platform", platform, "--port", str(shop_port)], env=env, log=folder / "shop.log")
    arguments = ["app.demo_setup", "--server", server_url, "--shop", shop_url, "--platform", platform]
    arguments += ["--parent", str(os.getpid())]
    beside = [shop]
    if mail_port and smtp_port:
        beside.append(start_mailbox(port=mail_port, smtp_port=smtp_port, env=env, log=folder / "mail.log"))
        arguments += ["--mail", serving.address(HOST, mail_port)]
    set_up = start_process([*arguments, *(["--check"] if check else [])], env=env)
    try:
        code = serving.serve(host=HOST, port=server_port, log_file=folder / "server.log")
        if check:
            set_up.wait(CHECK_ENDS_S)
    finally:
        for process in (set_up, *beside):
            end_process(process)
    return code or max(set_up.returncode, 0)


def remove_data(folder: Path) -> None:
    """Remove a demo's folder, and only that. Raises ConfigurationError for another folder, and while a demo runs."""
    if not folder.exists():
        return
    if not (folder / MARK).exists():
        raise ConfigurationError(f"{folder} is not a demo's folder: move it away first")
    with lock.in_use(folder, alone=True):
        shutil.rmtree(folder)
