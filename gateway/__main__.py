"""`python -m gateway` is `skerry`."""

from gateway.cli import main

if __name__ == "__main__":
    main()
