"""Does the image keep its promises? Run `python benchmarks/container.py [--keep]`.

Builds it from the Dockerfile with whichever of docker and podman answers, and runs it as `docs/server.md` says: on a
read-only file system, without capabilities. Then: it does not start without a token; its user is not root; it becomes
healthy; strangers are refused; a photo and a video are read as the library reads them; and it stops by itself within
its grace. Where no engine answers, it says so and exits with 2.
"""

import argparse
import json
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import mien

ROOT = Path(__file__).resolve().parents[1]
IMAGE = "mien-check"
PORT = 18646
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


def check_answers(token: str) -> list[bool]:
    url = f"http://127.0.0.1:{PORT}"
    photo, video = ROOT / "examples" / "astronaut.jpg", ROOT / "examples" / "astronaut.mp4"
    client = mien.Client(url, token=token)
    expected = mien.Analyzer(detector="mtcnn").read(mien.load_photo(photo)).faces[0]
    got = client.read(photo).faces[0]
    nearly = all(
        abs(share - got.emotions.probabilities[label]) < 1e-3
        for label, share in expected.emotions.probabilities.items()
    )
    try:
        mien.Client(url).models()
        refused = False
    except mien.ServiceError as error:
        refused = "expected a token" in str(error)
    return [
        check("strangers are refused", refused),
        check("a photo is read as the library reads it", nearly),
        check("a video is read", len(client.read_video(video, every_s=0.5)) > 1),
    ]


def check_running(name: str, token: str) -> list[bool]:
    published = f"127.0.0.1:{PORT}:8646"
    container = call(name, *RUN, "--env", f"MIEN_TOKEN={token}", "--publish", published, IMAGE)
    try:
        held = [
            check("it becomes healthy", is_healthy(name, container)),
            check("its user is not root", call(name, "exec", container, "id", "-u") == "10001"),
            *check_answers(token),
        ]
        began_s = time.monotonic()
        call(name, "stop", "-t", "30", container)
        code = json.loads(call(name, "inspect", container))[0]["State"]["ExitCode"]
        held.append(check("it stops by itself", code in {0, 143} and time.monotonic() - began_s < 25))
    finally:
        call(name, "rm", "--force", container)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="keep the image")
    args = parser.parse_args()
    name = engine()
    if name is None:
        print("no container engine answers here (neither docker nor podman): the image was not checked")
        sys.exit(2)
    subprocess.run([name, "build", "--tag", IMAGE, str(ROOT)], check=True)
    held = [check_refused_without_token(name), *check_running(name, secrets.token_urlsafe())]
    if not args.keep:
        call(name, "rmi", "--force", IMAGE)
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
