"""Is anything that we pin known to be vulnerable? Run `python release/audit.py [--service osv | pypi] [--url ...]`.

Asks an advisory service, by pip-audit, about every line of `constraints.txt`. A service that does not know a package,
or cannot be reached, is no good news: the exit status is 0 only if every line was looked up and nothing was found, and
2 if the question could not be asked. `--url` names a copy of OSV inside a closed network.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from environments import ROOT, check


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--service", choices=["osv", "pypi"], default="osv")
    parser.add_argument("--url", help="another address of OSV, such as a copy of it")
    args = parser.parse_args()
    program = Path(sys.executable).with_name("pip-audit")
    command = [str(program), "--requirement", str(ROOT / "constraints.txt"), "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--vulnerability-service", args.service]
    command += ["--osv-url", args.url] if args.url else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except json.JSONDecodeError:
        print(f"the advisories could not be asked for: {done.stderr.strip().splitlines()[-1][:300]}")
        sys.exit(2)
    unknown = [one["name"] for one in packages if "skip_reason" in one]
    if len(unknown) == len(packages):
        print(f"{args.service} knows none of our {len(packages)} packages from here: nothing was audited")
        sys.exit(2)
    found = [f"{one['name']} {one['version']}: {each['id']}" for one in packages for each in one.get("vulns", [])]
    held = [
        check(f"all {len(packages)} packages were looked up", not unknown, but=", ".join(unknown)),
        check("none of them has a known vulnerability", not found, but="; ".join(found)),
    ]
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
