"""`python -m mien` is the `mien` command."""

from mien.cli.app import main

if __name__ == "__main__":
    main()
