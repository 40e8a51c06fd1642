"""Does the image keep its promises? Run `python benchmarks/container.py [--keep]`.

Builds it from the Dockerfile with whichever of docker and podman answers, and runs it as `docs/server.md` says: on a
read-only file system, without capabilities. Then: it does not start without a token; it becomes healthy; its user is
not root and can write nothing of the service's; strangers are refused; a photo is read as the library reads it, and a
video; it stops by itself within its grace; and a video in a volume outlives it. Where no engine answers, it says so and
exits with 2.
"""

import argparse
import json
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mien

ROOT = Path(__file__).resolve().parents[1]
PHOTO, VIDEO = ROOT / "examples" / "astronaut.jpg", ROOT / "examples" / "astronaut.mp4"
IMAGE = VOLUME = "mien-check"
PORT = 18646
URL = f"http://127.0.0.1:{PORT}"
RUN = ["run", "--detach", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
HEALTHY_WITHIN_S = 120


def engine() -> str | None:
    """The first container engine that answers."""
    for name in ("docker", "podman"):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return name
    return None


def call(*command: str) -> str:
    """A command's output, without the newline at its end."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def check(name: str, holds: bool) -> bool:
    print(f"{'ok   ' if holds else 'WRONG'}  {name}", flush=True)
    return holds


def build(name: str) -> None:
    """Build the image, with its health check."""
    # podman's own format has no place for a health check
    kind = ("--format", "docker") if name == "podman" else ()
    subprocess.run([name, "build", *kind, "--tag", IMAGE, str(ROOT)], check=True)


def check_refused_without_token(name: str) -> bool:
    done = subprocess.run([name, "run", "--rm", "--read-only", IMAGE], check=False, capture_output=True, text=True)
    return check("without a token it does not start", done.returncode != 0 and "set a token" in done.stderr)


def is_healthy(name: str, container: str) -> bool:
    until_s = time.monotonic() + HEALTHY_WITHIN_S
    while time.monotonic() < until_s:
        # podman runs the check when it is told to, docker by itself
        subprocess.run([name, "healthcheck", "run", container], capture_output=True, check=False)
        state = json.loads(call(name, "inspect", container))[0]["State"]
        if (state.get("Health") or state.get("Healthcheck") or {}).get("Status") == "healthy":
            return True
        time.sleep(1)
    return False


def check_nothing_is_written(name: str, container: str) -> bool:
    command = [name, "exec", container, "touch", "/tmp/new", "/opt/mien/new", "/new"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    refused = [line for line in done.stderr.splitlines() if "Read-only file system" in line]
    return check("only /tmp can be written", len(refused) == 2 and "/tmp" not in done.stderr)


def check_answers(token: str) -> list[bool]:
    client = mien.Client(URL, token=token)
    expected = mien.Analyzer(detector="mtcnn").read(mien.load_photo(PHOTO)).faces[0]
    got = client.read(PHOTO).faces[0]
    nearly = all(
        abs(share - got.emotions.probabilities[label]) < 1e-3
        for label, share in expected.emotions.probabilities.items()
    )
    try:
        mien.Client(URL).models()
        refused = False
    except mien.ServiceError as error:
        refused = "expected a token" in str(error)
    return [
        check("strangers are refused", refused),
        check("a photo is read as the library reads it", nearly),
        check("a video is read", len(client.read_video(VIDEO, every_s=0.5)) > 1),
    ]


@contextmanager
def running(name: str, token: str, *options: str) -> Iterator[str]:
    """A container of the image, removed in the end; its id."""
    published = f"127.0.0.1:{PORT}:8646"
    container = call(name, *RUN, "--env", f"MIEN_TOKEN={token}", "--publish", published, *options, IMAGE)
    try:
        yield container
    finally:
        call(name, "rm", "--force", "--volumes", container)


def check_running(name: str, token: str) -> list[bool]:
    with running(name, token) as container:
        held = [
            check("it becomes healthy", is_healthy(name, container)),
            check("its user is not root", call(name, "exec", container, "id", "-u") == "10001"),
            check_nothing_is_written(name, container),
            *check_answers(token),
        ]
        began_s = time.monotonic()
        call(name, "stop", "-t", "30", container)
        code = json.loads(call(name, "inspect", container))[0]["State"]["ExitCode"]
        return [*held, check("it stops by itself", code in {0, 143} and time.monotonic() - began_s < 25)]


def check_kept(name: str, token: str) -> bool:
    """A video is still there for a container that comes after the one that read it."""
    options = ("--env", "MIEN_DATA_DIR=/data", "--volume", f"{VOLUME}:/data")
    client = mien.Client(URL, token=token)
    try:
        with running(name, token, *options) as container:
            is_healthy(name, container)
            job = client.submit_video(VIDEO, every_s=0.5)
            while client.video(job.id).state in {"queued", "running"}:
                time.sleep(0.2)
        with running(name, token, *options) as container:
            is_healthy(name, container)
            return check("a video in a volume survives", client.video(job.id).state == "done")
    finally:
        call(name, "volume", "rm", "--force", VOLUME)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="keep the image")
    args = parser.parse_args()
    name = engine()
    if name is None:
        print("no container engine answers here (neither docker nor podman): the image was not checked")
        sys.exit(2)
    build(name)
    token = secrets.token_urlsafe()
    held = [check_refused_without_token(name), *check_running(name, token), check_kept(name, token)]
    if not args.keep:
        call(name, "rmi", "--force", IMAGE)
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
